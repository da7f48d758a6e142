"""Times of files, which need not be ones that a calendar has: clocks go wrong, and archives bring anything."""

from datetime import UTC, datetime, timedelta

__all__ = ["calendar_time"]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def calendar_time(seconds: float) -> datetime:
    """Return a number of seconds since 1970 in UTC; what no calendar has becomes the nearest time that it has."""
    try:
        return _BEGINNING + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)
