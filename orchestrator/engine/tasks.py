"""Doing the same for many things at once, so that one user error never hides the others."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

from orchestrator.errors import DeployError, OrchestratorError

__all__ = ["run_all"]

T = TypeVar("T")


async def run_all(items: Iterable[T], action: Callable[[T], Awaitable[None]]) -> None:
    """Run `action` for all items concurrently and wait for all.

    A single `OrchestratorError` is raised as it is, several as one `DeployError` that carries them all, in the order of
    the items. Anything else is a bug and ends the group.
    """
    errors: dict[int, OrchestratorError] = {}

    async def one(index: int, item: T) -> None:
        try:
            await action(item)
        except OrchestratorError as error:
            errors[index] = error

    async with anyio.create_task_group() as group:
        for index, item in enumerate(items):
            group.start_soon(one, index, item)
    ordered = [errors[index] for index in sorted(errors)]
    if len(ordered) == 1:
        raise ordered[0]
    if ordered:
        diagnostics = [diagnostic for error in ordered for diagnostic in error.diagnostics]
        raise DeployError(f"{len(ordered)} things failed", diagnostics=diagnostics)
