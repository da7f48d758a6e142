"""Values of a JSON document taken for what they should be: each function raises `TypeError` for another kind."""

from collections.abc import Mapping
from typing import cast

__all__ = ["as_list", "as_number", "as_object", "as_optional_text", "as_text"]


def as_object(value: object) -> Mapping[str, object]:
    """Return an object."""
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return cast("dict[str, object]", value)


def as_list(value: object) -> list[object]:
    """Return a list."""
    if not isinstance(value, list):
        raise TypeError("expected a list")
    return value


def as_number(value: object) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("expected a number")
    return value


def as_text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError("expected a text")
    return value


def as_optional_text(value: object) -> str | None:
    """Return a text, or None for null."""
    return None if value is None else as_text(value)
