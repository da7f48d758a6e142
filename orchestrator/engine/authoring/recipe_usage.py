"""What a template uses, read from its text alone: names, in which shape, and helpers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orchestrator.recipes.template import Block, Call, Expression, Inline, Lookup, Node, Output, Partial, Place, Template

__all__ = ["Usage", "find_usage", "walk_calls"]

_BLOCKS: Final = frozenset({"if", "unless", "each", "with"})
_ROOT: Final = ("@root.", "@root/")
MAX_PARTIAL_DEPTH: Final = 5
"""Partials in partials that are followed."""


@dataclass(slots=True)
class Usage:
    """How a template uses a value: its `fields` by name, its `items`, where it is written or asked for.

    `places` are in the order of the template; `required` tells that it is used somewhere no condition asks for it.
    """

    path: str
    places: list[Place] = field(default_factory=list)
    fields: dict[str, "Usage"] = field(default_factory=dict)
    items: "Usage | None" = None
    is_condition: bool = False
    is_written: bool = False
    required: bool = False

    def child(self, name: str) -> "Usage":
        """Return the use of a field."""
        return self.fields.setdefault(name, Usage(path=f"{self.path}.{name}" if self.path else name))

    def item(self) -> "Usage":
        """Return the use of an item."""
        if self.items is None:
            self.items = Usage(path=f"{self.path}[]")
        return self.items


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What is in view: the data from outside in, the names that blocks give, what is known to be there."""

    frames: tuple[Usage | None, ...]
    names: Mapping[str, Usage | None] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    def inside(self, value: Usage | None, names: Mapping[str, Usage | None]) -> "_View":
        """Return the view from within a block."""
        return _View(frames=(*self.frames, value), names={**self.names, **names}, known=self.known)

    def knowing(self, paths: frozenset[str]) -> "_View":
        """Return the view where values are known to be there."""
        return _View(frames=self.frames, names=self.names, known=self.known | paths)


def find_usage(template: Template) -> Usage:
    """Return how a template uses its data; the fields of the result are the names at the top, `_` among them."""
    root = Usage(path="")
    _Walk().nodes(template.body, _View(frames=(root,)))
    return root


def walk_calls(nodes: Sequence[Node]) -> Iterator[tuple[Call, Place, bool]]:
    """Yield every helper that is called, where, and whether as a block."""
    for node in nodes:
        match node:
            case Output():
                yield from ((call, node.place, False) for call in _calls(node.expression))
            case Block():
                yield node.call, node.place, True
                for parameter in (*node.call.parameters, *node.call.options.values()):
                    yield from ((call, node.place, False) for call in _calls(parameter))
                yield from walk_calls((*node.body, *(node.otherwise or ())))
            case Inline():
                yield from walk_calls(node.body)


def _calls(expression: Expression) -> Iterator[Call]:
    if isinstance(expression, Call):
        yield expression
        for parameter in (*expression.parameters, *expression.options.values()):
            yield from _calls(parameter)


class _Walk:
    """One walk through a template; partials are followed where they are used."""

    def __init__(self) -> None:
        self._partials: dict[str, tuple[Node, ...]] = {}
        self._depth = 0

    def nodes(self, nodes: Sequence[Node], view: _View) -> None:
        for node in nodes:
            match node:
                case Output():
                    self._use(node.expression, node.place, view, written=True)
                case Block():
                    self._block(node, view)
                case Inline():
                    if isinstance(node.name, Lookup) or hasattr(node.name, "value"):
                        self._partials[_partial_name(node.name)] = node.body
                case Partial():
                    self._partial(node, view)

    def _block(self, block: Block, view: _View) -> None:
        parameters = block.call.parameters
        for option in block.call.options.values():
            self._use(option, block.place, view)
        if not parameters or block.call.name not in _BLOCKS:
            for parameter in parameters:
                self._use(parameter, block.place, view)
            self.nodes((*block.body, *(block.otherwise or ())), view)
            return
        subject = parameters[0]
        holds, fails = _known(subject, view)
        if block.call.name in {"if", "unless"}:
            self._use(subject, block.place, view, condition=True)
            first, second = (holds, fails) if block.call.name == "if" else (fails, holds)
            self.nodes(block.body, view.knowing(first))
            self.nodes(block.otherwise or (), view.knowing(second))
            return
        usage = self._use(subject, block.place, view, condition=block.otherwise is not None)
        value = usage.item() if block.call.name == "each" and usage is not None else usage
        names = dict(zip(block.names, (value, None), strict=False))
        self.nodes(block.body, view.knowing(holds).inside(value, names))
        self.nodes(block.otherwise or (), view)

    def _partial(self, partial: Partial, view: _View) -> None:
        given = {name: self._use(option, partial.place, view) for name, option in partial.options.items()}
        body = self._partials.get(_partial_name(partial.name))
        if partial.context is not None:
            view = view.inside(self._use(partial.context, partial.place, view), {})
        if body is not None and self._depth < MAX_PARTIAL_DEPTH:
            self._depth += 1
            self.nodes(body, view.inside(view.frames[-1], given) if given else view)
            self._depth -= 1

    def _use(self, expression: Expression, place: Place, view: _View, *, written: bool = False, condition: bool = False) -> Usage | None:
        """Note the use of all values in an expression; return that of the expression itself, if it is a path."""
        if isinstance(expression, Call):
            asks = condition or expression.name in {"and", "or", "not", "eq", "ne"}
            for parameter in (*expression.parameters, *expression.options.values()):
                self._use(parameter, place, view, written=written, condition=asks)
            return None
        usage = _resolve(expression, view) if isinstance(expression, Lookup) else None
        if usage is not None:
            usage.places.append(place)
            usage.is_condition |= condition
            usage.is_written |= written
            usage.required |= not condition and not _is_known(usage.path, view.known)
        return usage


def _is_known(path: str, known: frozenset[str]) -> bool:
    """Tell whether a value, or what it is a part of, is known to be there."""
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in known)


def _partial_name(expression: Expression) -> str:
    return expression.text if isinstance(expression, Lookup) else str(getattr(expression, "value", ""))


def _resolve(lookup: Lookup, view: _View) -> Usage | None:
    """Find what a path means, as rendering does."""
    steps = lookup.steps
    if lookup.text.startswith(_ROOT):
        return _descend(view.frames[0], steps[1:] if lookup.local else steps)
    if lookup.local:
        return None
    if steps and not lookup.up and steps[0] in view.names:
        return _descend(view.names[steps[0]], steps[1:])
    return _descend(view.frames[max(0, len(view.frames) - 1 - lookup.up)], steps)


def _descend(usage: Usage | None, steps: Sequence[str]) -> Usage | None:
    for step in steps:
        if usage is None:
            return None
        usage = usage.item() if step.isdigit() else usage.child(step)
    return usage


def _known(expression: Expression, view: _View) -> tuple[frozenset[str], frozenset[str]]:
    """Return the paths that are there when an expression holds, and when it does not."""
    if isinstance(expression, Lookup):
        usage = _resolve(expression, view)
        return (frozenset({usage.path}) if usage is not None else frozenset()), frozenset()
    if not isinstance(expression, Call):
        return frozenset(), frozenset()
    parts = [_known(parameter, view) for parameter in expression.parameters]
    holds = frozenset[str]().union(*(part[0] for part in parts))
    fails = frozenset[str]().union(*(part[1] for part in parts))
    if expression.name == "not":
        return fails, holds
    return holds, fails
