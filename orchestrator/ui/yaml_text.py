"""Plain data as YAML text, a line at a time: what is written is what any reader of YAML 1.1 or 1.2 reads back.

A text stands without quotes only where both versions take it for a text; what a terminal would obey is escaped.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from orchestrator.core.units import Amount

__all__ = ["Shared", "Tagged", "render_yaml"]

_MAX_SIMPLE_KEY = 1_000
"""Characters of a key that is written in front of its colon; readers give up after 1,024."""
_PLAIN = re.compile(r"[A-Za-z0-9_./$(~=+<;^-][^\n]*")
_UNSAFE = re.compile(r":\s|:$|\s#|\s$|^[-+?]\s|^[-=<~]$|^<<$|^---|^\.\.\.")
_WORD = re.compile(r"(?:y|n|yes|no|on|off|true|false|null|~)", re.IGNORECASE)
_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_:]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:e[-+]?[0-9_]*)?|[-+]?0[xob][0-9a-f_]*|[-+]?\.(?:inf|nan)|\d{4}-\d.*",
    re.IGNORECASE,
)
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A value with a tag of its own: `!Fixed 8000`."""

    tag: str
    value: object


@dataclass(slots=True, kw_only=True, eq=False)
class Shared:
    """A map that stands in many places: its lines are made once for each depth, all but the first in one piece."""

    value: Mapping[str, object]
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)


def render_yaml(data: Mapping[str, object]) -> Iterator[str]:
    """Return the lines of a document, with their ends; several may come in one piece.

    Values are maps, lists, scalars, amounts (as they are written), `Tagged` and `Shared`.
    """
    return (f"{line}\n" for line in (_lines(data, "") if data else ("{}",)))


def _lines(value: object, indent: str) -> Iterator[str]:
    """Return the lines of a map or list that is not empty."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = _scalar(key)
            if len(name) > _MAX_SIMPLE_KEY:
                yield f"{indent}? {name}"
                name = ""
            yield from _entry(f"{indent}{name}:", item, indent)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _item(item, indent)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    """Return the lines of a map's entry; those of its value follow `head`."""
    if isinstance(value, Tagged):
        head, value = f"{head} !{value.tag}", value.value
    if isinstance(value, Shared):
        if indent not in value.lines:
            first, *rest = _entry("", value.value, indent)
            value.lines[indent] = (first, "\n".join(rest)) if rest else (first,)  # as one, lest each goes through all that is around
        first, *rest = value.lines[indent]
        yield f"{head}{first}"
        yield from rest
    elif isinstance(value, Mapping) and value:
        yield head
        yield from _lines(value, f"{indent}  ")
    elif _is_list(value) and value:
        yield head
        yield from _lines(value, indent)
    else:
        yield from _scalar_lines(f"{head} ", value, f"{indent}  ")


def _item(value: object, indent: str) -> Iterator[str]:
    """Return the lines of a list's item: the first one starts with a dash."""
    inner = f"{indent}  "
    if (isinstance(value, Mapping) or _is_list(value)) and value:
        lines = _lines(value, inner)
        yield f"{indent}- {next(lines).removeprefix(inner)}"
        yield from lines
    else:
        yield from _scalar_lines(f"{indent}- ", value, inner)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _scalar_lines(head: str, value: object, inner: str) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value and _is_block(value):
        body = value.removesuffix("\n")
        ending = "-" if body == value else "+" if body.endswith("\n") else ""
        yield f"{head}|{ending}"
        yield from (f"{inner}{line}" if line else "" for line in body.split("\n"))
    else:
        yield f"{head}{_scalar(value)}"


def _is_block(text: str) -> bool:
    """Tell whether a text of several lines can be written line for line."""
    lines = text.split("\n")
    return bool(lines[0]) and lines[0][0] not in " \t" and all(line.isprintable() and (not line or line.strip(" ")) for line in lines)


def _scalar(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case Amount():
            return _text(value.written) if isinstance(value.written, str) else str(value.written)
        case int():
            return str(value)
        case float():
            return repr(value)
        case Mapping():
            return "{}"
        case _:
            return "[]"


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    if not text.isprintable():
        return (
            '"'
            + "".join(character if character.isprintable() and character not in _ESCAPES else _escape(character) for character in text)
            + '"'
        )
    if _PLAIN.fullmatch(text) and not (_UNSAFE.search(text) or _WORD.fullmatch(text) or _NUMBER.fullmatch(text)):
        return text
    return "'" + text.replace("'", "''") + "'"


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
