"""A plan survives being saved, and a file that is no plan is refused."""

import json
from dataclasses import replace

import pytest

from orchestrator.core.plan import Change, Detail, Plan, plan_from_json, plan_to_json
from orchestrator.errors import DeployError

PLAN = Plan(
    environment="local",
    network="local",
    digest="ab" * 32,
    canisters=("api",),
    changes=(
        Change(canister="api", action="create", reason="new", details=(Detail(field="a", before=None, after="1"),)),
        Change(canister="api", action="reinstall", reason="asked", destructive=True),
    ),
    artifacts={"api": "cd" * 32},
    mode="reinstall",
    force=True,
)


def test_a_saved_plan_is_the_same_plan() -> None:
    """Writing and reading gives an equal value."""
    assert plan_from_json(json.loads(json.dumps(plan_to_json(PLAN)))) == PLAN


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"schema": 2}, {**plan_to_json(PLAN), "mode": "maybe"}, {**plan_to_json(PLAN), "changes": [1]}],
)
def test_anything_else_is_refused(document: object) -> None:
    """A file that is not a plan is a clear error."""
    with pytest.raises(DeployError) as caught:
        plan_from_json(document)

    assert caught.value.slug == "deploy/plan-file"


def test_what_needs_consent_is_listed() -> None:
    """Only destructive changes need a yes, and a plan of nothing changes nothing."""
    assert [change.action for change in PLAN.destructive] == ["reinstall"]
    assert PLAN.mutates
    assert not replace(PLAN, changes=(Change(canister="api", action="unchanged", reason="fine"),)).mutates
