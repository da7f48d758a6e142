"""The table of rejects: numbers and texts go together."""

import re

import pytest

from orchestrator.replica.rejects import Reason, RejectCode, reject


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name)
def test_every_reason_makes_a_rejection(reason: Reason) -> None:
    """The error code's hundreds are a reject code of the specification, and every gap of the text can be filled."""
    number, template = reason.value
    names = re.findall(r"{(\w+)}", template)
    made = reject(reason, **dict.fromkeys(names, "value"))
    assert RejectCode(made.code) == number // 100
    assert made.error_code == f"IC{number:04}"
    assert "{" not in made.message


def test_principals_are_shown_as_text() -> None:
    """Bytes among the values are principals."""
    assert reject(Reason.CANISTER_NOT_FOUND, canister=b"").message == "Canister aaaaa-aa not found"


def test_values_are_not_templates() -> None:
    """Braces in a value stay as they are."""
    assert reject(Reason.NO_UPDATE_METHOD, canister=b"", method="{detail}").message.endswith("'{detail}'.")
