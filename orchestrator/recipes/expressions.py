"""What stands inside `{{ }}`: paths, literals, helper calls, sub-expressions.

The dialect is a parsing expression grammar: alternatives are tried in order, the first that fits is taken, and nothing
that was taken is given back. Each reader takes a position and returns what it read with the position behind it, or
None. What was tried furthest into the text is where a tag that fits nothing is wrong.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from orchestrator.errors import RecipeError
from orchestrator.recipes.literals import SYMBOL, LiteralReader
from orchestrator.recipes.template import Call, Expression, Literal, Lookup, Origin, Place

__all__ = ["MAX_EXPRESSION_DEPTH", "Head", "Scanner", "named"]

MAX_EXPRESSION_DEPTH = 20
"""Sub-expressions inside each other, and lists or maps inside each other in an expression."""

_LINE_END = re.compile("\n")
_SPACE = re.compile(r"[ \t\n\r]*+")
_NAME = re.compile(rf"{SYMBOL}++")
_ITEM = rf"(?>{SYMBOL}++|\[[^\]]*+\])"
_PATH = re.compile(
    rf"(?:this[./]|\./)?+(?P<root>@root[./])?+(?P<local>@)?+(?P<up>(?:\.\.[./])*+)(?P<steps>{_ITEM}(?:[./]{_ITEM})*+)",
)
_ITEMS = re.compile(_ITEM)
_RESERVED = re.compile(rf"(?:as|else)[ \t\n\r]*+(?!{SYMBOL})")
_PARTIAL_NAME = re.compile(r"[^\x00-,:-?\[-^`{-\x7f]++|'(?:\\'|[^'])++'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a tag says: the name, the parameters, and the names it gives (`as |x i|`)."""

    name: Expression
    parameters: tuple[Expression, ...] = ()
    options: dict[str, Expression] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def written(self) -> str | None:
        """Return the name as it was written; a name that is computed has none."""
        return self.name.text if isinstance(self.name, Lookup) else None

    def expression(self) -> Expression:
        """Return the tag as an expression: a helper with parameters, or what the name stands for."""
        if isinstance(self.name, Lookup) and (self.parameters or self.options):
            return Call(name=self.name.text, parameters=self.parameters, options=self.options)
        return self.name


class Scanner:
    """Reads parts of tags out of a template's text, and remembers how far it came.

    `fault` is the first value that is written like one and is none, to be raised once all tags were read.
    """

    def __init__(self, text: str, origin: Origin) -> None:
        self.text = text
        self.origin = origin
        self.furthest = 0
        self.fault: RecipeError | None = None
        self._literals = LiteralReader(text, MAX_EXPRESSION_DEPTH)
        self._line_starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def space(self, position: int) -> int:
        """Return the position behind white space."""
        match = _SPACE.match(self.text, position)
        return match.end() if match else position

    def failed(self, position: int) -> None:
        """Remember that something was looked for at a position and not found."""
        self.furthest = max(self.furthest, position)

    def name(self, position: int) -> tuple[str, int] | None:
        """Read a plain name."""
        match = _NAME.match(self.text, position)
        if match is None:
            self.failed(position)
            return None
        return match.group(), match.end()

    def path(self, position: int) -> tuple[Lookup, int] | None:
        """Read a path into the data."""
        match = _PATH.match(self.text, position)
        if match is None:
            self.failed(position)
            return None
        items = list(_ITEMS.finditer(self.text, match.start("steps"), match.end()))
        self.failed(max((item.start() for item in items if item.group().startswith("[")), default=items[0].start()))
        if self.text.startswith((".", "/"), match.end()):
            self.failed(match.end() + 1)
        names = [item.group().removeprefix("[").removesuffix("]") for item in items]
        steps = tuple(name for name in names if name != "this")
        local = match["local"] is not None and match["root"] is None
        up = match["up"].count("..")
        return Lookup(text=match.group(), steps=steps, up=up, local=local, root=match["root"] is not None), match.end()

    def output(self, position: int) -> tuple[Head, int] | None:
        """Read what a tag writes: a helper with parameters, a path, or a sub-expression."""
        return self._call(position, depth=0) or self.value(position)

    def value(self, position: int) -> tuple[Head, int] | None:
        """Read a path or a sub-expression."""
        found = self._subexpression(position, depth=0) or self.path(position)
        return (Head(name=found[0]), found[1]) if found else None

    def line(self, position: int) -> tuple[Head, int] | None:
        """Read the inside of a block's tag: a name, parameters, and `as |x i|`."""
        name = self.name(position)
        if name is None:
            return None
        parameters, options, position = self._arguments(name[1], depth=0)
        names, position = self._names(position)
        return Head(name=named(name[0]), parameters=parameters, options=options, names=names), position

    def partial(self, position: int) -> tuple[Head, int] | None:
        """Read the inside of a partial's tag: its name, and what it is given."""
        name: Expression
        if match := _PARTIAL_NAME.match(self.text, position):
            name, position = named(match.group()), match.end()
        else:
            self.failed(position)
            found = self.value(position)
            if found is None:
                return None
            name, position = found[0].name, found[1]
        parameters, options, position = self._arguments(position, depth=0)
        return Head(name=name, parameters=parameters, options=options), position

    def partial_name(self, position: int) -> tuple[str, int] | None:
        """Read the name in a partial block's closing tag."""
        match = _PARTIAL_NAME.match(self.text, position)
        return (match.group(), match.end()) if match else None

    def line_of(self, position: int) -> int:
        """Return the line of a position, from 1."""
        return bisect_right(self._line_starts, position)

    def place(self, position: int, length: int = 1) -> Place:
        """Return the place of a position."""
        line = self.line_of(position)
        return Place(line=line, column=position - self._line_starts[line - 1] + 1, length=length)

    def too_deep(self, position: int) -> RecipeError:
        """Return the error of an expression that is nested too deeply."""
        detail = f"more than {MAX_EXPRESSION_DEPTH} levels"
        return self.origin.error("too-deep", "an expression is nested too deeply", self.place(position), detail=detail)

    def _call(self, position: int, *, depth: int) -> tuple[Head, int] | None:
        """Read a name with at least one parameter."""
        name = self.name(position)
        if name is None:
            return None
        parameters, options, end = self._arguments(name[1], depth=depth)
        if not parameters and not options:
            return None
        return Head(name=named(name[0]), parameters=parameters, options=options), end

    def _arguments(self, position: int, *, depth: int) -> tuple[tuple[Expression, ...], dict[str, Expression], int]:
        """Read parameters and `name=value` pairs, none or more; return them and the position behind the last."""
        parameters: list[Expression] = []
        options: dict[str, Expression] = {}
        while True:
            start = self.space(position)
            if option := self._option(start, depth):
                key, value, position = option
                options[key] = value
            elif parameter := self._parameter(start, depth):
                parameters.append(parameter[0])
                position = parameter[1]
            else:
                self.failed(start)
                return tuple(parameters), options, position

    def _option(self, position: int, depth: int) -> tuple[str, Expression, int] | None:
        name = self.name(position)
        if name is None:
            return None
        sign = self.space(name[1])
        if not self.text.startswith("=", sign):
            return None
        value = self._parameter(self.space(sign + 1), depth)
        return (name[0], *value) if value else None

    def _parameter(self, position: int, depth: int) -> tuple[Expression, int] | None:
        if _RESERVED.match(self.text, position):
            self.failed(position)
            return None
        literal = self._literals.read(position)
        if literal.too_deep:
            raise self.too_deep(position)
        self.failed(literal.furthest)
        if literal.end is not None:
            if literal.fault is not None and self.fault is None:
                place = self.place(position, literal.end - position)
                self.fault = self.origin.error("template-syntax", "the template has a value that is not JSON", place, detail=literal.fault)
            return Literal(value=literal.value), literal.end
        found = self.path(position) or self._subexpression(position, depth)
        if found is None:
            self.failed(position)
        return found

    def _subexpression(self, position: int, depth: int) -> tuple[Expression, int] | None:
        if not self.text.startswith("(", position):
            self.failed(position)
            return None
        if depth >= MAX_EXPRESSION_DEPTH:
            raise self.too_deep(position)
        start = self.space(position + 1)
        call: Expression
        if found := self._call(start, depth=depth + 1):
            call, end = found[0].expression(), found[1]
        elif path := self.path(start):
            call, end = Call(name=path[0].text), path[1]
        else:
            return None
        end = self.space(end)
        return (call, end + 1) if self.text.startswith(")", end) else None

    def _names(self, position: int) -> tuple[tuple[str, ...], int]:
        """Read `as |x|` or `as |x i|`, if it is there."""
        start = self.space(position)
        if not self.text.startswith("as", start):
            self.failed(start)
            return (), position
        bar = self.space(start + 2)
        first = self.name(self.space(bar + 1)) if self.text.startswith("|", bar) else None
        if first is None:
            self.failed(start)
            return (), position
        second = self.name(self.space(first[1]))
        names = (first[0], second[0]) if second else (first[0],)
        end = self.space(second[1] if second else first[1])
        if not self.text.startswith("|", end):
            self.failed(start)
            return (), position
        return names, end + 1


def named(name: str) -> Lookup:
    """Return a plain name as a path."""
    return Lookup(text=name, steps=(name,))
