"""A network that ends while it is used: what waits for its answer is told at once, not when its requests expire."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from orchestrator.engine.session import Session
from orchestrator.errors import AgentError, NetworkError, OrchestratorError, OutcomeUnknownError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.processes.process import is_alive, load_birth

__all__ = ["WATCH_SECONDS", "watched_network"]

WATCH_SECONDS = 0.25
"""The time between two looks at the network's process."""


@asynccontextmanager
async def watched_network(session: Session, access: NetworkAccess, flying: Collection[bytes]) -> AsyncIterator[None]:
    """Cancel the block when the process of a network that is ours ends, and raise why.

    `flying` are the ids of the update calls that are on their way: with any, nobody knows what took effect, which is an
    `OutcomeUnknownError`; without, it is a `NetworkError`. Both have the slug `network/ended`.
    """
    if access.pid is None:
        yield
        return
    pid, birth = access.pid, load_birth(access.pid)
    failure: Exception | None = None
    ended = False

    async def alive() -> bool:
        return birth is not None and await anyio.to_thread.run_sync(is_alive, pid, birth)

    async def watch() -> None:
        nonlocal ended
        while True:
            if not await alive():
                break
            await anyio.sleep(WATCH_SECONDS)
        ended = True
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised again below: here the group would wrap it
            failure = error
        group.cancel_scope.cancel()
    if ended or (isinstance(failure, AgentError) and not await alive()):
        raise _ended(session, access, flying) from failure
    if failure is not None:
        raise failure


def _ended(session: Session, access: NetworkAccess, flying: Collection[bytes]) -> OrchestratorError:
    kind = OutcomeUnknownError if flying else NetworkError
    log = session.layout.network(access.name).log
    what = "a call was" if len(flying) == 1 else f"{len(flying)} calls were"
    fate = f"; {what} on the way and may have taken effect" if flying else ""
    return kind(
        f"the `{access.name}` network ended while it was used",
        slug="network/ended",
        detail=f"its process {access.pid} is gone{fate}; its log is `{log}`",
        hint="run `orchestrator deploy` again: it starts the network, looks what took effect, and does the rest",
    )
