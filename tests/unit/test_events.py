"""Events are a contract with scripts: names are stable, fields are plain, nothing is forgotten."""

import json
import re
from dataclasses import fields, is_dataclass

import pytest

from orchestrator import events
from orchestrator.core.plan import Change, Detail
from orchestrator.events import EVENTS, Event, PlanReady, Warned, event_to_json


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_names_itself(kind: type[Event]) -> None:
    """An event is a frozen record with a kebab-case name and a docstring."""
    assert is_dataclass(kind)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.event)
    assert kind.__doc__
    assert "event" not in {each.name for each in fields(kind)}


def test_names_are_unique() -> None:
    """No two events share a name, and each one is exported."""
    names = [kind.event for kind in EVENTS]

    assert len(set(names)) == len(names)
    assert {kind.__name__ for kind in EVENTS} <= set(events.__all__)


def test_to_json_keeps_every_field_in_order() -> None:
    """The JSON form has the name first, then the fields as declared."""
    record = event_to_json(Warned(slug="a/b", summary="odd"))

    assert record == {"event": "warning", "slug": "a/b", "summary": "odd", "canister": None, "hint": None, "place": None}
    assert next(iter(record)) == "event"


def test_a_plan_becomes_plain_values() -> None:
    """Nested changes are written out, so that the stream is JSON through and through."""
    change = Change(canister="a", action="settings", reason="differs", details=(Detail(field="freezing_threshold", before="1", after="2"),))

    record = event_to_json(PlanReady(environment="local", digest="00", changes=(change,)))

    assert json.loads(json.dumps(record))["changes"] == [
        {
            "canister": "a",
            "action": "settings",
            "reason": "differs",
            "destructive": False,
            "details": [{"field": "freezing_threshold", "before": "1", "after": "2"}],
        }
    ]
