"""Lays out nested brackets on lines of limited width, the way DFINITY's tools do.

Source: Wadler, "A prettier printer" (a group goes on one line if it and what follows up to the next break fit).
Documents may be made on demand, and nothing here recurses, so that values of any depth can be shown.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Document", "Group", "render"]

LINE_WIDTH: Final = 80
"""How wide a line may get before a group is broken (columns)."""

_INDENT: Final = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Items in brackets: on one line, or one per line with the separator after each."""

    left: str
    items: Sequence["Document"]
    separator: str
    right: str
    space: str = " "


Document = str | tuple["Document", ...] | Group | Callable[[], "Document"]
"""A text, a sequence, a group, or a function that makes one of them."""


@dataclass(frozen=True, slots=True)
class _Break:
    """The start of a new line in a group that is broken, else a space or nothing."""

    indent: int


_Piece = Document | _Break


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _flat(group: Group) -> list[_Piece]:
    """Return the pieces of a group on one line, last first."""
    pieces: list[_Piece] = [group.left, group.space]
    for index, item in enumerate(group.items):
        pieces += [f"{group.separator} ", item] if index else [item]
    return [*pieces, group.space, group.right][::-1]


def _broken(group: Group, indent: int) -> list[_Piece]:
    """Return the pieces of a group on several lines, last first."""
    pieces: list[_Piece] = [group.left]
    for item in group.items:
        pieces += [_Break(indent + _INDENT), item, group.separator]
    return [*pieces, _Break(indent), group.right][::-1]


def _open(piece: Document, stack: list[_Piece]) -> str | Group:
    """Return the first text or group of a piece, and push what follows it."""
    while not isinstance(piece, (str, Group)):
        if isinstance(piece, tuple):
            stack += piece[:0:-1]
            piece = piece[0] if piece else ""
        else:
            piece = piece()
    return f"{piece.left}{piece.right}" if isinstance(piece, Group) and not piece.items else piece


def _fits(group: Group, rest: list[tuple[int, bool, _Piece]], room: int) -> bool:
    """Whether the group on one line, and what follows it up to the next break, takes no more than `room` columns."""
    below = len(rest)
    pieces: list[_Piece] = _flat(group)
    flat = True
    while room >= 0:
        if not pieces:
            if below == 0:
                return True
            below -= 1
            flat = False
            pieces.append(rest[below][2])
            continue
        piece = pieces.pop()
        if isinstance(piece, _Break):
            return True
        opened = _open(piece, pieces)
        if isinstance(opened, str):
            room -= _columns(opened)
        else:
            pieces += _flat(opened) if flat else _broken(opened, 0)
    return False


def render(document: Document) -> str:
    """Return the text of a document."""
    out: list[str] = []
    column = 0
    stack: list[tuple[int, bool, _Piece]] = [(0, False, document)]
    while stack:
        indent, flat, piece = stack.pop()
        if isinstance(piece, _Break):
            out.append("\n" + " " * piece.indent)
            column = indent = piece.indent
            continue
        following: list[_Piece] = []
        opened = _open(piece, following)
        stack += [(indent, flat, part) for part in following]
        if isinstance(opened, str):
            out.append(opened)
            column += _columns(opened)
        else:
            flat = flat or _fits(opened, stack, LINE_WIDTH - column)
            stack += [(indent, True, part) for part in _flat(opened)] if flat else _indented(opened, indent)
    return "".join(out)


def _indented(group: Group, indent: int) -> list[tuple[int, bool, _Piece]]:
    """Return the pieces of a broken group; its items stand deeper than its brackets."""
    pieces = _broken(group, indent)
    return [(indent if isinstance(piece, str) else indent + _INDENT, False, piece) for piece in pieces]
