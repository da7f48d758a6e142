"""Values of a template's data: truth, comparison, and how they are written (as serde_json and handlebars do)."""

import math
import re
from collections.abc import Mapping

__all__ = ["compare", "is_equal", "is_truthy", "write_value"]

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)


def is_truthy(value: object, *, include_zero: bool = False) -> bool:
    """Say whether `if` takes a value as true: not null, false, 0, or anything empty."""
    match value:
        case bool():
            return value
        case int() | float():
            return include_zero or (value != 0 and not math.isnan(value))
        case str() | list() | Mapping():
            return len(value) > 0
    return False


def is_equal(left: object, right: object) -> bool:
    """Compare as JSON: 1, 1.0 and true are three different values."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(is_equal(value, right[key]) for key, value in left.items())
    return type(left) is type(right) and left == right


def compare(left: object, right: object) -> int | None:
    """Return -1, 0 or 1; None for values that have no order (a text that is a JSON number compares with numbers)."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    first, second = _number(left), _number(right)
    if first is None or second is None or (isinstance(left, bool) != isinstance(right, bool)):
        return None
    if not (math.isfinite(first) and math.isfinite(second)):
        return None
    return (first > second) - (first < second)


def _number(value: object) -> int | float | None:
    if isinstance(value, int | float):
        return value
    return float(value) if isinstance(value, str) and _JSON_NUMBER.fullmatch(value) else None


def write_value(value: object) -> str:
    """Return a value as a template writes it: null is empty, lists `[x, y]`, maps `[object]`."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return _write_float(value)
        case list():
            return f"[{', '.join(map(write_value, value))}]"
        case Mapping():
            return "[object]"
    return str(value)


def _write_float(value: float) -> str:
    if not math.isfinite(value):
        return ""
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    if power == -5:
        digits = mantissa.lstrip("-").replace(".", "").removesuffix("0") or "0"
        return f"{'-' if value < 0 else ''}0.0000{digits}"
    return f"{mantissa}e{power:+d}"
