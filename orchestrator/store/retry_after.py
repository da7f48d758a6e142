"""How long a server wants to be left alone (RFC 9110, section 10.2.3)."""

from email.utils import parsedate_to_datetime

__all__ = ["wished_wait"]

_MAX_DIGITS = 12


def wished_wait(retry_after: str, date: str) -> float:
    """Return the seconds that the header `Retry-After` asks for; 0 where it says nothing that can be read.

    A date counts from the header `Date` of the same answer, so that neither clock need be right.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:_MAX_DIGITS])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(date)
    except (ValueError, TypeError):  # no date, or only one of the two with a zone
        return 0.0
    return max(0.0, wait.total_seconds())
