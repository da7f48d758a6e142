"""Times of files."""

from datetime import UTC, datetime

import pytest

from orchestrator.core.file_times import calendar_time


@pytest.mark.parametrize(
    ("seconds", "year"),
    [(0, 1970), (1_700_000_000.5, 2023), (10**12, 9999), (-(10**12), 1), (2**63, 9999), (-1, 1969), (float("inf"), 9999)],
)
def test_every_number_is_a_time(seconds: float, year: int) -> None:
    """What no calendar has becomes the nearest time that it has."""
    assert calendar_time(seconds).year == year
    assert calendar_time(seconds).tzinfo is UTC


def test_times_are_exact() -> None:
    """A number means what it means elsewhere."""
    assert calendar_time(1_700_000_000.25) == datetime.fromtimestamp(1_700_000_000.25, UTC)
