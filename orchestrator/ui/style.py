"""Colours for messages."""

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TextIO

from orchestrator.ui.harmless import JOINERS, harmless, harmless_block

__all__ = ["PLAIN", "Paint", "Style", "cell_width", "choose_style", "harmless", "harmless_block"]

Paint = Literal["red", "yellow", "green", "cyan", "bold", "dim"]
_CODES: Mapping[Paint, str] = {"red": "1;31", "yellow": "1;33", "green": "32", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass(frozen=True, slots=True)
class Style:
    """Whether text is coloured (everything reads the same without), and how many `columns` its terminal has, if it is one."""

    enabled: bool
    columns: int | None = None

    def paint(self, colour: Paint, text: str) -> str:
        """Return `text` in a colour, or as it is."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.enabled else text


PLAIN = Style(enabled=False)


def choose_style(stream: TextIO, environ: Mapping[str, str]) -> Style:
    """Return colours for a terminal, unless `NO_COLOR` is set or the terminal is dumb."""
    enabled = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Style(enabled=enabled, columns=_columns_of(stream))


def _columns_of(stream: TextIO) -> int | None:
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or character in JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
