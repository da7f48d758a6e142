"""Literals of template expressions: texts, numbers, words, and lists and maps of these, read as JSON."""

import json
import math
import re
from dataclasses import dataclass

__all__ = ["SYMBOL", "LiteralRead", "LiteralReader"]

SYMBOL = r"[^\x00-#%-,./;-@\[-^`{-\x7f]"
"""What names are made of: ASCII letters, digits, `_`, `$`, `:`, `-`, and all beyond ASCII; said by what it is not, Python compiles it sooner."""
_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(rf"-?+[0-9]++\.?+[0-9]*+(?>E-?+[0-9]++)?+(?!{SYMBOL})", re.ASCII)
_WORD = re.compile(rf"(?:null|true|false)(?!{SYMBOL})")
_ESCAPE = r"(?:[\\/bfnrt]|u[0-9a-fA-F]{4}+)"
_DOUBLE_QUOTED = re.compile(rf'"(?>[^"\\]|\\"|\\{_ESCAPE})*+"')
_SINGLE_QUOTED = re.compile(rf"'(?>[^'\\]|\\'|\\{_ESCAPE})*+'")
_MAX_NUMBER_LENGTH = 400
"""Digits of a number; no 64-bit float needs more."""
_END_OF_U64 = 2**64
_START_OF_I64 = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralRead:
    """What was found: `end` is None where no literal stands; `fault` says why one is not JSON.

    `furthest` is the last place inside a list or a map where something was looked for and not found.
    """

    value: object = None
    end: int | None = None
    fault: str | None = None
    furthest: int = 0
    too_deep: bool = False


class LiteralReader:
    """Reads literals out of a template's text; lists and maps go no deeper than `max_depth`."""

    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._max_depth = max_depth
        self._furthest = 0

    def read(self, position: int) -> LiteralRead:
        """Read the literal at a position, if there is one."""
        self._furthest = position
        try:
            end = self._end(position, 0)
        except _TooDeepError:
            return LiteralRead(too_deep=True)
        if end is None:
            return LiteralRead(furthest=self._furthest)
        written = self._text[position:end]
        if written.startswith("'"):
            inner = written[1:-1].replace("\\'", "'").replace('"', '\\"')
            written = f'"{inner}"'
        try:
            value = json.loads(written, parse_int=_integer, parse_float=_inexact)
        except ValueError:
            return LiteralRead(end=end, fault="numbers, texts, lists and maps in a template are written as in JSON")
        if "\\u" in written and not _is_text(value):
            return LiteralRead(end=end, fault="a text has half of a surrogate pair")
        return LiteralRead(value=value, end=end, furthest=self._furthest)

    def _end(self, position: int, depth: int) -> int | None:
        text = self._text
        first = text[position : position + 1]
        if first in {"[", "{"}:
            return self._end_of_container(position, depth + 1)
        pattern = {'"': _DOUBLE_QUOTED, "'": _SINGLE_QUOTED}.get(first)
        if pattern is None:
            pattern = _NUMBER if first.isdecimal() or first == "-" else _WORD
        match = pattern.match(text, position)
        if match is None:
            self._furthest = max(self._furthest, position)
        return match.end() if match else None

    def _end_of_container(self, position: int, depth: int) -> int | None:
        """Return the end of a list or a map: items with commas between them, the first of which may be missing."""
        if depth > self._max_depth:
            raise _TooDeepError
        is_map = self._text[position] == "{"
        position = self._space(position + 1)
        end = self._end_of_item(position, depth, is_map=is_map)
        position = position if end is None else self._space(end)
        while self._text.startswith(",", position):
            end = self._end_of_item(self._space(position + 1), depth, is_map=is_map)
            if end is None:
                return None
            position = self._space(end)
        return position + 1 if self._text.startswith("}" if is_map else "]", position) else None

    def _end_of_item(self, position: int, depth: int, *, is_map: bool) -> int | None:
        if is_map:
            key = _DOUBLE_QUOTED.match(self._text, position) or _SINGLE_QUOTED.match(self._text, position)
            if key is None:
                self._furthest = max(self._furthest, position)
                return None
            position = self._space(key.end())
            if not self._text.startswith(":", position):
                return None
            position = self._space(position + 1)
        return self._end(position, depth)

    def _space(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        return match.end() if match else position


class _TooDeepError(Exception):
    """Lists and maps are nested too deeply."""


def _integer(digits: str) -> int | float:
    if len(digits) > _MAX_NUMBER_LENGTH or digits == "-0":
        return _inexact(digits)
    number = int(digits)
    return number if _START_OF_I64 <= number < _END_OF_U64 else _inexact(digits)


def _inexact(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _is_text(value: object) -> bool:
    """Say whether all texts of a value can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
