"""The order that `depends_on` asks for."""

from collections.abc import Mapping, Sequence

from orchestrator.errors import ManifestError

__all__ = ["closure", "levels"]


def levels(dependencies: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Sort names into levels: each name's dependencies are in earlier levels, the order given is kept within one.

    Dependencies that are not keys are ignored: they are not part of this run. Raises `ManifestError` for a circle.
    """
    waiting = {name: {each for each in needs if each in dependencies} for name, needs in dependencies.items()}
    result: list[tuple[str, ...]] = []
    while waiting:
        ready = tuple(name for name, needs in waiting.items() if not needs)
        if not ready:
            raise _circle(waiting)
        result.append(ready)
        waiting = {name: needs.difference(ready) for name, needs in waiting.items() if name not in ready}
    return tuple(result)


def closure(names: Sequence[str], dependencies: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return `names` and everything that they depend on, directly or not."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(dependencies.get(name, ()))
    return frozenset(found)


def _circle(waiting: Mapping[str, set[str]]) -> ManifestError:
    """Describe one circle among names that all wait for another."""
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]]))
    circle = path[path.index(path[-1]) :]
    return ManifestError(
        "canisters depend on each other in a circle",
        slug="manifest/dependency-circle",
        detail=" → ".join(circle),
        hint=f"remove `{circle[1]}` from `depends_on` of `{circle[0]}`, or any other link of the circle",
    )
