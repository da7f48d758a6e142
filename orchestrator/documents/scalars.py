"""The type of a plain YAML scalar, as serde_yaml decides it (icp-cli's parser).

That is the core schema of YAML 1.2 (section 10.3.2) with three differences: digits after a leading zero
(`007`) are text, `0b` numbers exist, and a number too large for a 64-bit float is text.
"""

import math
import re

from orchestrator.documents.nodes import ScalarValue

__all__ = ["resolve_plain"]

_WORDS: dict[str, ScalarValue] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".inf": math.inf,
    ".Inf": math.inf,
    ".INF": math.inf,
    "+.inf": math.inf,
    "+.Inf": math.inf,
    "+.INF": math.inf,
    "-.inf": -math.inf,
    "-.Inf": -math.inf,
    "-.INF": -math.inf,
    ".nan": math.nan,
    ".NaN": math.nan,
    ".NAN": math.nan,
}
_DECIMAL = re.compile("[-+]?(0|[1-9][0-9]*)")
_RADIX = re.compile("([-+]?)0(x[0-9a-fA-F]+|o[0-7]+|b[01]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile("[-+]?0[0-9]+")
_NUMBER_STARTS = frozenset("+-.0123456789")
_BASES = {"x": 16, "o": 8, "b": 2}
_INTEGER_END = 2**128
"""Integers from here on are read as floats."""
_MAX_INTEGER_LENGTH = 40
"""The characters of a signed 128-bit number in decimal."""

_MAX_RADIX_LENGTH = 131
"""The characters of a signed 128-bit number in binary: longer ones are text."""


def resolve_plain(text: str) -> ScalarValue:
    """Return the value of a scalar written without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS or _LEADING_ZERO.fullmatch(text):
        return text
    if len(text) <= _MAX_INTEGER_LENGTH and _DECIMAL.fullmatch(text):
        number = int(text)
        return number if abs(number) < _INTEGER_END else float(number)
    if len(text) <= _MAX_RADIX_LENGTH and (radix := _RADIX.fullmatch(text)):
        sign, digits = radix.groups()
        return int(sign + digits[1:], _BASES[digits[0]])
    if _FLOAT.fullmatch(text):
        inexact = float(text)
        return inexact if math.isfinite(inexact) else text
    return text
