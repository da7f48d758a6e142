"""Settings: what the manifest asks for against what is there, and the one update that closes the gap.

Controllers are appended; they are removed only where the manifest says `controllers_exact`, and never the one through
which canisters are managed. The environment variables of a canister are replaced as a whole: those of
the manifest, and `PUBLIC_CANISTER_ID:<name>` for every canister of the environment, which always win.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from orchestrator.core.observed import ObservedSettings
from orchestrator.core.plan import Detail
from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import Settings, Visibility

__all__ = [
    "AMOUNTS",
    "CANISTER_ID_PREFIX",
    "UNKNOWN_ID",
    "VISIBILITIES",
    "SettingsUpdate",
    "plan_creation",
    "plan_settings",
    "plan_variables",
    "resolve_controller",
]

CANISTER_ID_PREFIX = "PUBLIC_CANISTER_ID:"
UNKNOWN_ID = "(known after creation)"
AMOUNTS = (
    "compute_allocation",
    "memory_allocation",
    "freezing_threshold",
    "reserved_cycles_limit",
    "wasm_memory_limit",
    "wasm_memory_threshold",
    "log_memory_limit",
)
VISIBILITIES = ("log_visibility", "snapshot_visibility", "status_visibility")
_NO_VIEWERS = "no allowed viewers"
_LATE_VISIBILITIES = frozenset({"snapshot_visibility", "status_visibility"})
"""Settings that are younger than networks which somebody may still run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsUpdate:
    """What to send: `None` leaves a value as it is; `amounts` is keyed by the names in `AMOUNTS`, `visibilities` likewise.

    `unresolved` are controllers given by the name of a canister that has no id yet, `removed` are those that go, `kept`
    is the one that would go and must not, unless the list is empty, and `unknown` are settings that the network does not have.
    """

    controllers: tuple[Principal, ...] | None = None
    amounts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    visibilities: Mapping[str, Visibility] = field(default_factory=lambda: MappingProxyType({}))
    environment_variables: Mapping[str, str] | None = None
    details: tuple[Detail, ...] = ()
    unresolved: tuple[str, ...] = ()
    removed: tuple[Principal, ...] = ()
    kept: Principal | None = None
    unknown: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self.details


def resolve_controller(text: str, ids: Mapping[str, Principal]) -> Principal | None:
    """Return the principal that a controller entry means: principal text, or the name of a canister with an id."""
    try:
        return Principal.from_text(text)
    except PrincipalError:
        return ids.get(text)


def plan_variables(settings: Settings, *, ids: Mapping[str, Principal], pending: Collection[str] = ()) -> Mapping[str, str]:
    """Return the whole set of environment variables a canister should have.

    `ids` are those of the environment's canisters; canisters in `pending` get theirs later and read `UNKNOWN_ID`.
    """
    variables = dict(settings.environment_variables or {})
    variables |= {f"{CANISTER_ID_PREFIX}{name}": UNKNOWN_ID for name in pending}
    variables |= {f"{CANISTER_ID_PREFIX}{name}": str(principal) for name, principal in ids.items()}
    return dict(sorted(variables.items()))


def plan_creation(settings: Settings) -> SettingsUpdate:
    """Return what can be set while a canister is created: everything but controllers and variables, which need ids."""
    bare = replace(settings, controllers=None, controllers_exact=None)
    return plan_settings(bare, ObservedSettings(), ids={}, variables={}, fresh=True)


def plan_settings(
    settings: Settings,
    current: ObservedSettings,
    *,
    ids: Mapping[str, Principal],
    variables: Mapping[str, str],
    manager: Principal | None = None,
    fresh: bool = False,
) -> SettingsUpdate:
    """Compare and return the smallest update; `variables` is the whole set that the canister should have.

    `manager` is who sends the update, and stays a controller whatever the manifest says. A canister that is `fresh` is
    to be created, or was just now: what is not known of it is sent, and not taken for something that the network lacks.
    """
    amounts = {name: wanted for name, wanted in _amounts(settings).items() if wanted != getattr(current, name)}
    visibilities = _changed_visibilities(settings, current)
    unknown = tuple(name for name in visibilities if name in _LATE_VISIBILITIES and getattr(current, name) is None and not fresh)
    visibilities = {name: wanted for name, wanted in visibilities.items() if name not in unknown}
    details = [
        Detail(field=name, before=_text(getattr(current, name)), after=_text(wanted))
        for name, wanted in (*amounts.items(), *visibilities.items())
    ]
    controllers = _compare_controllers(settings, current, ids, manager)
    changed = _variable_details(current.environment_variables, variables)
    return SettingsUpdate(
        controllers=tuple(sorted(controllers.wanted)) if controllers.details else None,
        amounts=amounts,
        visibilities=visibilities,
        environment_variables=dict(variables) if changed else None,
        details=tuple(sorted((*details, *controllers.details, *changed), key=lambda detail: detail.field)),
        unresolved=controllers.unresolved,
        removed=tuple(sorted(current.controllers - controllers.wanted)),
        kept=controllers.kept,
        unknown=unknown,
    )


class _Controllers(NamedTuple):
    """What becomes of a canister's controllers."""

    wanted: frozenset[Principal]
    details: tuple[Detail, ...] = ()
    unresolved: tuple[str, ...] = ()
    kept: Principal | None = None


def _compare_controllers(
    settings: Settings, current: ObservedSettings, ids: Mapping[str, Principal], manager: Principal | None
) -> _Controllers:
    if settings.controllers is None:
        return _Controllers(current.controllers)
    resolved = {entry: resolve_controller(entry, ids) for entry in settings.controllers}
    named = frozenset(each for each in resolved.values() if each is not None)
    kept = None
    if settings.controllers_exact:
        # Who manages the canister could not take this back; who that is may be unknown, and then nobody goes.
        staying = current.controllers if manager is None else current.controllers & {manager}
        # An empty list is how one writes that nobody but who manages it is to control a canister.
        kept = manager if settings.controllers and staying - named and manager is not None else None
    else:
        staying = current.controllers
    wanted = staying | named
    return _Controllers(
        wanted=wanted,
        details=(
            *(Detail(field=f"controllers.{each}", before=None, after=str(each)) for each in wanted - current.controllers),
            *(Detail(field=f"controllers.{each}", before=str(each), after=None) for each in current.controllers - wanted),
        ),
        unresolved=tuple(entry for entry, principal in resolved.items() if principal is None),
        kept=kept,
    )


def _amounts(settings: Settings) -> dict[str, int]:
    """Return the amounts that the manifest sets."""
    return {name: amount for name in AMOUNTS if (amount := getattr(settings, name)) is not None}


def _variable_details(current: Mapping[str, str], wanted: Mapping[str, str]) -> list[Detail]:
    names = sorted({*current, *wanted})
    return [
        Detail(field=f"environment_variables.{name}", before=current.get(name), after=wanted.get(name))
        for name in names
        if current.get(name) != wanted.get(name)
    ]


def _changed_visibilities(settings: Settings, current: ObservedSettings) -> dict[str, Visibility]:
    """Return those that the manifest sets and that differ."""
    pairs = {name: (getattr(settings, name), getattr(current, name)) for name in VISIBILITIES}
    return {name: wanted for name, (wanted, present) in pairs.items() if wanted is not None and not _is_same(wanted, present)}


def _is_same(wanted: Visibility, current: Visibility | None) -> bool:
    """Return whether two are the same; lists of viewers are compared as sets."""
    if isinstance(wanted, tuple) and isinstance(current, tuple):
        return set(wanted) == set(current)
    return wanted == current


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        return ", ".join(sorted({str(each) for each in value})) or _NO_VIEWERS
    return str(value)
