"""Plans: what would change on an environment, why, and whether anything would be lost.

A plan is a value: computing one sends nothing, and applying one first computes it again and compares digests,
so that a plan that no longer describes the network is refused instead of half applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

from orchestrator.core.json_values import as_list, as_object, as_optional_text, as_text
from orchestrator.core.recipe_use import RecipeUse, use_from_json, use_to_json
from orchestrator.errors import DeployError

__all__ = ["PLAN_SCHEMA", "Action", "Change", "Detail", "Mode", "Plan", "change_to_json", "plan_from_json", "plan_to_json"]

PLAN_SCHEMA = 1
_PLAN_HINT = "save one with `orchestrator plan --json > plan.json`"
_Word = TypeVar("_Word", bound=str)

Action = Literal["create", "settings", "install", "upgrade", "reinstall", "start", "sync", "unchanged"]
Mode = Literal["auto", "install", "reinstall", "upgrade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One value that differs: `field` as written in the manifest, `before` and `after` as text, `None` when absent."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step for one canister.

    `reason` is a clause for people (`the module differs`); `destructive` means that something can be lost or broken
    that the change does not bring back; `details` are the values that differ, sorted by field.
    """

    canister: str
    action: Action
    reason: str
    destructive: bool = False
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a deploy of `canisters` to `environment` would do, in order of execution within each canister.

    `digest` (lower-case hex of 32 bytes) covers artifacts, arguments, settings, variables, and the module hashes and
    controllers that were observed. `artifacts` maps a canister's name to the SHA-256 of its module in hex. `recipes` are the
    remote ones that the canisters' steps come from.
    """

    environment: str
    network: str
    digest: str
    canisters: tuple[str, ...]
    changes: tuple[Change, ...]
    artifacts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mode: Mode = "auto"
    force: bool = False
    recipes: tuple[RecipeUse, ...] = ()

    @property
    def mutates(self) -> bool:
        """Whether applying the plan sends anything."""
        return any(change.action != "unchanged" for change in self.changes)

    @property
    def destructive(self) -> tuple[Change, ...]:
        """Return the changes that need consent."""
        return tuple(change for change in self.changes if change.destructive)

    @property
    def reaching(self) -> tuple[RecipeUse, ...]:
        """Return the remote recipes whose steps name a proxy or other canisters, to which nobody has agreed so far."""
        return tuple(use for use in self.recipes if use.unagreed)

    def of(self, canister: str) -> tuple[Change, ...]:
        """Return the changes of one canister, in order."""
        return tuple(change for change in self.changes if change.canister == canister)


def plan_to_json(plan: Plan) -> dict[str, object]:
    """Return the plan as plain values: what `plan --json` prints, and what a saved plan holds."""
    return {
        "schema": PLAN_SCHEMA,
        "environment": plan.environment,
        "network": plan.network,
        "digest": plan.digest,
        "canisters": list(plan.canisters),
        "mode": plan.mode,
        "force": plan.force,
        "artifacts": dict(sorted(plan.artifacts.items())),
        "changes": [change_to_json(change) for change in plan.changes],
        "recipes": [use_to_json(use) for use in plan.recipes],
    }


def change_to_json(change: Change) -> dict[str, object]:
    """Return one change as plain values."""
    return {
        "canister": change.canister,
        "action": change.action,
        "reason": change.reason,
        "destructive": change.destructive,
        "details": [{"field": detail.field, "before": detail.before, "after": detail.after} for detail in change.details],
    }


def plan_from_json(document: object) -> Plan:
    """Return the plan that `plan_to_json` wrote; raises `DeployError` (`deploy/plan-file`) for anything else."""
    try:
        return _read_plan(document)
    except (KeyError, TypeError, ValueError) as error:
        detail = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        raise DeployError("the file does not hold a plan", slug="deploy/plan-file", detail=detail, hint=_PLAN_HINT) from error


def _read_plan(document: object) -> Plan:
    fields = as_object(document)
    if fields["schema"] != PLAN_SCHEMA:
        raise ValueError(f"schema {fields['schema']!r} is not {PLAN_SCHEMA}")
    return Plan(
        environment=as_text(fields["environment"]),
        network=as_text(fields["network"]),
        digest=as_text(fields["digest"]),
        canisters=tuple(as_text(name) for name in as_list(fields["canisters"])),
        changes=tuple(_read_change(as_object(change)) for change in as_list(fields["changes"])),
        artifacts={name: as_text(sha256) for name, sha256 in as_object(fields["artifacts"]).items()},
        mode=_choice(fields["mode"], get_args(Mode)),
        force=bool(fields["force"]),
        recipes=tuple(use_from_json(use) for use in as_list(fields.get("recipes", []))),
    )


def _read_change(fields: Mapping[str, object]) -> Change:
    details = [as_object(detail) for detail in as_list(fields["details"])]
    return Change(
        canister=as_text(fields["canister"]),
        action=_choice(fields["action"], get_args(Action)),
        reason=as_text(fields["reason"]),
        destructive=bool(fields["destructive"]),
        details=tuple(
            Detail(field=as_text(detail["field"]), before=as_optional_text(detail["before"]), after=as_optional_text(detail["after"]))
            for detail in details
        ),
    )


def _choice(value: object, words: tuple[_Word, ...]) -> _Word:
    for word in words:
        if word == value:
            return word
    raise ValueError(f"{value!r} is none of {', '.join(str(word) for word in words)}")
