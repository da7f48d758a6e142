"""Settings: what the manifest asks for against what is there, and the one update that closes the gap.

Controllers are appended, never removed. The environment variables of a canister are replaced as a whole: those of
the manifest, and `PUBLIC_CANISTER_ID:<name>` for every canister of the environment, which always win.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from orchestrator.core.observed import ObservedSettings
from orchestrator.core.plan import Detail
from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import LogVisibility, Settings

__all__ = [
    "AMOUNTS",
    "CANISTER_ID_PREFIX",
    "UNKNOWN_ID",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsUpdate:
    """What to send: `None` leaves a value as it is; `amounts` is keyed by the names in `AMOUNTS`.

    `unresolved` are controllers given by the name of a canister that has no id yet.
    """

    controllers: tuple[Principal, ...] | None = None
    amounts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    log_visibility: LogVisibility | None = None
    environment_variables: Mapping[str, str] | None = None
    details: tuple[Detail, ...] = ()
    unresolved: tuple[str, ...] = ()

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
    return plan_settings(settings, ObservedSettings(), ids={}, variables={}, with_controllers=False)


def plan_settings(
    settings: Settings,
    current: ObservedSettings,
    *,
    ids: Mapping[str, Principal],
    variables: Mapping[str, str],
    with_controllers: bool = True,
) -> SettingsUpdate:
    """Compare and return the smallest update; `variables` is the whole set that the canister should have."""
    amounts = {name: wanted for name, wanted in _amounts(settings).items() if wanted != getattr(current, name)}
    details = [Detail(field=name, before=_text(getattr(current, name)), after=str(amount)) for name, amount in amounts.items()]
    visibility = _changed_visibility(settings.log_visibility, current.log_visibility)
    if visibility is not None:
        details.append(Detail(field="log_visibility", before=_text(current.log_visibility), after=_text(visibility)))
    resolved = {entry: resolve_controller(entry, ids) for entry in settings.controllers or ()} if with_controllers else {}
    added = sorted({each for each in resolved.values() if each is not None} - current.controllers)
    details += [Detail(field=f"controllers.{each}", before=None, after=str(each)) for each in added]
    changed = _variable_details(current.environment_variables, variables)
    return SettingsUpdate(
        controllers=tuple(sorted(current.controllers.union(added))) if added else None,
        amounts=amounts,
        log_visibility=visibility,
        environment_variables=dict(variables) if changed else None,
        details=tuple(sorted((*details, *changed), key=lambda detail: detail.field)),
        unresolved=tuple(entry for entry, principal in resolved.items() if principal is None),
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


def _changed_visibility(wanted: LogVisibility | None, current: LogVisibility | None) -> LogVisibility | None:
    """Return `wanted` when it differs; lists of viewers are compared as sets."""
    if wanted is None or wanted == current:
        return None
    if isinstance(wanted, tuple) and isinstance(current, tuple) and set(wanted) == set(current):
        return None
    return wanted


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        return ", ".join(sorted(str(each) for each in value))
    return str(value)
