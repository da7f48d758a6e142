"""The text of a file and its lines: reading, decoding, and turning positions into spans."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestrator.errors import DocumentError, Span

__all__ = ["MAX_DOCUMENT_BYTES", "Source", "read_source", "source_of_text"]

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""A longer file is refused before it is parsed."""

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BYTE_ORDER_MARK = "\ufeff"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A text and where it comes from; `shown` is the text as places may show it, of the same length, with secrets hidden.

    Lines are looked for when the first place is asked for: most documents are read and have nothing to report.
    """

    path: Path
    text: str
    shown: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Return the lines without their ends, as YAML counts lines."""
        return tuple(_LINE_END.split(self.text))

    @cached_property
    def shown_lines(self) -> tuple[str, ...]:
        """Return the lines that places have: as many as those of the text, and of the same lengths."""
        return self.lines if self.shown is self.text else tuple(_LINE_END.split(self.shown))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in _LINE_END.finditer(self.text))]

    def span(self, line: int, column: int, length: int = 1) -> Span:
        """Return the span at a line and a column that count from 0, cut at the end of the line."""
        lines = self.shown_lines
        text = lines[line] if line < len(lines) else ""
        column = min(column, len(text))
        length = max(1, min(length, len(text) - column))
        return Span(path=self.path, line=line + 1, column=column + 1, length=length, text=text, lines=lines)

    def span_between(self, start: int, end: int) -> Span:
        """Return the span from one index of the text to another, cut at the end of its first line."""
        line = bisect_right(self._starts, start) - 1
        return self.span(line, start - self._starts[line], end - start)


def source_of_text(text: str, path: Path, *, shown: str | None = None) -> Source:
    """Take a text as it is; raise `DocumentError` for what no YAML text may contain.

    `shown` is the text as places may show it, with other characters in place of those that are secret.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise _too_large(path)
    text = text.removeprefix(_BYTE_ORDER_MARK)
    source = Source(path=path, text=text, shown=text if shown is None else shown.removeprefix(_BYTE_ORDER_MARK))
    if unprintable := _UNPRINTABLE.search(text):
        code = ord(unprintable.group())
        raise DocumentError(
            f"the file holds a character that YAML does not allow: U+{code:04X}",
            slug="document/control-character",
            span=source.span_between(unprintable.start(), unprintable.end()),
            hint='remove it, or write it as an escape in double quotes, such as "\\u0007"',
        )
    return source


def read_source(path: Path) -> Source:
    """Read a UTF-8 file; raise `DocumentError` where it is missing, too large, or not UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise DocumentError(
            f"the file `{path.name}` cannot be read",
            slug="document/unreadable",
            detail=f"{path}: {error.strerror or error}",
        ) from error
    if len(data) > MAX_DOCUMENT_BYTES:
        raise _too_large(path)
    return source_of_text(_decode(data, path), path)


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        utf16 = data.startswith(_UTF16_MARKS)
        before = data[: error.start].decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
        readable = Source(path=path, text=before, shown=before)
        raise DocumentError(
            "the file is not UTF-8 text",
            slug="document/not-utf-8",
            detail="it looks like UTF-16" if utf16 else f"the byte 0x{data[error.start]:02x} does not belong there",
            span=readable.span(len(readable.lines) - 1, len(readable.lines[-1])),
            hint="save the file as UTF-8",
        ) from error


def _too_large(path: Path) -> DocumentError:
    return DocumentError(
        f"the file `{path.name}` is too large to be a manifest",
        slug="document/too-large",
        detail=f"{path} is longer than {MAX_DOCUMENT_BYTES} bytes",
    )
