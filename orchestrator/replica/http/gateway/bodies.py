"""Bodies that come in parts and are verified as a whole: kept, on disk when they are large, until all is there."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio.to_thread

from orchestrator.protocol.response_verification import BodyHasher
from orchestrator.replica.http.exchange import BrokenBodyError
from orchestrator.replica.http.gateway.failures import GatewayError

__all__ = ["MAX_HELD_BYTES", "KeptBody", "follow", "keep_body"]

MAX_HELD_BYTES = 8 * 1024 * 1024
"""How much of a body is held in memory while it waits for its verification; what is larger goes to a temporary file."""
_PART_BYTES = 256 * 1024


class KeptBody:
    """A body that was collected, to be read once."""

    def __init__(self, file: "tempfile.SpooledTemporaryFile[bytes]", length: int) -> None:
        self._file = file
        self.length = length

    def __aiter__(self) -> "KeptBody":
        """Return the body itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next part."""
        part = await anyio.to_thread.run_sync(self._file.read, _PART_BYTES)
        if not part:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Let the file go."""
        self._file.close()


async def keep_body(first: bytes, rest: AsyncIterator[bytes], hasher: BodyHasher) -> KeptBody:
    """Collect a body and hash it; what `rest` raises is passed on, and `GatewayError` where there is no room."""
    file = tempfile.SpooledTemporaryFile(max_size=MAX_HELD_BYTES)  # noqa: SIM115 # the body owns it
    body = KeptBody(file, 0)
    async with AsyncExitStack() as failing:
        failing.push_async_callback(body.aclose)
        try:
            await _add(body, first, hasher)
            async for part in rest:
                await _add(body, part, hasher)
        except OSError as error:
            raise GatewayError(507, "The body cannot be kept", f"It waits on disk for its verification: {error.strerror}.") from error
        failing.pop_all()
    file.seek(0)
    return body


async def _add(body: KeptBody, part: bytes, hasher: BodyHasher) -> None:
    def work() -> None:
        hasher.update(part)
        body._file.write(part)  # noqa: SLF001 # the same module
        body.length += len(part)

    await anyio.to_thread.run_sync(work)


async def follow(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a body that nobody verifies, part by part; raises `BrokenBodyError` when it cannot be completed."""
    yield first
    try:
        async for part in rest:
            yield part
    except GatewayError as error:
        raise BrokenBodyError(str(error)) from error
