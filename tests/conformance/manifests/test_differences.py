"""The list of differences is about cases that exist, and is what the reference page tells users."""

from pathlib import Path

import pytest

from tests.conformance.manifests.differences import DIFFERENCES, Difference
from tests.conformance.manifests.slots import SLOTS, slot_cases
from tests.conformance.manifests.test_manifests import NAMED

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "manifest.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.title)
def test_every_difference_has_cases_and_a_row(difference: Difference) -> None:
    """Each is shown by a case at least, and is in the table of the page in the same words."""
    assert difference.cases
    for slot, values in difference.cases.items():
        known = slot_cases(slot) if slot else NAMED
        assert slot in {"", *SLOTS}
        assert [value for value in values if value not in known] == []
    assert f"| {difference.title} | {difference.icp} | {difference.own} | {difference.why} |" in PAGE
