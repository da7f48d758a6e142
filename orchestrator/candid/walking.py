"""Walks over values of any depth without Python's recursion: generators on an explicit stack.

Codecs compile types to plain functions where nesting is bounded by the types, and to generators where a value
can nest without bound. Such a generator yields the generator of a part, and is sent the part's result.
"""

from collections.abc import Generator, Sequence
from typing import Any, Final

from orchestrator.candid.table import Table
from orchestrator.errors import CandidError

__all__ = ["MAX_DEPTH", "PLAIN_HEIGHT", "Misfit", "Walk", "deep_entries", "run"]

MAX_DEPTH: Final = 400_000
"""How many values may be nested in each other (levels)."""

PLAIN_HEIGHT: Final = 40
"""Up to this height (levels of nested types) a type's codec is plain nested functions."""

Walk = Generator["Walk", Any, Any]
"""Yields walks over parts, is sent their results, returns its own."""


class Misfit(Exception):  # noqa: N818 # internal: turned into a CandidError at the door
    """Raised when a value has no form at a type; `path` grows from the inside out, every enclosing value adds its step."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.path: list[str] = []

    def within(self, step: str) -> "Misfit":
        """Add the step that led here."""
        self.path.append(step)
        return self


def run(walk: Walk) -> Any:
    """Drive a walk to its end; a part's `Misfit` is thrown into the walk that asked for it."""
    stack = [walk]
    value: Any = None
    failure: Misfit | None = None
    while stack:
        try:
            part = stack[-1].send(value) if failure is None else stack[-1].throw(failure)
        except StopIteration as done:
            stack.pop()
            value, failure = done.value, None
        except Misfit as misfit:
            stack.pop()
            value, failure = None, misfit
        else:
            value, failure = None, None
            stack.append(part)
            if len(stack) > MAX_DEPTH:
                raise CandidError(f"values are nested more than {MAX_DEPTH} levels deep", slug="candid/too-deep")
    if failure is not None:
        raise failure
    return value


def _heights(parts: Sequence[tuple[int, ...]]) -> list[int]:
    """Return how many levels of types lie below each entry; entries that reach a cycle get `PLAIN_HEIGHT` + 1."""
    users: list[list[int]] = [[] for _ in parts]
    missing = [0] * len(parts)
    for index, refs in enumerate(parts):
        for ref in refs:
            if ref >= 0:
                users[ref].append(index)
                missing[index] += 1
    heights = [PLAIN_HEIGHT + 1 if count else 1 for count in missing]
    ready = [index for index, count in enumerate(missing) if count == 0]
    while ready:
        index = ready.pop()
        heights[index] = 1 + max((heights[ref] for ref in parts[index] if ref >= 0), default=0)
        for user in users[index]:
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)
    return heights


def deep_entries(table: Table, *, leaves: frozenset[int]) -> frozenset[int]:
    """Return the entries whose values may nest deeper than `PLAIN_HEIGHT`; entries of a kind in `leaves` have no parts here."""
    parts = [() if entry.code in leaves else entry.refs for entry in table.entries]
    return frozenset(index for index, height in enumerate(_heights(parts)) if height > PLAIN_HEIGHT)
