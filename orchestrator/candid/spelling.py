"""How Candid spells names, texts and blobs: quotes and escapes, the same for types and values.

Source: the Candid specification, section "Core Grammar"; the choice of escapes is Rust's `escape_debug`,
which is what DFINITY's tools print.
"""

import re
import unicodedata
from typing import Final

__all__ = ["KEYWORDS", "quote_blob", "quote_name", "quote_text"]

KEYWORDS: Final = frozenset(
    [
        "import",
        "service",
        "func",
        "type",
        "opt",
        "vec",
        "record",
        "variant",
        "blob",
        "principal",
        "nat",
        "nat8",
        "nat16",
        "nat32",
        "nat64",
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "float32",
        "float64",
        "bool",
        "text",
        "null",
        "reserved",
        "empty",
        "oneway",
        "query",
        "composite_query",
    ]
)
"""Words that are quoted when they serve as names."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PLAIN_TEXT = re.compile(r"[ !#-&(-\[\]-~]*", re.ASCII)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "'": "\\'", "\\": "\\\\"}
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_MARKS = frozenset({"Mn", "Me"})
_READABLE_BYTES = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
_PLAIN_BYTES = frozenset(range(0x20, 0x7F)) - {0x22, 0x27, 0x5C, 0x60}


def _escape(character: str, *, marks: bool, apostrophe: bool) -> str:
    short = _SHORT.get(character)
    if short is not None:
        return short if apostrophe or character != "'" else character
    category = unicodedata.category(character)
    if character != " " and (category in _UNPRINTABLE or (marks and category in _MARKS)):
        return f"\\u{{{ord(character):x}}}"
    return character


def quote_text(text: str, *, inline: bool = False) -> str:
    """Return the text as a Candid literal; `inline` is the form inside values that are never broken into lines."""
    if _PLAIN_TEXT.fullmatch(text):
        return f'"{text}"'
    return f'"{"".join(_escape(character, marks=inline or index == 0, apostrophe=not inline) for index, character in enumerate(text))}"'


def quote_name(name: str) -> str:
    """Return a field's or method's name, in quotes where the grammar needs them."""
    return name if _NAME.fullmatch(name) and name not in KEYWORDS else quote_text(name)


def quote_blob(data: bytes) -> str:
    r"""Return `blob "…"`: readable when every byte is ASCII, else all bytes as `\xx`."""
    if _READABLE_BYTES.issuperset(data):
        body = "".join(chr(byte) if byte in _PLAIN_BYTES else f"\\{byte:02x}" for byte in data)
    else:
        body = "".join(f"\\{byte:02x}" for byte in data)
    return f'blob "{body}"'
