"""A parsed template: what it is made of, and where each part stands."""

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import RecipeError, Span

__all__ = ["Block", "Call", "Expression", "Inline", "Literal", "Lookup", "Node", "Origin", "Output", "Partial", "Place", "Template", "Text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stretch of the template; line and column count from 1."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a template comes from, for messages; `related` are further places that every error shows."""

    path: Path
    lines: tuple[str, ...]
    related: tuple[tuple[Span, str], ...] = ()

    def span(self, place: Place) -> Span:
        """Return a place as a span, cut at the end of its line."""
        text = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        length = max(1, min(place.length, len(text) - place.column + 1))
        return Span(path=self.path, line=place.line, column=place.column, length=length, text=text)

    def error(self, slug: str, summary: str, place: Place, *, detail: str | None = None, hint: str | None = None) -> RecipeError:
        """Return the error of a fault at a place; `slug` comes without its `recipe/`."""
        return RecipeError(summary, slug=f"recipe/{slug}", span=self.span(place), detail=detail, related=self.related, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A text, number, boolean or null written in an expression."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A path into the data: `up` counts `../`, `local` marks `@name`, `text` is the path as written."""

    text: str
    steps: tuple[str, ...]
    up: int = 0
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A helper with its parameters; `options` are its `name=value` pairs."""

    name: str
    parameters: tuple["Expression", ...] = ()
    options: dict[str, "Expression"] = field(default_factory=dict)


Expression = Literal | Lookup | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text that is copied; `line` is where it starts."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An expression whose value is written."""

    expression: Expression
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block helper: its body, what follows `else`, and the names it gives to values (`as |x i|`)."""

    call: Call
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...] | None
    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """A partial defined in the template itself."""

    name: Expression
    body: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """The use of a partial, with the data it is given; `indent` is put in front of each of its lines."""

    name: Expression
    context: Expression | None
    options: dict[str, Expression]
    indent: str
    place: Place


Node = Text | Output | Block | Inline | Partial


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A whole template."""

    body: tuple[Node, ...]
    origin: Origin
