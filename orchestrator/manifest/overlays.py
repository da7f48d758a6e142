"""Laying `orchestrator.yaml` over `icp.yaml`: maps key by key, anything else as a whole, steps one by one where asked."""

from orchestrator.documents import Entry, MappingNode, Node, SequenceNode
from orchestrator.manifest.fields import read_text
from orchestrator.manifest.problems import Problems

__all__ = ["lay_over"]

_STEP_LISTS = frozenset({("build", "steps"), ("sync", "steps")})
_Path = tuple[str, ...]


def lay_over(base: MappingNode, over: MappingNode, problems: Problems, *, what: str) -> MappingNode:
    """Return `base` with `over` on top; `what` names the entry in messages.

    Maps are merged key by key, anything else is replaced. A list of `steps` whose items have no `type` adds to the steps
    that are there: an item with the `name` of one to that one, any other to the step at its own position.
    """
    return _lay_map(base, over, (), problems, what)


def _lay_map(base: MappingNode, over: MappingNode, path: _Path, problems: Problems, what: str) -> MappingNode:
    """Merge two maps; both were read with a depth cap, so recursion is safe."""
    above = {entry.name: entry for entry in over.entries}
    merged = []
    for entry in base.entries:
        other = above.pop(entry.name, None)
        if other is None:
            merged.append(entry)
        else:
            merged.append(Entry(key=entry.key, value=_lay_node(entry.value, other.value, (*path, entry.name), problems, what)))
    merged += [Entry(key=entry.key, value=_without_base(entry, (*path, entry.name), problems, what)) for entry in above.values()]
    return MappingNode(entries=tuple(merged), origin=base.span)


def _lay_node(base: Node, over: Node, path: _Path, problems: Problems, what: str) -> Node:
    if isinstance(base, MappingNode) and isinstance(over, MappingNode):
        return _lay_map(base, over, path, problems, what)
    if path in _STEP_LISTS and isinstance(base, SequenceNode) and (items := _additions(over, problems)) is not None:
        return _lay_steps(base, items, problems, f"the {path[0]} steps of {what}")
    return over


def _without_base(entry: Entry, path: _Path, problems: Problems, what: str) -> Node:
    """Return what only the overlay has; additions to steps that are not there are noted."""
    value = entry.value
    if path in {path[:1] for path in _STEP_LISTS} and isinstance(value, MappingNode):
        return _lay_map(MappingNode(entries=(), origin=value.span), value, path, problems, what)
    if path in _STEP_LISTS and (items := _additions(value, problems)) is not None:
        for item in items:
            _note_missing(item, 0, problems, f"the {path[0]} steps of {what}")
        return SequenceNode(items=(), origin=value.span)
    return value


def _additions(over: Node, problems: Problems) -> tuple[MappingNode, ...] | None:
    """Return the items of a list that adds to steps, `None` for one that replaces them."""
    if not isinstance(over, SequenceNode) or not over.items:
        return None
    maps = [item for item in over.items if isinstance(item, MappingNode)]
    adding = [item for item in maps if item.entry("type") is None]
    if len(maps) != len(over.items) or not adding:
        return None
    if len(adding) < len(maps):
        problems.error(
            "mixed-steps",
            "some of these steps have a `type` and some have not",
            adding[0].span,
            detail="steps with a `type` replace those below, steps without add keys to them",
            hint="give each step its `type` to replace the list, or none to add to it",
        )
        return ()
    return tuple(adding)


def _lay_steps(base: SequenceNode, items: tuple[MappingNode, ...], problems: Problems, what: str) -> SequenceNode:
    steps = list(base.items)
    names: dict[str, int] = {}
    for index, each in enumerate(steps):
        name = read_text(each.get("name"), "`name`", Problems()) if isinstance(each, MappingNode) else None
        if name is not None:
            names.setdefault(name, index)
    taken: dict[int, MappingNode] = {}
    for position, item in enumerate(items):
        if not item.entries:
            continue
        name = read_text(item.get("name"), "`name`", Problems())
        index = names.get(name, position) if name is not None else position
        step = steps[index] if index < len(steps) else None
        if index in taken:
            _note_ambiguous(item, taken[index], index, problems, what)
        elif isinstance(step, MappingNode):
            taken[index] = item
            steps[index] = _lay_map(step, item, ("step",), problems, what)
        else:
            _note_missing(item, len(steps), problems, what)
    return SequenceNode(items=tuple(steps), origin=base.span)


def _note_ambiguous(item: MappingNode, first: MappingNode, index: int, problems: Problems, what: str) -> None:
    problems.error(
        "ambiguous-step",
        f"two items add to step {index + 1} of {what}",
        item.span,
        related=((first.span, "the first one"),),
        hint="an item adds to the step of its `name`, else to the one at its own position; write `{}` for a step that stays as it is",
    )


def _note_missing(item: MappingNode, count: int, problems: Problems, what: str) -> None:
    have = "there is none" if count == 0 else "there is one" if count == 1 else f"there are {count}"
    problems.error(
        "no-such-step",
        f"this item adds to a step that is not there: of {what} {have}",
        item.span,
        detail="an item without `type` adds keys to a step that is written below; steps of a recipe are in its template",
        hint="give it the `name` or the position of a step, or a `type` to write a step of its own",
    )
