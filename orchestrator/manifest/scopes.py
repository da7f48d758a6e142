"""What the name of a canister means in the project that it is written in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import PluginStep, Settings, SyncStep

__all__ = ["Scope", "bind_settings", "bind_steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The names of one project: `bindings` are those that it knows others by (`core`, `lib:core`), `keys` all of the workspace.

    `own` are the project's own canisters, by local name; what a name means is its key.
    """

    own: Mapping[str, str]
    bindings: Mapping[str, str]
    keys: Collection[str]

    def find(self, name: str) -> str | None:
        """Return the key of the canister that a name means here, or None."""
        return self.bindings.get(name) or (name if name in self.keys else None)

    def find_controller(self, name: str) -> str | None:
        """Return the same for a controller: for icp-cli's sake an own canister or a key, no `alias:name`."""
        return self.own.get(name) or (name if name in self.keys else None)

    @property
    def names(self) -> tuple[str, ...]:
        """Return everything that can be written, without repetition."""
        return tuple(dict.fromkeys((*self.bindings, *self.keys)))


def bind_settings(settings: Settings, scope: Scope) -> Settings:
    """Return settings whose controllers are principals and keys."""
    if settings.controllers is None:
        return settings
    return replace(settings, controllers=tuple(_bind_controller(each, scope) for each in settings.controllers))


def bind_steps(steps: tuple[SyncStep, ...], bindings: Mapping[str, str]) -> tuple[SyncStep, ...]:
    """Return sync steps whose proxies are principals, keys, `none` or `default`."""
    return tuple(_bind_step(step, bindings) for step in steps)


def _bind_step(step: SyncStep, bindings: Mapping[str, str]) -> SyncStep:
    if not isinstance(step, PluginStep) or step.proxy in {"none", "default"}:
        return step
    key = bindings.get(step.proxy, step.proxy)
    return step if key == step.proxy else replace(step, proxy=key)


def _bind_controller(text: str, scope: Scope) -> str:
    try:
        Principal.from_text(text)
    except PrincipalError:
        return scope.find_controller(text) or text
    return text
