"""Colours for messages, and text of strangers made harmless for a terminal."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TextIO

__all__ = ["PLAIN", "Paint", "Style", "cell_width", "choose_style", "harmless"]

Paint = Literal["red", "yellow", "green", "cyan", "bold", "dim"]
_CODES: Mapping[Paint, str] = {"red": "1;31", "yellow": "1;33", "green": "32", "cyan": "36", "bold": "1", "dim": "2"}
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Style:
    """Whether text is coloured; everything reads the same without."""

    enabled: bool

    def paint(self, colour: Paint, text: str) -> str:
        """Return `text` in a colour, or as it is."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.enabled else text


PLAIN = Style(enabled=False)


def choose_style(stream: TextIO, environ: Mapping[str, str]) -> Style:
    """Return colours for a terminal, unless `NO_COLOR` is set or the terminal is dumb."""
    return Style(enabled=stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb")


def harmless(text: str) -> str:
    """Return `text` with control, formatting and direction characters spelled out, so that it cannot act on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spell(character) for character in text)


def _spell(character: str) -> str:
    if character == "\t" or character in _JOINERS or unicodedata.category(character) not in _INVISIBLE:
        return character
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or character in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
