"""The HTTP endpoints of a network, each in the newest version that it offers.

Source: the interface specification, page "HTTPS interface". Calls: version 4, then 3 (both answer with the
certificate), then 2 (answers at once). Queries and state reads: version 3, then 2.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypeVar

from orchestrator.agent.answers import NOT_OFFERED, decode_map, http_error
from orchestrator.agent.clock import Clock
from orchestrator.agent.transport import TRANSIENT_SLUGS, HttpAnswer, Transport
from orchestrator.core.principal import Principal
from orchestrator.errors import TransportError

__all__ = ["READ_ATTEMPTS", "RETRY_SECONDS", "Endpoints", "Operation", "Place", "retry_read"]

READ_ATTEMPTS = 4
"""How often a read is tried before its error is reported."""
RETRY_SECONDS = 0.2
"""How long to wait before the second attempt; each further wait is three times as long."""

Operation: TypeAlias = Literal["call", "query", "read_state"]
Place: TypeAlias = Literal["canister", "subnet"]
T = TypeVar("T")

_VERSIONS: dict[Operation, tuple[int, ...]] = {"call": (4, 3, 2), "query": (3, 2), "read_state": (3, 2)}
_GROWTH = 3.0


class Endpoints:
    """Sends bodies to the right paths and remembers which versions the network offers."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._versions = dict(_VERSIONS)

    @property
    def url(self) -> str:
        """The network's base URL."""
        return self._transport.url

    async def post(self, operation: Operation, place: Place, effective_id: Principal, body: bytes) -> HttpAnswer:
        """Send a body and return an answer of status 200 or 202; raise `TransportError` for any other.

        A version that the network does not offer is not asked for again once an older one worked.
        """
        refused: HttpAnswer | None = None
        for version in self._versions[operation]:
            answer = await self._transport.post(f"/api/v{version}/{place}/{effective_id}/{operation}", body)
            if answer.status in NOT_OFFERED:
                refused = refused or answer
                continue
            if place == "canister":
                self._versions[operation] = tuple(known for known in _VERSIONS[operation] if known <= version)
            if answer.status not in {200, 202}:
                raise http_error(answer, self._clock.now_ns())
            return answer
        assert refused is not None  # noqa: S101 - there is at least one version
        raise http_error(refused, self._clock.now_ns())

    async def fetch_status(self) -> dict[str, object]:
        """Fetch what the network says about itself; nobody vouches for it."""
        answer = await self._transport.get("/api/v2/status")
        if answer.status != 200:
            raise http_error(answer, self._clock.now_ns())
        return decode_map(answer)


async def retry_read(clock: Clock, read: Callable[[], Awaitable[T]]) -> T:
    """Return what a read returns, trying again while it fails in ways that may pass."""
    wait = RETRY_SECONDS
    for _ in range(READ_ATTEMPTS - 1):
        try:
            return await read()
        except TransportError as error:
            if error.slug not in TRANSIENT_SLUGS:
                raise
        await clock.wait_seconds(wait)
        wait *= _GROWTH
    return await read()
