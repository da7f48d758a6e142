"""Which parts of a manifest's lines may be secrets: the lines are shown around an error, secrets never are.

The text need not be valid YAML (that may be the very error), so nothing is parsed: lines are looked at one by one, by their
indentation, and what is in doubt within a section of secrets is hidden. Hidden are the values of environment variables,
arguments of canisters, configurations of recipes, fields of plugins, and of keys whose names say that they hold a secret, misspelt
ones too; names stay. Commands are shown, without what they give to a variable or an option of such a name.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from orchestrator.core.manifest_keys import KNOWN_KEYS
from orchestrator.errors import Span

__all__ = ["MASK", "hide_quotes", "hide_secrets", "hide_texts", "secret_parts", "secret_texts", "shown_line"]

MASK = "********"
"""What stands for a secret, however long that is."""
SHORT_SECRET = 4
"""Characters; a shorter one is looked for in quotes only, because it may be a part of any word."""
Part = tuple[int, int]
"""From where to where (not included) in a line, counted from 0."""

_WORD = r"[\w-]{0,40}"  # bounded: a line may be a megabyte
_TELLING_WORDS = (
    r"(?:(?i:secret|passw|passphrase|pwd|token|credential|mnemonic|bearer|cookie|auth(?!or)|(?:seed|pem)(?![a-z]))"
    r"|(?:(?<![A-Za-z])(?<!root[_-])(?<!public[_-])[Kk]ey|(?<=[a-z])Key|[Aa]pikey|KEY)s?(?![a-z]))"
)
_TELLING_NAMES = (
    rf"{_WORD}(?:var(?:s|i{_WORD})|arg(?:s|uments?)?|{_TELLING_WORDS}{_WORD})|pass|fields"
    rf"|env(?!ironments\b){_WORD}|conf[a-z]{{0,40}}|[A-Z][A-Z0-9_]{{0,40}}"
)
"""Keys whose values are hidden, variables in the wrong place among them."""
_SECRET_KEY = re.compile(rf"""(?<![\w.-])(?P<quote>["']?)(?P<name>{_TELLING_NAMES})(?P=quote)\s*:""")
_SECTIONS = ("environment_variables", "init_args", "upgrade_args", "configuration", "fields")
_MISSPELT = 0.75
"""How much of a key must be right, from 0 to 1, to be taken for a section of secrets."""
_KEY = re.compile(r"""\s*(?:-\s+)*(?P<name>"[^"]*"|'[^']*'|[^\s:#"'{}\[\],-][^:]{0,200}?)\s{0,20}:(?=\s|$)\s*""")
_FLOW_KEY = re.compile(r"""(?<![^{,\s])(?P<quote>["']?)(?P<name>[A-Za-z_][\w-]{0,40})(?P=quote)\s{0,20}:(?=\s)""")
_GIVEN = re.compile(
    rf"""(?<![\w-])(?:{_WORD}{_TELLING_WORDS}{_WORD}(?<!file)(?<!path)=|--{_WORD}{_TELLING_WORDS}{_WORD}(?<!file)(?<!path)[ ]+(?!-)"""
    r"""|(?i:bearer|authorization:[ ]*\w+)[ ]+|-u[ ]+(?=\S+:))(?P<text>(?!\$)(?:"[^"]*"?|'[^']*'?|[^\s"';|&,}\]]+))"""
    r"""|(?<![\w-])(?P<form>(?:[rs]k_(?:live|test)_|gh[opsu]_|github_pat_|glpat-|npm_|xox[abp]-|AKIA|eyJ[\w-]{10,99}\.)[\w.-]{8,999})"""
)
"""What a command gives to something that is called like a secret (what the shell puts in its place is none), and what has the form of one."""
_CLOSING = re.compile(r"\s*[}\]][\s}\],]*$")
_ITEM = re.compile(r"\s*-\s+")
_ASSIGNMENT = re.compile(r"""["']?[A-Za-z_]\w*=""")
_BLOCK_SCALAR = re.compile(r"[|>][-+0-9]*\s*(?:#.*)?$")
_VALUE = re.compile(r"\s*(?P<text>[^\s#])")
_FLOW_SCALAR = re.compile(
    r"""\s*(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,{}\[\]"'()]+)(?=\s*[}\]]|\s*,\s*["']?[\w-]{1,60}["']?\s{0,20}:(?:\s|$))"""
)
_BLANKS = 20
"""Characters between a comma and the key behind it."""
_PLAIN_KEYS = frozenset({"path", "format"})
"""Keys within, whose values say where a secret is and not what it is."""


def shown_line(lines: tuple[str, ...], index: int, path: Path | None = None) -> str:
    """Return line `index` (from 0) without its secrets; a recipe's own file, which its `path` tells, has none."""
    return lines[index] if _is_recipe(path) else _masked(lines[index], secret_parts(lines)[index])


def hide_secrets(span: Span) -> Span:
    """Return a place whose line shows no secrets; the caret stands below what it stood below, or below the mask."""
    parts = _parts_of(span)
    if not parts:
        return span
    start = span.column - 1
    end = start + span.length
    text = _masked(span.text, parts)
    first = _moved(start, parts, at_end=False)
    return replace(span, text=text, column=first + 1, length=max(1, _moved(end, parts, at_end=True) - first), lines=())


def secret_texts(span: Span, *, whole_line: bool = False) -> tuple[str, ...]:
    """Return the secrets that a place touches, or those of its `whole_line`, as they are written and without their quotes."""
    start, end = span.column - 1, span.column - 1 + span.length
    found = (span.text[first:last] for first, last in _parts_of(span) if whole_line or (first < end and start < last))
    return tuple(dict.fromkeys(text for each in found for text in (each, each.strip("\"' ")) if any(map(str.isalnum, text))))


def hide_texts(text: str, secrets: Iterable[str]) -> str:
    """Return words without the secrets that they repeat; short ones, which may be anything, are looked for in quotes only."""
    for secret in secrets:
        if len(secret) >= SHORT_SECRET:
            text = text.replace(secret, MASK)
        else:
            for before, after in ("``", '""', "''"):
                text = text.replace(f"{before}{secret}{after}", f"{before}{MASK}{after}")
            text = text.removesuffix(f"the number {secret}") + "a number" if text.endswith(f"the number {secret}") else text
    return text


def hide_quotes(message: str, source: str) -> str:
    """Return what a parser says about a secret text without the words in backticks that are taken from it."""

    def hide(quoted: re.Match[str]) -> str:
        return f"`{MASK}`" if any(map(str.isalnum, quoted[1])) and quoted[1] in source else quoted[0]

    return re.sub("`([^`]+)`", hide, message)


def _is_recipe(path: Path | None) -> bool:
    """Tell whether a file is a template or its description: they say what a value is called and never what it is."""
    return path is not None and (path.suffix == ".hbs" or path.name == "recipe.yaml")


def _parts_of(span: Span) -> tuple[Part, ...]:
    if _is_recipe(span.path):
        return ()
    if 0 < span.line <= len(span.lines) and span.lines[span.line - 1] == span.text:
        return secret_parts(span.lines)[span.line - 1]
    return secret_parts((span.text,))[0]


@lru_cache(maxsize=8)
def secret_parts(lines: tuple[str, ...]) -> tuple[tuple[Part, ...], ...]:
    """Return the parts of each line that may be secrets, in order."""
    scanner = _Scanner()
    return tuple(tuple(scanner.take(line)) for line in lines)


def _masked(text: str, parts: tuple[Part, ...]) -> str:
    pieces, position = [], 0
    for start, end in parts:
        pieces += [text[position:start], MASK]
        position = end
    return "".join([*pieces, text[position:]])


def _moved(column: int, parts: tuple[Part, ...], *, at_end: bool) -> int:
    """Return where a column is in the masked line."""
    shift = 0
    for start, end in parts:
        if column >= end and not (at_end and column == start):
            shift += len(MASK) - (end - start)
        elif column > start or (column == start and not at_end):
            return start + shift + (len(MASK) if at_end else 0)
    return column + shift


@dataclass(slots=True)
class _Scanner:
    """Where the lines so far have led; columns count from 0.

    `section` is the column of the key whose values are hidden, `empty` tells that nothing of them was seen yet, `whole` that its
    value began in its own line: then no key beside it is below it, `rest` where something else begins in this line,
    `scalar` the column of a key whose value may go on in deeper lines, `quote` the quote that is open, `flow` how many brackets are.
    """

    section: int | None = None
    name: str = ""
    empty: bool = False
    whole: bool = False
    rest: int | None = None
    scalar: int | None = None
    quote: str = ""
    flow: int = 0
    flow_key: str = ""

    def take(self, line: str) -> Iterator[Part]:
        """Yield the parts of the next line that are hidden."""
        if not line.strip():
            return
        self.rest = None
        if self.quote or self.flow:
            yield from self._go_on(line, 0)
        elif self.section is None or self._leaves(line):
            self.section = self.scalar = None
            self.empty = False
            self.rest = 0
        else:
            yield from self._inside(line)
        while self.rest is not None:
            yield from self._outside(line, self.rest)

    def _leaves(self, line: str) -> bool:
        """Tell whether a line is no longer below the section's key; one that is indented with tabs may be anywhere."""
        column = len(line) - len(line.lstrip())
        if "\t" in line[:column] or self.section is None or column > self.section:
            return False
        if column == self.section and _ITEM.match(line) is not None:
            return False  # items may stand in their key's column
        key = _KEY.match(line)
        if key is not None:
            return self.whole or key["name"].strip("\"'") in KNOWN_KEYS  # one that is misspelt may as well be a name within
        return _ITEM.match(line) is not None or _CLOSING.match(line) is not None

    def _outside(self, line: str, start: int) -> Iterator[Part]:
        self.flow_key, self.rest = "", None
        key = _find_section(line, start)
        for given in _GIVEN.finditer(line, start, len(line) if key is None else key.start("name")):
            yield given.span(given.lastgroup or 0)
        if key is None:
            return
        column = key.start("quote")
        self.section, self.name, self.whole = column, key["name"], _is_whole(line, key.end())
        alone = _FLOW_SCALAR.match(line, key.end()) if line[max(0, column - _BLANKS) : column].rstrip()[-1:] in {"{", ","} else None
        if alone is None:
            yield from self._value(line, key.end(), column)
        else:
            self.rest = alone.end()
            yield alone.span("text")

    def _inside(self, line: str) -> Iterator[Part]:
        column = len(line) - len(line.lstrip())
        key = _KEY.match(line)
        continued = self.scalar is not None and column > self.scalar
        if key is not None and not continued and key["name"] not in {"", "<<"}:
            self.scalar = None
            kept = key["name"].strip("\"'") in _PLAIN_KEYS and column != self.section
            if not kept:
                yield from self._value(line, key.end(), key.start("name"))
            return
        self.empty = False
        if continued:
            yield column, len(line.rstrip())
            return
        item = _ITEM.match(line)
        start = column if item is None else item.end()
        if self.name == "environment" and (assigned := _ASSIGNMENT.match(line, start)) is not None:
            start = assigned.end()
        yield from self._value(line, start, column)

    def _value(self, line: str, start: int, column: int) -> Iterator[Part]:
        """Yield what is hidden of a value that starts here; `column` is its key's."""
        value = _VALUE.match(line, start)
        self.empty = value is None
        if value is None:
            return
        start, first = value.start("text"), value["text"]
        self.scalar = column
        if first in "{[":
            self.scalar = None
            yield from self._go_on(line, start)
        elif not _BLOCK_SCALAR.match(line, start):
            if first in "\"'" and _closing(line, start + 1, first) < 0:
                self.quote = first
            yield start, len(line.rstrip())

    def _go_on(self, line: str, start: int) -> Iterator[Part]:
        """Yield what is hidden of the rest of a line that is within quotes or brackets."""
        position = start
        if self.quote:
            closed = _closing(line, position, self.quote)
            end = len(line.rstrip()) if closed < 0 else closed + 1
            begin = len(line) - len(line.lstrip()) if position == 0 else position
            if begin < end:
                yield begin, end
            if closed < 0:
                return
            self.quote, position = "", end
        while self.flow or position == start:
            token = _TOKEN.match(line, position)
            if token is None or token.end() == position:
                return
            position = token.end()
            yield from self._token(line, token)
            if not self.flow:
                break
        self.rest = position

    def _token(self, line: str, token: re.Match[str]) -> Iterator[Part]:
        text = token["text"]
        if text in {"{", "["}:
            self.flow, self.flow_key = self.flow + 1, ""
        elif text in {"}", "]"}:
            self.flow, self.flow_key = self.flow - 1, ""
        elif text == ",":
            self.flow_key = ""
        elif token["colon"] is not None and not self.flow_key:
            self.flow_key = text.strip("\"'")
        elif text and self.flow_key not in _PLAIN_KEYS:
            if text[0] in "\"'" and (len(text) == 1 or text[-1] != text[0]):
                self.quote = text[0]
            yield token.start("text"), len(line.rstrip()) if self.quote else token.end("text")


_PIECE = r"(?:(?!:[\s,}\]]|:$)[^\s{}\[\],])+"
_TOKEN = re.compile(
    rf"""\s*(?P<text>[{{}}\[\],]|"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|{_PIECE}(?:[ ]{{1,20}}{_PIECE})*|[^\s])(?P<colon>\s{{0,20}}:)?"""
)


def _is_whole(line: str, start: int) -> bool:
    value = _VALUE.match(line, start)
    return value is not None and value["text"] not in "&!" and not _BLOCK_SCALAR.match(line, value.start("text"))


def _find_section(line: str, start: int) -> re.Match[str] | None:
    """Return the first key of a line that has secrets as its value."""
    named = _SECRET_KEY.search(line, start)
    end = len(line) if named is None else named.start()
    keys = (key for key in _FLOW_KEY.finditer(f"{line[:end]} " if end == len(line) else line, start, end + 1))
    return next((key for key in keys if _is_misspelt_section(key["name"])), named)


@lru_cache(maxsize=1024)
def _is_misspelt_section(name: str) -> bool:
    from difflib import get_close_matches  # only a project with problems pays for it

    return name not in KNOWN_KEYS and bool(get_close_matches(name.lower(), _SECTIONS, n=1, cutoff=_MISSPELT))


_QUOTE_END = {"'": re.compile(r"(?:[^']|'')*'(?!')"), '"': re.compile(r'(?:[^"\\]|\\.)*"')}


def _closing(line: str, start: int, quote: str) -> int:
    """Return where a quoted text is closed, or -1."""
    found = _QUOTE_END[quote].match(line, start)
    return found.end() - 1 if found is not None else -1
