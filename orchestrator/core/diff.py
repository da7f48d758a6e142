"""The comparison that makes a plan: what a project asks for against what is there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from orchestrator.core.observed import Observed, ObservedCanister
from orchestrator.core.plan import Action, Change, Detail, Mode, Plan
from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings
from orchestrator.core.recipe_use import RecipeUse, use_facts
from orchestrator.core.settings import CANISTER_ID_PREFIX, UNKNOWN_ID, plan_creation, plan_settings, plan_variables

__all__ = ["Desired", "DesiredCanister", "argument_hash", "diff"]

_DIGEST_DOMAIN = "icp-orchestrator plan 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredCanister:
    """What the project asks of one canister.

    `artifact` is the SHA-256 of the module in hex, `None` when the canister is not built (nothing is installed then).
    `sync_reason` says why the steps run, which a consent is not about. `interface_break` says what callers of the installed module would lose, `None` when nothing.
    """

    name: str
    settings: Settings = field(default_factory=Settings)
    artifact: str | None = None
    install_argument: bytes = b""
    upgrade_argument: bytes = b""
    sync_steps: int = 0
    sync_reason: str = field(default="", compare=False)
    interface_break: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the project asks of an environment; `names` are all its canisters, `canisters` those selected.

    `manager` is who changes canisters, as their controller: the identity, or the proxy that its calls go through. `recipes` are
    the remote ones of the selected canisters. `bindings` are those of all canisters, as in `core.project.Canister`.
    """

    environment: str
    network: str
    names: tuple[str, ...]
    canisters: tuple[DesiredCanister, ...]
    mode: Mode = "auto"
    force: bool = False
    manager: Principal | None = None
    recipes: tuple[RecipeUse, ...] = ()
    bindings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def seen_by(self, canister: str) -> Mapping[str, str]:
        """Return what a canister is told the ids of: the ends of its variables' names, and the canisters."""
        return self.bindings.get(canister) or {name: name for name in self.names}


def argument_hash(argument: bytes) -> str:
    """Return the SHA-256 of an encoded install argument in lower-case hex."""
    return hashlib.sha256(argument).hexdigest()


def diff(desired: Desired, observed: Observed) -> Plan:
    """Return the plan that brings `observed` to `desired`; sends nothing, asks nothing."""
    changes: list[Change] = []
    for canister in desired.canisters:
        changes += _canister_changes(desired, canister, observed)
    changes += _announcements(desired, observed)
    return Plan(
        environment=desired.environment,
        network=desired.network,
        digest=_digest(desired, observed, changes),
        canisters=tuple(canister.name for canister in desired.canisters),
        changes=tuple(changes),
        artifacts={canister.name: canister.artifact for canister in desired.canisters if canister.artifact is not None},
        mode=desired.mode,
        force=desired.force,
        recipes=desired.recipes,
    )


def _canister_changes(desired: Desired, canister: DesiredCanister, observed: Observed) -> list[Change]:
    present = observed.canisters.get(canister.name)
    if present is None:
        changes = [_creation(canister)]
    else:
        changes = [*_settings_change(desired, canister, present, observed), *_start_change(canister, present)]
    changes += _install_change(desired, canister, present)
    if canister.sync_steps:
        count = f"{canister.sync_steps} sync step{'s' if canister.sync_steps > 1 else ''}"
        reason = f"{count}: {canister.sync_reason}" if canister.sync_reason else count
        changes.append(Change(canister=canister.name, action="sync", reason=reason))
    return changes or [Change(canister=canister.name, action="unchanged", reason="module, arguments and settings are as they should be")]


def _creation(canister: DesiredCanister) -> Change:
    born, variables = plan_creation(canister.settings).details, canister.settings.environment_variables or {}
    controllers = [Detail(field=f"controllers.{each}", before=None, after=each) for each in canister.settings.controllers or ()]
    told = [Detail(field=f"environment_variables.{name}", before=None, after=value) for name, value in variables.items()]
    return Change(
        canister=canister.name,
        action="create",
        reason="it has no id in this environment",
        details=tuple(sorted((*born, *controllers, *told), key=lambda detail: detail.field)),
    )


def _settings_change(desired: Desired, canister: DesiredCanister, present: ObservedCanister, observed: Observed) -> list[Change]:
    seen = {name: key for name, key in desired.seen_by(canister.name).items() if key in desired.names}
    ids = {name: observed.ids[key] for name, key in seen.items() if key in observed.ids}
    selected = {each.name for each in desired.canisters}
    pending = [name for name, key in seen.items() if key in selected and key not in observed.ids]
    variables = plan_variables(canister.settings, ids=ids, pending=pending)
    update = plan_settings(canister.settings, present.settings, ids=observed.ids, variables=variables, manager=desired.manager)
    if update.empty:
        return []
    count = len(update.details)
    reason = f"{count} value differs" if count == 1 else f"{count} values differ"
    if update.removed:
        reason += "; a controller is removed" if len(update.removed) == 1 else f"; {len(update.removed)} controllers are removed"
    return [Change(canister=canister.name, action="settings", reason=reason, destructive=bool(update.removed), details=update.details)]


def _start_change(canister: DesiredCanister, present: ObservedCanister) -> list[Change]:
    if present.state == "running" or not canister.sync_steps:
        return []
    return [Change(canister=canister.name, action="start", reason=f"it is {present.state} and has sync steps")]


def _install_change(desired: Desired, canister: DesiredCanister, present: ObservedCanister | None) -> list[Change]:
    if canister.artifact is None:
        return []
    action, reason = _install_action(desired, canister, present)
    if action == "unchanged":
        return []
    breaking = canister.interface_break if action == "upgrade" else None
    details = [Detail(field="module_hash", before=present.module_hash if present else None, after=canister.artifact)]
    if breaking is not None:
        details.append(Detail(field="interface", before=None, after=breaking))
        reason = f"{reason}; its interface breaks callers"
    wiped = action == "reinstall" and present is not None and present.module_hash is not None
    destructive = breaking is not None or wiped
    return [Change(canister=canister.name, action=action, reason=reason, destructive=destructive, details=tuple(details))]


def _install_action(desired: Desired, canister: DesiredCanister, present: ObservedCanister | None) -> tuple[Action, str]:
    """Choose what to do with the module, and say why."""
    if desired.mode != "auto":
        return desired.mode, f"`{desired.mode}` was asked for"
    if present is None or present.module_hash is None:
        return "install", "it has no module"
    if present.module_hash != canister.artifact:
        return "upgrade", "the module differs"
    last = present.last_install
    if last is None or last.module_hash != present.module_hash:
        return "upgrade", "the module is the same, but with which arguments it was installed is not recorded"
    if last.argument_hash not in {argument_hash(canister.install_argument), argument_hash(canister.upgrade_argument)}:
        return "upgrade", "the arguments differ"
    if desired.force:
        return "upgrade", "forced"
    return "unchanged", ""


def _announcements(desired: Desired, observed: Observed) -> list[Change]:
    """Tell canisters that are not selected the ids of those that are: they find each other by variables."""
    selected = {canister.name: observed.ids.get(canister.name) for canister in desired.canisters}
    changes: list[Change] = []
    for name, present in observed.canisters.items():
        current = present.settings.environment_variables
        seen = sorted((end, key) for end, key in desired.seen_by(name).items() if key in selected)
        announced = {f"{CANISTER_ID_PREFIX}{end}": str(selected[key] or UNKNOWN_ID) for end, key in seen}
        details = tuple(
            Detail(field=f"environment_variables.{variable}", before=current.get(variable), after=value)
            for variable, value in announced.items()
            if current.get(variable) != value
        )
        if details and name in desired.names and name not in selected:
            changes.append(
                Change(canister=name, action="settings", reason="the ids of deployed canisters are announced to it", details=details)
            )
    return changes


def _digest(desired: Desired, observed: Observed, changes: list[Change]) -> str:
    """Hash everything that a consent to this plan is about."""
    document = {
        "domain": _DIGEST_DOMAIN,
        "environment": desired.environment,
        "network": desired.network,
        "mode": desired.mode,
        "force": desired.force,
        "names": list(desired.names),
        "desired": {canister.name: _plain(canister) for canister in desired.canisters},
        "observed": {name: _plain(canister) for name, canister in observed.canisters.items()},
        "ids": _plain(observed.ids),
        "actions": [[change.canister, change.action] for change in changes],
    }
    if lost := [[change.canister, _removals(change)] for change in changes if change.action == "settings" and change.destructive]:
        document["removed"] = lost  # it depends on who applies the plan
    if desired.recipes:
        document["recipes"] = [use_facts(use) for use in desired.recipes]
    if told := {name: dict(seen) for name, seen in desired.bindings.items() if any(end != key for end, key in seen.items())}:
        document["bindings"] = told
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _removals(change: Change) -> list[str]:
    return [detail.field for detail in change.details if detail.field.startswith("controllers.") and detail.after is None]


def _plain(value: object) -> object:
    """Turn a value of this package into what JSON can hold, the same on every run."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case frozenset():
            return sorted(str(item) for item in value)
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return _plain_atom(value)


def _plain_atom(value: object) -> object:
    match value:
        case None | bool() | str():
            return value
        case int() | Principal():
            return str(value)
        case bytes():
            return value.hex()
        case _:
            compared = [each.name for each in fields(value) if each.compare]  # type: ignore[arg-type]  # a dataclass of core
            return {name: _plain(getattr(value, name)) for name in compared}
