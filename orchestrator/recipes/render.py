"""A parsed template and its data to text, remembering which line of the template each line came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import RecipeError
from orchestrator.recipes.calls import Evaluator, Frame
from orchestrator.recipes.template import Block, Inline, Node, Output, Partial, Place, Template, Text
from orchestrator.recipes.values import is_truthy, write_value

__all__ = ["MAX_PARTIAL_DEPTH", "MAX_RENDERED_CHARACTERS", "MAX_RENDER_STEPS", "Rendered", "render_template"]

MAX_RENDERED_CHARACTERS = 1024 * 1024
"""A longer output is refused."""
MAX_RENDER_STEPS = 500_000
"""Parts that a rendering may go through, loops counted each time round."""
MAX_PARTIAL_DEPTH = 20
"""Partials that use partials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A template's output; `lines[i]` is the line of the template (from 1) that line `i` of `text` came from."""

    text: str
    lines: tuple[int, ...]


def render_template(template: Template, data: Mapping[str, object]) -> Rendered:
    """Render with strict access: a missing name is a `RecipeError`, unless a block asks whether it is there."""
    renderer = _Renderer(template)
    renderer.render(template.body, (Frame(value=data),))
    return renderer.sheet.finish()


@dataclass(slots=True)
class _Sheet:
    """The output so far, in pieces, each with its line in the template."""

    pieces: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=lambda: [1])
    line_is_empty: bool = True
    size: int = 0

    def write(self, text: str, line: int, *, advances: bool) -> None:
        """Append a text; `advances` says that its lines are lines of the template."""
        self.size += len(text)
        self.pieces.append(text)
        for number, part in enumerate(text.split("\n")):
            origin = line + number if advances else line
            if number:
                self.lines.append(origin)
                self.line_is_empty = True
            if part and self.line_is_empty:
                self.lines[-1] = origin
                self.line_is_empty = False

    def finish(self) -> Rendered:
        """Return the output."""
        return Rendered(text="".join(self.pieces), lines=tuple(self.lines))


class _Renderer:
    """One rendering: the output, the partials defined so far, the steps taken."""

    def __init__(self, template: Template) -> None:
        self.sheet = _Sheet()
        self._origin = template.origin
        self._evaluator = Evaluator(template.origin)
        self._partials: dict[str, tuple[Node, ...]] = {}
        self._partial_depth = 0
        self._steps = 0

    def render(self, nodes: Sequence[Node], frames: tuple[Frame, ...]) -> None:
        """Write nodes; `frames` is the data in view, innermost last."""
        for node in nodes:
            match node:
                case Text():
                    self._write(node.text, node.line, Place(line=node.line, column=1, length=1), advances=True)
                case Output():
                    value = self._evaluator.output(node.expression, frames, node.place)
                    self._write(write_value(value), node.place.line, node.place, advances=False)
                case Block():
                    self._block(node, frames)
                case Inline():
                    name = write_value(self._evaluator.output(node.name, frames, node.place))
                    self._partials[name] = node.body
                case Partial():
                    self._partial(node, frames)

    def _write(self, text: str, line: int, place: Place, *, advances: bool) -> None:
        self._count(place)
        self.sheet.write(text, line, advances=advances)
        if self.sheet.size > MAX_RENDERED_CHARACTERS:
            raise self._too_much(place, f"more than {MAX_RENDERED_CHARACTERS} characters")

    def _count(self, place: Place) -> None:
        self._steps += 1
        if self._steps > MAX_RENDER_STEPS:
            raise self._too_much(place, f"more than {MAX_RENDER_STEPS} steps")

    def _too_much(self, place: Place, detail: str) -> RecipeError:
        return self._origin.error("too-large", "the recipe renders to too much text", place, detail=detail)

    def _block(self, block: Block, frames: tuple[Frame, ...]) -> None:
        self._count(block.place)
        name = block.call.name
        if name not in {"if", "unless", "each", "with"}:
            raise self._evaluator.unknown_helper(name, block.place)
        if not block.call.parameters:
            raise self._origin.error("template-syntax", f"`{name}` needs a value", block.place, hint=f"write {{{{#{name} VALUE}}}}")
        if name in {"if", "unless"}:
            self._condition(block, frames)
            return
        subject = block.call.parameters[0]
        found = self._evaluator.parameter(subject, frames, block.place)
        value = found.value
        if name == "each" and isinstance(value, list | Mapping) and (value or block.otherwise is None):
            self._each(block, value, frames)
        elif name == "with" and is_truthy(value):
            names = dict(zip(block.names, (value,), strict=False))
            self.render(block.body, (*frames, Frame(value=value, names=names)))
        elif block.otherwise is not None:
            self.render(block.otherwise, frames)
        elif found.missing:
            raise self._evaluator.missing(subject, block.place, frames)
        else:
            raise self._evaluator.unusable(name, subject, block.place)

    def _condition(self, block: Block, frames: tuple[Frame, ...]) -> None:
        value = self._evaluator.parameter(block.call.parameters[0], frames, block.place).value
        option = block.call.options.get("includeZero")
        zero = option is not None and is_truthy(self._evaluator.parameter(option, frames, block.place).value)
        holds = is_truthy(value, include_zero=zero)
        self.render(block.body if holds == (block.call.name == "if") else block.otherwise or (), frames)

    def _each(self, block: Block, values: list[object] | Mapping[str, object], frames: tuple[Frame, ...]) -> None:
        is_map = isinstance(values, Mapping)
        items: list[tuple[object, object]] = sorted(values.items()) if isinstance(values, Mapping) else list(enumerate(values))
        for index, (key, value) in enumerate(items):
            self._count(block.place)
            marks: dict[str, object] = {"index": index, "first": index == 0, "last": index == len(items) - 1}
            if is_map:
                marks["key"] = key
            names = dict(zip(block.names, (value, key), strict=False))
            self.render(block.body, (*frames, Frame(value=value, marks=marks, names=names)))

    def _partial(self, partial: Partial, frames: tuple[Frame, ...]) -> None:
        name = self._evaluator.partial_name(partial.name, frames, partial.place)
        body = self._partials.get(name)
        if body is None:
            raise self._origin.error(
                "unknown-partial", f"there is no partial `{name}`", partial.place, hint=f'define it with {{{{#*inline "{name}"}}}}'
            )
        if self._partial_depth >= MAX_PARTIAL_DEPTH:
            raise self._origin.error(
                "too-deep", "partials use each other too deeply", partial.place, detail=f"more than {MAX_PARTIAL_DEPTH} levels"
            )
        if partial.context is not None or partial.options:
            frames = (*frames, Frame(value=self._data_of_partial(partial, frames)))
        outer, self.sheet = self.sheet, _Sheet(size=self.sheet.size)
        self._partial_depth += 1
        self.render(body, frames)
        self._partial_depth -= 1
        inner, self.sheet = self.sheet.finish(), outer
        text = "".join(f"{partial.indent}{line}" if line.strip() else line for line in inner.text.splitlines(keepends=True))
        self._write(text, partial.place.line, partial.place, advances=False)

    def _data_of_partial(self, partial: Partial, frames: tuple[Frame, ...]) -> object:
        value = frames[-1].value
        if partial.context is not None:
            value = self._evaluator.parameter(partial.context, frames, partial.place).value
        if not partial.options:
            return value
        added = {name: self._evaluator.parameter(option, frames, partial.place).value for name, option in partial.options.items()}
        return {**(value if isinstance(value, Mapping) else {}), **added}
