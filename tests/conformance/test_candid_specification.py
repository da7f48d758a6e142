"""The cases of the Candid specification's own test suite."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candid import Interface, decode, parse_interface, parse_values
from orchestrator.candid import types as T
from orchestrator.errors import CandidError

CASES = json.loads((Path(__file__).parents[1] / "cases" / "candid" / "specification.json").read_text(encoding="utf-8"))
ALL = [(group, index) for group, content in CASES.items() for index in range(len(content["cases"]))]


def load(source: dict[str, str], types: tuple[T.Type, ...]) -> list[object]:
    """Return the values of a message or of a text."""
    return decode(bytes.fromhex(source["hex"]), types) if "hex" in source else parse_values(source["text"], types)


def outcome(case: dict[str, Any], interface: Interface) -> str:
    """Return what became of a case, in the words that the case file uses for verdicts."""
    types = interface.init_arguments
    if "other" in case:
        return "equal" if repr(load(case, types)) == repr(load(case["other"], types)) else "different"
    try:
        load(case, types)
    except CandidError:
        return "refuse"
    return "accept"


@pytest.mark.parametrize(("group", "index"), ALL, ids=[f"{group}-{index}" for group, index in ALL])
def test_verdict(group: str, index: int) -> None:
    """What the specification accepts, refuses, holds equal or different comes out the same here."""
    case = CASES[group]["cases"][index]
    interface = parse_interface(f"{CASES[group]['definitions']} service : {case['types']} -> {{}}")

    assert outcome(case, interface) == case["verdict"]
