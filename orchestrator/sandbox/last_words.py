"""Picks what tells why a plugin ended: from the lines that it wrote to stderr, and from the text of a fault."""

import logging
import re
from collections.abc import Sequence
from textwrap import dedent
from typing import Final

__all__ = ["LAST_WORDS", "last_words", "log_where", "reason_of"]

LAST_WORDS: Final = 5
"""Lines of the plugin's stderr that are repeated where they may tell why it ended."""
MAX_WORDS_CHARACTERS: Final = 500
"""How much of such a line is repeated."""

_LOG: Final = logging.getLogger(__name__)
_BACKTRACE: Final = "error while executing at wasm backtrace:"
_CAUSES: Final = "\nCaused by:\n"
_PYTHON: Final = "Traceback (most recent call last):"
_ADDS_NOTHING: Final = re.compile(
    r"\s*$|note: run with `RUST_BACKTRACE=|thread '.*' .*panicked at runtime/src/lib\.rs:|Python function threw an unexpected exception"
)
"""What Rust, and componentize-py after a traceback, write below what went wrong."""


def last_words(said: Sequence[str]) -> tuple[str, ...]:
    """Return those of the lines on stderr that tell most: the exception of Python's last traceback, else the last lines that say something."""
    telling = [line for line in said if not _ADDS_NOTHING.match(line)]
    if _PYTHON in telling:
        last = len(telling) - telling[::-1].index(_PYTHON)
        exceptions = [line for line in telling[last:] if not line[0].isspace()]
        telling = exceptions[:1] or telling
    return tuple(f"it wrote: {_cut(line)}" for line in telling[-LAST_WORDS:])


def _cut(line: str) -> str:
    return line if len(line) <= MAX_WORDS_CHARACTERS else f"{line[: MAX_WORDS_CHARACTERS - 1]}…"


def reason_of(text: str) -> str:
    """Return wasmtime's text of a fault without the backtrace, which is for the log."""
    if _BACKTRACE not in text:
        return text
    before, _, causes = text.rpartition(_CAUSES)
    return dedent(causes).strip() if before else text.partition(_BACKTRACE)[0].strip()


def log_where(text: str) -> None:
    """Write wasmtime's text of a fault to the log, line by line: names in it are the plugin's."""
    if _BACKTRACE in text:
        for line in text.splitlines():
            _LOG.debug("the plugin's fault: %s", line)
