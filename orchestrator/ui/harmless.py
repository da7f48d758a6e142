"""Text of strangers made harmless for a terminal, and a stream that lets nothing else through.

Plugins, canisters, recipes and networks write names, lines and errors. A terminal obeys some characters instead of showing
them, and shows others nowhere, or turns what stands beside them around: all of these are spelled out.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, TextIO, cast

__all__ = ["JOINERS", "GuardedStream", "guard", "harmless", "harmless_block"]

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that show nothing."""
_FILLER = re.compile(f"[{''.join(sorted(_FILLERS))}]")
JOINERS = frozenset("\u200c\u200d")
"""What many scripts and emoji need between two characters; between others it only hides."""
_JOINER = re.compile(f"[{''.join(sorted(JOINERS))}]")
_COLOUR = re.compile(r"\x1b\[(?:0|2|32|36|1(?:;3[13])?)m")
"""The sequences that `Style.paint` writes."""


def harmless(text: str) -> str:
    """Return `text` with control, formatting, direction and invisible characters spelled out."""
    return _spell_out(text, kept="\t", spell=_spell)


def harmless_block(text: str, indent: str = "  ") -> str:
    """Return `text` made harmless line by line; all lines but the first are indented, so that none passes for one of our own."""
    first, *more = (line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n"))
    return "\n".join((harmless(first), *(f"{indent}{harmless(line)}".rstrip() for line in more)))


def _spell(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


def _spell_out(text: str, *, kept: str, spell: Callable[[str], str]) -> str:
    """Return `text` with what does something else than being shown spelled out, but for what is `kept`.

    Texts may have millions of characters, of few kinds: each kind is looked at once.
    """
    if text.isprintable() and (text.isascii() or _FILLER.search(text) is None):
        return text
    kinds = set(text)
    acting = {character for character in kinds - JOINERS if character not in kept and _acts(character)}
    if kinds & JOINERS:
        text = _JOINER.sub(lambda found: found[0] if _is_needed(found) else spell(found[0]), text)
    return text.translate({ord(character): spell(character) for character in acting}) if acting else text


def _acts(character: str) -> bool:
    return character in _FILLERS or unicodedata.category(character) in _INVISIBLE


def _is_needed(joiner: re.Match[str]) -> bool:
    """Tell whether a joiner stands between two characters that may need one."""
    text, index = joiner.string, joiner.start()
    return 0 < index < len(text) - 1 and _joins(text[index - 1]) and _joins(text[index + 1])


def _joins(character: str) -> bool:
    """Tell whether a character may stand beside a joiner."""
    return not character.isascii() and not _acts(character)


class GuardedStream:
    """Writes to a stream what can be shown, line ends, and colours where the stream is a terminal.

    It is the last gate, behind `harmless`: what gets here unspelled is written as JSON spells it, so that JSON keeps its meaning.
    So is what the stream's encoding does not have.
    Everything else is the stream's own; `unguarded` is the stream itself, for whoever draws on the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        """Take the stream."""
        self.unguarded = stream

    def __getattr__(self, name: str) -> Any:
        """Return what the stream has."""
        return getattr(self.unguarded, name)

    def write(self, text: str) -> int:
        """Write a text."""
        guarded = guard(text, colours=self.unguarded.isatty())
        self.unguarded.write(_spell_missing(guarded, self.unguarded.encoding))
        return len(text)

    @classmethod
    def around(cls, stream: TextIO) -> TextIO:
        """Return a guarded stream for those who know streams."""
        return cast("TextIO", cls(stream))


def guard(text: str, *, colours: bool) -> str:
    """Return whole output with what acts on a terminal spelled as JSON does, but for line ends, tabs and, if wanted, our colours."""
    if text.replace("\n", "").isprintable() and (text.isascii() or _FILLER.search(text) is None):
        return text
    if not colours:
        return _guard_plain(text)
    parts = _COLOUR.split(text)
    kept = [*_COLOUR.findall(text), ""]
    return "".join(f"{_guard_plain(part)}{colour}" for part, colour in zip(parts, kept, strict=True))


def _guard_plain(text: str) -> str:
    return _spell_out(text, kept="\n\t", spell=_spell_as_json)


def _spell_missing(text: str, encoding: str | None) -> str:
    """Return `text` with what an encoding does not have spelled out; a stream in memory has none."""
    if encoding is None or text.isascii():
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(character if _has(encoding, character) else _spell_as_json(character) for character in text)
    return text


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _spell_as_json(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
