"""What recipes of other people do in a deployment: the commands that they run, and whom their steps reach."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.json_values import as_list, as_number, as_object, as_optional_text, as_text
from orchestrator.core.project import Canister, PluginStep, ScriptStep
from orchestrator.core.redaction import redact_url

__all__ = ["Reach", "RecipeUse", "describe_use", "use_facts", "use_from_json", "use_to_json"]

_OWN_ROUTES = frozenset({"default", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A sync step (`step` counts from 1) that names somebody: the `proxy` of its calls, or other `canisters` that it may call.

    Canisters are called by their keys in the workspace. `component` is the SHA-256 of its plugin in lower-case hex, `None` where nobody knows it before the step runs. `agreed` is the
    day (`2026-11-22`) on which somebody agreed to all of this, `None` where nobody has.
    """

    step: int
    name: str | None
    proxy: str | None
    canisters: tuple[str, ...] = ()
    component: str | None = None
    agreed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeUse:
    """A remote recipe of a canister: its address as it may be shown, the SHA-256 of its template in lower-case hex.

    `build_commands` and `sync_commands` count the shell commands that it runs on this machine; `reaches` are steps that
    would run, and that need consent.
    """

    canister: str
    recipe: str
    sha256: str
    build_commands: int = 0
    sync_commands: int = 0
    reaches: tuple[Reach, ...] = ()

    @property
    def unagreed(self) -> tuple[Reach, ...]:
        """Return the steps that somebody still has to agree to."""
        return tuple(reach for reach in self.reaches if reach.agreed is None)


def describe_use(canister: Canister, due: tuple[int, ...]) -> RecipeUse | None:
    """Return what the remote recipe of an expanded canister does, `None` without one; `due` are the numbers of the sync steps to run."""
    origin = canister.expanded
    if origin is None or not origin.remote:
        return None
    own = dict(enumerate(canister.sync[: origin.sync], 1))
    return RecipeUse(
        canister=canister.name,
        recipe=redact_url(origin.address),
        sha256=origin.sha256,
        build_commands=sum(len(step.commands) for step in canister.build[: origin.build] if isinstance(step, ScriptStep)),
        sync_commands=sum(len(step.commands) for index, step in own.items() if index in due and isinstance(step, ScriptStep)),
        reaches=tuple(
            reach
            for index, step in own.items()
            if index in due and isinstance(step, PluginStep) and (reach := _reach_of(canister, index, step)) is not None
        ),
    )


def _reach_of(canister: Canister, index: int, step: PluginStep) -> Reach | None:
    proxy = None if step.proxy in _OWN_ROUTES else step.proxy
    keys = (canister.bindings.get(name, name) for name in step.canisters)
    others = tuple(key for key in keys if key != canister.name)
    return Reach(step=index, name=step.name, proxy=proxy, canisters=others) if proxy or others else None


def use_to_json(use: RecipeUse) -> dict[str, object]:
    """Return the use of a recipe as plain values."""
    return {**use_facts(use), "reaches": [{**_reach_facts(reach), "agreed": reach.agreed} for reach in use.reaches]}


def use_facts(use: RecipeUse) -> dict[str, object]:
    """Return what a consent to the use of a recipe is about, as plain values: everything but whether there was one."""
    return {
        "canister": use.canister,
        "recipe": use.recipe,
        "sha256": use.sha256,
        "build_commands": use.build_commands,
        "sync_commands": use.sync_commands,
        "reaches": [_reach_facts(reach) for reach in use.reaches],
    }


def _reach_facts(reach: Reach) -> dict[str, object]:
    return {
        "step": reach.step,
        "name": reach.name,
        "proxy": reach.proxy,
        "canisters": list(reach.canisters),
        "component": reach.component,
    }


def use_from_json(document: object) -> RecipeUse:
    """Return what `use_to_json` wrote; raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    fields = as_object(document)
    return RecipeUse(
        canister=as_text(fields["canister"]),
        recipe=as_text(fields["recipe"]),
        sha256=as_text(fields["sha256"]),
        build_commands=as_number(fields["build_commands"]),
        sync_commands=as_number(fields["sync_commands"]),
        reaches=tuple(_reach(as_object(each)) for each in as_list(fields["reaches"])),
    )


def _reach(fields: Mapping[str, object]) -> Reach:
    return Reach(
        step=as_number(fields["step"]),
        name=as_optional_text(fields["name"]),
        proxy=as_optional_text(fields["proxy"]),
        canisters=tuple(as_text(each) for each in as_list(fields["canisters"])),
        component=as_optional_text(fields.get("component")),  # plans of older versions have none, and are stale
        agreed=as_optional_text(fields.get("agreed")),
    )
