"""Amounts as people write them: cycles (`1.5t`), memory (`2 gib`), durations (`30d`).

The grammars are those of icp-cli 1.5.0. Underscores are ignored, suffixes know no case.
"""

import re
from typing import Self

__all__ = ["MAX_NAT64", "MAX_NAT128", "Amount", "UnitError", "parse_cycles", "parse_duration", "parse_memory", "render_duration"]

MAX_NAT64 = 2**64 - 1
MAX_NAT128 = 2**128 - 1
_MAX_AMOUNT_LENGTH = 100
"""Characters of an amount; a longer one is refused before it is parsed."""
_MAX_POWER = 120
_MAX_EXPONENT = 2**63 - 1
"""Even nothing has no larger exponent, for icp-cli."""

_CYCLES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_MEMORY = {"": 1, "kb": 10**3, "kib": 2**10, "mb": 10**6, "mib": 2**20, "gb": 10**9, "gib": 2**30}
_DURATION = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_NUMBER = re.compile(r"(?P<sign>[-+]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?:e(?P<exponent>[-+]?[0-9]+))?", re.ASCII)
_WHOLE = re.compile(r"\+?[0-9]+", re.ASCII)
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Unicode calls white space; Python strips four separators besides, which icp-cli refuses."""
_SUFFIX = re.compile(r"([a-z]*)\Z", re.ASCII)


class UnitError(ValueError):
    """Raised when a text is not an amount; the message says why."""


class Amount(int):
    """A number that remembers how it was written: `1gib`, say, or the number itself."""

    written: str | int

    def __new__(cls, value: int, written: str | int | None = None) -> Self:
        """Return the number; without `written` it was written as a number."""
        made = super().__new__(cls, value)
        made.written = value if written is None else written
        return made


def parse_cycles(text: str) -> int:
    """Return cycles: a decimal number, then `k`, `m`, `b` or `t` (10³, 10⁶, 10⁹, 10¹²) or nothing."""
    return _amount(text, _CYCLES, "cycles", "k, m, b or t", MAX_NAT128)


def parse_memory(text: str) -> int:
    """Return bytes: a decimal number, then `kb`, `kib`, `mb`, `mib`, `gb`, `gib` or nothing."""
    return _amount(text, _MEMORY, "bytes", "kb, kib, mb, mib, gb or gib", MAX_NAT64)


def parse_duration(text: str) -> int:
    """Return seconds: a whole number, then `s`, `m`, `h`, `d` or `w`, or nothing for seconds."""
    number, factor = _split(text, _DURATION, "s, m, h, d or w")
    if _WHOLE.fullmatch(number) is None:
        raise UnitError(f"`{text}` is not a whole number with a unit (s, m, h, d or w)")
    return _in_range(int(number) * factor, text, MAX_NAT64, "seconds")


def render_duration(seconds: int) -> str:
    """Return a duration of `seconds` in its two largest units: `1 d 2 h`, `5 min`, `90 s` being `1 min 30 s`."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{amount} {unit}" for amount, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if amount]
    return " ".join(parts[:2]) or "0 s"


def _amount(text: str, factors: dict[str, int], unit: str, suffixes: str, maximum: int) -> int:
    number, factor = _split(text, factors, suffixes)
    match = _NUMBER.fullmatch(number)
    if match is None or not (match["whole"] or match["fraction"]):
        raise UnitError(f"`{text}` is not a number with an optional suffix ({suffixes})")
    fraction = match["fraction"] or ""
    digits, exponent = int(match["whole"] + fraction), int(match["exponent"] or "0")
    if digits == 0 and abs(exponent) <= _MAX_EXPONENT:
        return 0
    if match["sign"] == "-":
        raise UnitError(f"`{text}` is negative")
    power = exponent - len(fraction)
    if abs(power) > _MAX_POWER:
        raise UnitError(f"`{text}` is out of range")
    scaled, rest = divmod(digits * factor * 10 ** max(power, 0), 10 ** max(-power, 0))
    if rest:
        raise UnitError(f"`{text}` is not a whole number of {unit}")
    return _in_range(scaled, text, maximum, unit)


def _split(text: str, factors: dict[str, int], suffixes: str) -> tuple[str, int]:
    """Return the number of an amount, without its underscores, and what its unit counts; a unit has none within or behind it."""
    clean = text.strip(_WHITE_SPACE).lower()
    if not clean:
        raise UnitError("the amount is empty")
    if len(clean) > _MAX_AMOUNT_LENGTH:
        raise UnitError("the amount is too long")
    match = _SUFFIX.search(clean)
    suffix = match.group(1) if match else ""
    if suffix not in factors:
        raise UnitError(f"`{text}` ends with an unknown unit `{suffix}`: expected {suffixes}")
    number = clean[: len(clean) - len(suffix)]
    return (number if factors is _CYCLES else number.rstrip(_WHITE_SPACE)).replace("_", ""), factors[suffix]


def _in_range(value: int, text: str, maximum: int, unit: str) -> int:
    if value > maximum:
        raise UnitError(f"`{text}` is too large: at most {maximum} {unit}")
    return value
