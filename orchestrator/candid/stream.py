"""The parsers' view of the tokens: look ahead by one or two, demand, complain."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from orchestrator.candid.lexer import Source, Token, tokenize
from orchestrator.candid.types import MAX_FIELD_ID
from orchestrator.errors import CandidSyntaxError

__all__ = ["MAX_NESTING", "TokenStream"]

MAX_NESTING: Final = 100
"""How deep types and values may be nested in text (levels)."""

_UNNAMED: Final = Path("<candid>")
_Parsed = TypeVar("_Parsed")


class TokenStream:
    """Tokens with a position."""

    def __init__(self, text: str, path: Path | None) -> None:
        self.source = Source(text, path or _UNNAMED)
        self._tokens = tokenize(self.source)
        self._position = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._position]

    @property
    def previous(self) -> Token:
        """The token taken last."""
        return self._tokens[max(0, self._position - 1)]

    @property
    def second(self) -> Token:
        """The token after the next one."""
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and go on."""
        token = self.token
        if token.kind != "end":
            self._position += 1
        return token

    def is_next(self, *texts: str) -> bool:
        """Whether one of these marks or words comes next."""
        return self.token.kind in {"mark", "word", "name"} and self.token.text in texts

    def accept(self, text: str) -> bool:
        """Take this mark or word if it comes next."""
        found = self.is_next(text)
        if found:
            self.take()
        return found

    def expect(self, text: str) -> Token:
        """Take this mark or word; anything else raises."""
        if not self.is_next(text):
            raise self.unexpected(f"`{text}`")
        return self.take()

    def unexpected(self, wanted: str) -> CandidSyntaxError:
        """Return the error for a next token that is not what was wanted."""
        return self.error(f"expected {wanted}, found {self.token}", self.token)

    def error(self, message: str, token: Token, *, slug: str | None = None, hint: str | None = None) -> CandidSyntaxError:
        """Return the error that points at a token."""
        return self.source.error(message, token.start, token.end, slug=slug, hint=hint)

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Count one level of nesting; too many raise."""
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self.error(f"nested more than {MAX_NESTING} levels deep", self.token, slug="candid/too-deep")
        yield
        self._depth -= 1

    def separated(self, closing: str, separator: str, parse: Callable[[], _Parsed]) -> list[_Parsed]:
        """Parse items up to the closing mark; a separator may follow the last one."""
        items: list[_Parsed] = []
        while not self.accept(closing):
            items.append(parse())
            if not self.accept(separator) and not self.is_next(closing):
                raise self.unexpected(f"`{separator}` or `{closing}`")
        return items

    def string(self) -> str:
        """Take a string that is text."""
        token = self.token
        if token.kind != "string":
            raise self.unexpected("a string")
        self.take()
        try:
            return token.data.decode()
        except UnicodeDecodeError:
            raise self.error("this string is not valid UTF-8", token) from None

    def name(self) -> str:
        """Take a name, in quotes or not."""
        if self.token.kind == "name":
            return self.take().text
        if self.token.kind == "string":
            return self.string()
        hint = f'put it in quotes: "{self.token.text}"' if self.token.kind == "word" else None
        raise self.error(f"expected a name, found {self.token}", self.token, hint=hint)

    def is_field_id(self) -> bool:
        """Whether a field's number comes next."""
        return self.token.kind in {"decimal", "hex"}

    def field_id(self) -> int:
        """Take a field's number."""
        token = self.take()
        number = int(token.text, 16 if token.kind == "hex" else 10) if len(token.text) <= len(str(MAX_FIELD_ID)) else MAX_FIELD_ID + 1
        if number > MAX_FIELD_ID:
            raise self.error(f"a field id is at most {MAX_FIELD_ID}", token)
        return number

    def end(self) -> None:
        """Demand that nothing follows."""
        if self.token.kind != "end":
            raise self.unexpected("the end")
