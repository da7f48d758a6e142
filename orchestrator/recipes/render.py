"""A parsed template and its data to text, remembering which line of the template each line came from."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from orchestrator.errors import RecipeError
from orchestrator.recipes.calls import BLOCKS, CHOICES, HELPERS, Evaluator, Frame
from orchestrator.recipes.sheet import Indentation, Rendered, Sheet
from orchestrator.recipes.template import Block, Call, Decoration, Inline, Lookup, Node, Output, Partial, Place, Template, Text
from orchestrator.recipes.values import is_truthy, merged

__all__ = ["MAX_RENDERED_CHARACTERS", "MAX_RENDER_DEPTH", "MAX_RENDER_STEPS", "Rendered", "render_template"]

MAX_RENDERED_CHARACTERS = 16 * 1024 * 1024
"""A longer output is refused."""
MAX_RENDER_STEPS = 1_000_000
"""Values that a rendering may look at and parts that it may write, loops counted each time round."""
MAX_RENDER_DEPTH = 100
"""Blocks and partials inside each other while they are rendered."""
_STEPS_OF_A_PARTIAL = 4
_PARTIAL_BLOCK = "@partial-block"


def render_template(template: Template, data: Mapping[str, object], *, max_steps: int = MAX_RENDER_STEPS) -> Rendered:
    """Render with strict access: a missing name is a `RecipeError`, unless a block asks whether it is there."""
    renderer = _Renderer(template, data, max_steps)
    renderer.render(template.body)
    return renderer.sheet.finish()


class _Renderer:
    """One rendering: the output, the data in view, the steps taken."""

    def __init__(self, template: Template, data: Mapping[str, object], max_steps: int) -> None:
        self.sheet = Sheet()
        self._origin = template.origin
        self._evaluator = Evaluator(template.origin, self._spend)
        self._frames: list[Frame] = [Frame(value=data)]
        self._indentation = Indentation()
        self._bodies: list[str | None] = []
        self._depth = 0
        self._size = 0
        self._steps_left = max_steps
        self._max_steps = max_steps

    def render(self, nodes: Sequence[Node]) -> None:
        """Write nodes with the data in view."""
        for node in nodes:
            match node:
                case Text():
                    place = Place(line=node.line, column=1, length=1)
                    self._spend(1, place)
                    self._write(node.text, node.line, place, advances=True)
                case Output():
                    self._output(node)
                case Block():
                    with self._helper(node.place, indents=node.indents):
                        self._block(node)
                case Partial():
                    self._partial(node)
                case Inline():
                    self._define(node)
                case Decoration():
                    raise self._origin.error("template-syntax", node.reason, node.place)

    def _spend(self, steps: int, place: Place) -> None:
        self._steps_left -= steps
        if self._steps_left < 0:
            raise self._too_much(place, f"more than {self._max_steps} steps")

    def _too_much(self, place: Place, detail: str) -> RecipeError:
        return self._origin.error("too-large", "the recipe renders to too much text", place, detail=detail)

    @contextmanager
    def _deeper(self, place: Place) -> Iterator[None]:
        if self._depth >= MAX_RENDER_DEPTH:
            detail = f"more than {MAX_RENDER_DEPTH} levels"
            raise self._origin.error("too-deep", "blocks and partials use each other too deeply", place, detail=detail)
        self._depth += 1
        yield
        self._depth -= 1

    @contextmanager
    def _helper(self, place: Place, *, indents: bool = False) -> Iterator[None]:
        """Keep the indentation right around what a helper writes."""
        here = self._indentation
        pending, produced = here.pending, here.produced
        here.produced = False
        here.pending = pending or (indents and here.ended_line)
        with self._deeper(place):
            yield
        if here.produced:
            here.pending = here.ended_line
        else:
            here.pending, here.produced = pending, produced

    def _write(self, text: str, line: int, place: Place, *, advances: bool = False) -> None:
        """Write a text with the indentation of the partial it stands in."""
        if text:
            self._put(self._indentation.apply(text), line, place, advances=advances)

    def _put(self, text: str, line: int, place: Place, *, advances: bool = False) -> None:
        self._size += len(text)
        if self._size > MAX_RENDERED_CHARACTERS:
            raise self._too_much(place, f"more than {MAX_RENDERED_CHARACTERS} characters")
        self.sheet.write(text, line, advances=advances)

    def _output(self, node: Output) -> None:
        expression, place = node.expression, node.place
        if isinstance(expression, Lookup) or node.computed:
            name = self._evaluator.name(expression, self._frames, place)
            if name in HELPERS:
                expression = Call(name=name)
            else:
                found = self._evaluator.parameter(expression, self._frames, place)
                if found.missing:
                    raise self._evaluator.missing(expression, place, self._frames)
                self._write(self._evaluator.written(found.value, place), place.line, place)
                return
        if isinstance(expression, Call):
            with self._helper(place):
                self._call(expression, place)

    def _call(self, call: Call, place: Place) -> None:
        """Write what a helper that has no body gives; some write it as it is, whatever the indentation."""
        text = self._evaluator.written(self._evaluator.call(call, self._frames, place), place)
        if call.name in CHOICES or call.name == "replace":
            self._put(text, place.line, place)
        else:
            self._write(text, place.line, place)

    def _block(self, block: Block) -> None:
        name, place = block.call.name, block.place
        if name in {"if", "unless"}:
            self._condition(block)
        elif name in BLOCKS:
            self._with_or_each(block)
        elif name in CHOICES:
            self.render(block.body if self._evaluator.call(block.call, self._frames, place) else block.otherwise or ())
        elif name == "raw":
            self._evaluator.call(block.call, self._frames, place)
            self.render(block.body)
        else:
            self._call(block.call, place)

    def _condition(self, block: Block) -> None:
        call, place = block.call, block.place
        values = [self._evaluator.parameter(parameter, self._frames, place).value for parameter in call.parameters]
        options = {name: self._evaluator.parameter(option, self._frames, place).value for name, option in call.options.items()}
        if not values:
            self._evaluator.call(Call(name=call.name), self._frames, place)
        holds = is_truthy(values[0], include_zero=options.get("includeZero") is True)
        self.render(block.body if holds == (call.name == "if") else block.otherwise or ())

    def _with_or_each(self, block: Block) -> None:
        call, place = block.call, block.place
        found = [self._evaluator.parameter(parameter, self._frames, place) for parameter in call.parameters]
        for option in call.options.values():
            self._evaluator.parameter(option, self._frames, place)
        if not found:
            self._evaluator.call(Call(name=call.name), self._frames, place)
        value = found[0].value
        if call.name == "each" and isinstance(value, list | Mapping) and (value or block.otherwise is None):
            self._each(block, value)
        elif call.name == "with" and is_truthy(value):
            names = {block.names[0]: value} if len(block.names) == 1 else {}
            self._inside(block.body, Frame(value=value, names=names))
        elif block.otherwise is not None:
            self.render(block.otherwise)
        elif found[0].missing:
            raise self._evaluator.missing(call.parameters[0], place, self._frames)
        else:
            raise self._evaluator.unusable(call, place)

    def _each(self, block: Block, values: list[object] | Mapping[str, object]) -> None:
        is_map = isinstance(values, Mapping)
        items: list[tuple[object, object]] = sorted(values.items()) if isinstance(values, Mapping) else list(enumerate(values))
        partials: dict[str, tuple[Node, ...]] = {}
        for index, (key, value) in enumerate(items):
            self._spend(1, block.place)
            marks: dict[str, object] = {"index": index, "first": index == 0, "last": index == len(items) - 1}
            if is_map:
                marks["key"] = key
            names = dict(zip(block.names, (value, key), strict=False))
            self._inside(block.body, Frame(value=value, marks=marks, names=names, partials=partials))

    def _inside(self, nodes: Sequence[Node], frame: Frame) -> None:
        self._frames.append(frame)
        self.render(nodes)
        self._frames.pop()

    def _define(self, inline: Inline) -> None:
        name = self._evaluator.parameter(inline.name, self._frames, inline.place).value
        if not isinstance(name, str):
            raise self._origin.error("template-syntax", "the name of a partial must be a text", inline.place)
        self._frames[-1].partials[name] = inline.body

    def _partial(self, partial: Partial) -> None:
        """Render a partial with its indentation."""
        self._spend(_STEPS_OF_A_PARTIAL, partial.place)
        here = self._indentation
        outer, pending, produced = here.text, here.pending, here.produced
        name = self._evaluator.name(partial.name, self._frames, partial.place)
        here.pending = partial.indents and (here.ended_line or bool(partial.indent))
        here.produced = False
        with self._deeper(partial.place):
            if name == _PARTIAL_BLOCK:
                self._own_body(partial)
            else:
                self._named_partial(partial, name)
        here.text = outer
        if here.produced:
            here.pending = here.ended_line
        else:
            here.pending, here.produced = pending, produced

    def _own_body(self, partial: Partial) -> None:
        """Write what the user of this partial put between its tags."""
        self._given(partial)
        body = self._bodies[-1] if self._bodies else None
        if body is not None:
            self._put(body, partial.place.line, partial.place)
        elif partial.body is not None:
            self.render(partial.body)
        else:
            raise self._origin.error(
                "unknown-partial", "this partial is used without a body, so there is no `@partial-block`", partial.place
            )

    def _named_partial(self, partial: Partial, name: str) -> None:
        frame = Frame(value=None)
        found = next((frame.partials[name] for frame in reversed(self._frames) if name in frame.partials), None)
        value, options = self._given(partial)
        nodes = partial.body if found is None else found
        if nodes is None:
            raise self._evaluator.unknown_partial(partial, name)
        if options:
            self._spend(len(value) if isinstance(value, str | list | Mapping) else 0, partial.place)
        frame = Frame(value=merged(value, options), names=options)
        self._frames.append(frame)
        body = None
        if found is not None and partial.body is not None:
            outer, self.sheet = self.sheet, Sheet()
            self.render(partial.body)
            body, self.sheet = self.sheet.finish().text, outer
        self._bodies.append(body)
        self._indentation.text += partial.indent
        self.render(nodes)
        self._bodies.pop()
        self._frames.pop()

    def _given(self, partial: Partial) -> tuple[object, dict[str, object]]:
        """Return the value that a partial is given, and the names beside it."""
        value = self._frames[-1].value
        if partial.context is not None:
            value = self._evaluator.parameter(partial.context, self._frames, partial.place).value
        for other in partial.others:
            self._evaluator.parameter(other, self._frames, partial.place)
        return value, {
            name: self._evaluator.parameter(option, self._frames, partial.place).value for name, option in partial.options.items()
        }
