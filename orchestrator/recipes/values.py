"""Values of a template's data: truth, comparison, and how they are written (as serde_json and handlebars do)."""

import math
import re
import sys
from collections.abc import Callable, Mapping

__all__ = ["compare", "is_equal", "is_truthy", "merged", "write_value"]

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)

_MAX_INTEGER_LENGTH = 20
"""Characters of a 64-bit number; a longer one is compared as a float."""


def is_truthy(value: object, *, include_zero: bool = False) -> bool:
    """Say whether `if` takes a value as true: not null, false, 0, or anything empty."""
    match value:
        case bool():
            return value
        case int() | float():
            return include_zero or abs(value) >= sys.float_info.min
        case str() | list() | Mapping():
            return len(value) > 0
    return False


def is_equal(left: object, right: object, spend: Callable[[], None] = lambda: None) -> bool:
    """Compare as JSON: 1, 1.0 and true are three different values; `spend` is called for each pair looked at."""
    spend()
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(is_equal(one, other, spend) for one, other in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return len(left) == len(right) and all(name in right and is_equal(value, right[name], spend) for name, value in left.items())
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
    if not isinstance(value, str) or not _JSON_NUMBER.fullmatch(value):
        return None
    if len(value) <= _MAX_INTEGER_LENGTH and value.removeprefix("-").isdigit():
        return int(value)
    return float(value)


def merged(value: object, added: Mapping[str, object]) -> object:
    """Return a value with names put into it: what is no map becomes one, of its items or characters by number."""
    if not added:
        return value
    match value:
        case Mapping():
            return {**value, **added}
        case list() | str():
            return {**{str(index): item for index, item in enumerate(value)}, **added}
    return dict(added)


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
