"""Takes a script for `sh` apart into what stays as it is written and what the shell acts on (POSIX.1-2024, XCU 2).

It knows quotes, expansions, command substitutions, operators, comments and here-documents, which is what it takes to tell
whether a value that is put into a script arrives as a part of one word. It does not know the grammar above words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Active", "Literal", "Operator", "Token", "UnfinishedError", "Word", "fill_in", "split_script"]

MAX_DEPTH: Final = 50
"""Command substitutions inside each other."""

_PLAIN: Final = re.compile(r"""[^\s'"\\$`|&;<>()*?\[~{]+""")
_BLANKS: Final = re.compile(r"(?:[ \t]|\\\n)+")
_OPERATOR: Final = re.compile(r"&&|\|\||;;|;&|<<-|<<|>>|<&|>&|<>|>\||[|&;<>()\n]")
_IN_QUOTES: Final = re.compile(r'[^"\\$`]+')
_IN_DOCUMENT: Final = re.compile(r"[^\\$`]+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_PATTERNS: Final = "*?[~{"
_MARK: Final = re.compile("(\ue000[0-9]+\ue001)")
_WORD_LIKE: Final = re.compile(r"[A-Za-z0-9_.]*")


class UnfinishedError(ValueError):
    """Raised where a quote, a substitution or a here-document does not end."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that the shell takes as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Active:
    """Something that the shell acts on: a pattern, an expansion, a command substitution with its `tokens`."""

    kind: str
    text: str = ""
    tokens: tuple["Token", ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word: what is literal in it and what is not, in order; neighbouring literals are one."""

    parts: tuple[Literal | Active, ...]


@dataclass(frozen=True, slots=True)
class Operator:
    """What stands between words, a line end included."""

    text: str


Token = Word | Operator


def split_script(script: str) -> tuple[Token, ...]:
    """Return the words and operators of a script; raises `UnfinishedError`."""
    reader = _Reader(script)
    tokens = reader.tokens(closing="")
    reader.finish_documents()
    return tokens


def fill_in(tokens: tuple[Token, ...], values: Mapping[str, str]) -> tuple[Token, ...]:
    """Return tokens with values in place of the marks in their literals; elsewhere only what is letters and digits is put in."""
    return tuple(Word(tuple(_fill_part(part, values) for part in token.parts)) if isinstance(token, Word) else token for token in tokens)


def _fill_part(part: Literal | Active, values: Mapping[str, str]) -> Literal | Active:
    if isinstance(part, Literal):
        return Literal(_fill_text(part.text, values))
    harmless = {mark: value for mark, value in values.items() if _WORD_LIKE.fullmatch(value)}
    return Active(part.kind, _fill_text(part.text, harmless), fill_in(part.tokens, values))


def _fill_text(text: str, values: Mapping[str, str]) -> str:
    return "".join(values.get(piece, piece) for piece in _MARK.split(text))


@dataclass(slots=True)
class _Parts:
    """The parts of a word so far; `present` tells an empty quoted word from none."""

    parts: list[Literal | Active] = field(default_factory=list)
    present: bool = False

    def text(self, text: str) -> None:
        """Add literal text."""
        self.present = True
        if self.parts and isinstance(self.parts[-1], Literal):
            self.parts[-1] = Literal(self.parts[-1].text + text)
        elif text:
            self.parts.append(Literal(text))

    def active(self, part: Active) -> None:
        """Add what is no literal."""
        self.present = True
        self.parts.append(part)

    def word(self) -> Word:
        """Return the word."""
        return Word(tuple(self.parts))


@dataclass(slots=True)
class _Document:
    """A here-document whose body comes after the line end: its last line, and whether it is literal."""

    parts: _Parts
    end: str
    literal: bool
    indented: bool


class _Reader:
    """A position in a script."""

    def __init__(self, script: str, depth: int = 0) -> None:
        self._script = script
        self._position = 0
        self._depth = depth
        self._documents: list[_Document] = []
        if depth > MAX_DEPTH:
            raise UnfinishedError("substitutions are nested too deeply")

    def tokens(self, closing: str) -> tuple[Token, ...]:
        """Read up to the parenthesis that closes a substitution, or to the end."""
        found: list[Token] = []
        open_parentheses = cases = 0
        while self._position < len(self._script):
            if self._take(_BLANKS):
                continue
            if self._at("#"):
                self._skip_comment()
            elif operator := self._take(_OPERATOR):
                if operator == ")" and closing and not open_parentheses and not cases:
                    return tuple(found)
                open_parentheses += (operator == "(") - (operator == ")" and open_parentheses > 0)
                found.append(Operator(operator))
                self._after_operator(operator, found)
            else:
                word = self._word()
                cases += (word == _CASE) - (word == _ESAC and cases > 0)
                found.append(word)
        if closing:
            raise UnfinishedError("a command substitution does not end")
        return tuple(found)

    def finish_documents(self) -> None:
        """Raise where a here-document was announced and the script has ended."""
        if self._documents:
            raise UnfinishedError("a here-document does not end")

    def _after_operator(self, operator: str, found: list[Token]) -> None:
        if operator in {"<<", "<<-"}:
            self._take(_BLANKS)
            start = self._position
            word = self._word()
            raw = self._script[start : self._position]
            document = _Document(
                _Parts(), "".join(part.text for part in word.parts), bool(re.search(r"""['"\\]""", raw)), operator == "<<-"
            )
            found.append(word)
            self._documents.append(document)
        elif operator == "\n":
            documents, self._documents = self._documents, []
            for document in documents:
                self._read_document(document)
                found.append(document.parts.word())

    def _read_document(self, document: _Document) -> None:
        body: list[str] = []
        while self._position < len(self._script):
            end = self._script.find("\n", self._position)
            end = len(self._script) if end < 0 else end
            line = self._script[self._position : end]
            self._position = min(end + 1, len(self._script))
            if (line.lstrip("\t") if document.indented else line) == document.end:
                break
            body.append(f"{line}\n")
        else:
            raise UnfinishedError("a here-document does not end")
        text = "".join(body)
        if document.literal:
            document.parts.text(text)
        else:
            _Reader(text, self._depth + 1)._quoted(document.parts, "", _IN_DOCUMENT)  # noqa: SLF001  # its own class

    def _word(self) -> Word:
        parts = _Parts()
        while self._position < len(self._script):
            if plain := self._take(_PLAIN):
                parts.text(plain)
                continue
            character = self._script[self._position]
            if character.isspace() or character in "|&;<>()":
                if character in " \t\n" or not character.isspace():
                    break
                parts.text(character)
                self._position += 1
            else:
                self._special(character, parts)
        return parts.word()

    def _special(self, character: str, parts: _Parts) -> None:
        self._position += 1
        if character == "'":
            parts.text(self._up_to("'"))
        elif character == '"':
            parts.text("")
            self._quoted(parts, '"', _IN_QUOTES)
        elif character == "\\":
            following = self._script[self._position : self._position + 1]
            self._position += 1
            if following != "\n":
                parts.text(following or "\\")
        elif character in "$`":
            self._expansion(character, parts)
        elif character in _PATTERNS:
            parts.active(Active("pattern", character))

    def _quoted(self, parts: _Parts, closing: str, plain: re.Pattern[str]) -> None:
        """Read what stands between double quotes, or the body of a here-document."""
        while self._position < len(self._script):
            if text := self._take(plain):
                parts.text(text)
                continue
            character = self._script[self._position]
            self._position += 1
            if character == closing:
                return
            if character == "\\":
                following = self._script[self._position : self._position + 1]
                self._position += 1
                if following != "\n":
                    parts.text(following if following in {"$", "`", "\\", closing} and following else f"\\{following}")
            elif character in "$`":
                self._expansion(character, parts, quoted=True)
            else:
                parts.text(character)
        if closing:
            raise UnfinishedError("a quote does not end")

    def _expansion(self, character: str, parts: _Parts, *, quoted: bool = False) -> None:
        kind = "quoted " if quoted else ""
        if character == "`":
            inner = re.sub(r"\\([`$\\])", r"\1", self._up_to("`", escapes=True))
            parts.active(Active(f"{kind}command", tokens=_Reader(inner, self._depth + 1).tokens(closing="")))
        elif self._at("(("):
            self._position += 2
            parts.active(Active(f"{kind}arithmetic", self._balanced("(", ")", 2).removesuffix(")")))
        elif self._at("("):
            self._position += 1
            inner_reader = _Reader(self._script, self._depth + 1)
            inner_reader._position = self._position  # its own class
            tokens = inner_reader.tokens(closing=")")
            self._position = inner_reader._position  # the same
            parts.active(Active(f"{kind}command", tokens=tokens))
        elif self._at("{"):
            self._position += 1
            parts.active(Active(f"{kind}parameter", self._balanced("{", "}", 1)))
        elif name := self._take(_NAME):
            parts.active(Active(f"{kind}parameter", name))
        else:
            parts.text("$")

    def _balanced(self, opening: str, closing: str, depth: int) -> str:
        """Return the text up to where `depth` brackets are closed."""
        start = self._position
        while self._position < len(self._script):
            character = self._script[self._position]
            self._position += 2 if character == "\\" else 1
            depth += (character == opening) - (character == closing)
            if depth == 0:
                return self._script[start : self._position - 1]
        raise UnfinishedError("an expansion does not end")

    def _up_to(self, end: str, *, escapes: bool = False) -> str:
        start = self._position
        while self._position < len(self._script):
            character = self._script[self._position]
            self._position += 2 if escapes and character == "\\" else 1
            if character == end:
                return self._script[start : self._position - 1]
        raise UnfinishedError("a quote does not end")

    def _skip_comment(self) -> None:
        end = self._script.find("\n", self._position)
        self._position = len(self._script) if end < 0 else end

    def _at(self, text: str) -> bool:
        return self._script.startswith(text, self._position)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._script, self._position)
        if match is None:
            return ""
        self._position = match.end()
        return match.group()


_CASE: Final = Word((Literal("case"),))
_ESAC: Final = Word((Literal("esac"),))
