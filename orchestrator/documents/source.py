"""The text of a file and its lines: reading, decoding, and turning positions into spans."""

import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import DocumentError, Span

__all__ = ["MAX_DOCUMENT_BYTES", "Source", "read_source", "source_of_text"]

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""A longer file is refused before it is parsed."""

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BYTE_ORDER_MARK = "\ufeff"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text and where it comes from; `lines` are without their ends, as YAML counts lines.

    `shown` are the lines that places have, of the same lengths: those of the text, or ones that hide what is secret.
    """

    path: Path
    text: str
    lines: tuple[str, ...]
    shown: tuple[str, ...]

    def span(self, line: int, column: int, length: int = 1) -> Span:
        """Return the span at a line and a column that count from 0, cut at the end of the line."""
        text = self.shown[line] if line < len(self.shown) else ""
        column = min(column, len(text))
        length = max(1, min(length, len(text) - column))
        return Span(path=self.path, line=line + 1, column=column + 1, length=length, text=text, lines=self.shown)

    def span_of_index(self, index: int) -> Span:
        """Return the span of one character of the text."""
        ends = list(_LINE_END.finditer(self.text, 0, index))
        return self.span(len(ends), index - (ends[-1].end() if ends else 0))


def source_of_text(text: str, path: Path, *, shown: str | None = None) -> Source:
    """Take a text as it is; raise `DocumentError` for what no YAML text may contain.

    `shown` is the text as places may show it, with other characters in place of those that are secret.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise _too_large(path)
    text = text.removeprefix(_BYTE_ORDER_MARK)
    lines = tuple(_LINE_END.split(text))
    hidden = lines if shown is None else tuple(_LINE_END.split(shown.removeprefix(_BYTE_ORDER_MARK)))
    source = Source(path=path, text=text, lines=lines, shown=hidden)
    if unprintable := _UNPRINTABLE.search(text):
        code = ord(unprintable.group())
        raise DocumentError(
            f"the file holds a character that YAML does not allow: U+{code:04X}",
            slug="document/control-character",
            span=source.span_of_index(unprintable.start()),
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
        lines = tuple(_LINE_END.split(before))
        readable = Source(path=path, text=before, lines=lines, shown=lines)
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
