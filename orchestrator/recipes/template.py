"""A parsed template: what it is made of, and where each part stands."""

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import RecipeError, Span

__all__ = [
    "Block",
    "Call",
    "Decoration",
    "Expression",
    "Inline",
    "Literal",
    "Lookup",
    "Node",
    "Origin",
    "Output",
    "Partial",
    "Place",
    "Template",
    "Text",
]

_MAX_SENTENCE = 500
"""Characters of a sentence of an error: a name in a template may be as long as the template."""


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
        column = min(place.column, len(text) + 1)
        length = max(1, min(place.length, len(text) - column + 1))
        return Span(path=self.path, line=place.line, column=column, length=length, text=text, lines=self.lines)

    def error(
        self,
        slug: str,
        summary: str,
        place: Place,
        *,
        detail: str | None = None,
        hint: str | None = None,
        notes: tuple[tuple[Place, str], ...] = (),
    ) -> RecipeError:
        """Return the error of a fault at a place; `slug` comes without its `recipe/`, `notes` are places of the template."""
        related = (*((self.span(other), _cut(note)) for other, note in notes), *self.related)
        hint = None if hint is None else _cut(hint)
        return RecipeError(_cut(summary), slug=f"recipe/{slug}", span=self.span(place), detail=detail, related=related, hint=hint)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SENTENCE else f"{text[:_MAX_SENTENCE]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value written in an expression, as JSON has them."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A path into the data, `text` as written: `up` counts `../`, `local` marks `@name`, `root` marks `@root.name`."""

    text: str
    steps: tuple[str, ...]
    up: int = 0
    local: bool = False
    root: bool = False


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
    """An expression whose value is written; `computed` marks a sub-expression, whose value may name a helper."""

    expression: Expression
    place: Place
    computed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block helper: its body, what follows `else`, and the names it gives to values (`as |x i|`).

    `indents` says that its tag was alone on its line: what it writes first takes the indentation of its partial.
    """

    call: Call
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...] | None
    names: tuple[str, ...]
    place: Place
    indents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """A partial defined in the template itself."""

    name: Expression
    body: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoration:
    """A decorator that cannot be obeyed; rendering ends here, with `reason`."""

    reason: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """The use of a partial, with the data it is given; `indent` is put in front of each of its lines.

    `body` is what stands between the tags of a partial block: `@partial-block` in the partial, and what is rendered
    where there is no such partial. `others` are parameters that have no effect; `indents` is as in `Block`.
    """

    name: Expression
    context: Expression | None
    options: dict[str, Expression]
    indent: str
    place: Place
    body: tuple["Node", ...] | None = None
    others: tuple[Expression, ...] = ()
    indents: bool = False


Node = Text | Output | Block | Inline | Decoration | Partial


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A whole template."""

    body: tuple[Node, ...]
    origin: Origin
