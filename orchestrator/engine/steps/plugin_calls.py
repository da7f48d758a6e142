"""Answering a plugin's canister calls: this side alone decides where they go, and journals each update."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.principal import Principal
from orchestrator.engine.call_errors import describe_call_error
from orchestrator.engine.ports import NetworkPort
from orchestrator.engine.slots import ComputeSlot
from orchestrator.errors import AgentError, CandidError, OutcomeUnknownError, ProtocolError
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, SectionRequest

__all__ = ["PluginCalls", "Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a step's calls go: to its canister, updates through `proxy` if there is one; `others` it may call by name."""

    canister_id: Principal
    proxy: Principal | None
    others: Mapping[str, Principal] = field(default_factory=dict)

    def id_of(self, name: str | None) -> Principal:
        """Return the canister that a call is for."""
        return self.canister_id if name is None else self.others[name]


class PluginCalls:
    """Answers the calls of one step, several at once if it asks for that, and counts the cycles that they attach."""

    def __init__(self, port: NetworkPort, target: Target, max_cycles: int | None, slot: ComputeSlot) -> None:
        """Take where calls go and the step's slot; `max_cycles` bounds what all calls may attach together."""
        self._port = port
        self._target = target
        self._max_cycles = max_cycles
        self._slot = slot
        self._cycles = 0

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Make a call; what the network refuses is the plugin's to handle, an outcome nobody knows ends the step.

        While the network works the plugin holds no slot.
        """
        proxy = None if request.direct or request.call_type == "query" else self._target.proxy
        self._spend(request, proxy)
        try:
            async with self._slot.released():
                return await self._send(request, proxy)
        except OutcomeUnknownError:
            raise
        except (AgentError, CandidError, ProtocolError) as error:
            raise CanisterCallError(describe_call_error(error, proxied=proxy is not None)) from error

    async def read_section(self, request: SectionRequest) -> bytes | None:
        """Read a section of a canister's module from certified state, where no proxy is needed."""
        try:
            async with self._slot.released():
                return await self._port.metadata(self._target.id_of(request.target), request.name)
        except (AgentError, CandidError, ProtocolError) as error:
            raise CanisterCallError(f"metadata read failed: {error.summary}") from error

    async def _send(self, request: CanisterCallRequest, proxy: Principal | None) -> bytes:
        if request.call_type == "query":
            return await self._port.query(self._target.id_of(request.target), request.method, request.arg)
        cycles = request.cycles if proxy is not None else 0
        return await self._port.update(self._target.id_of(request.target), request.method, request.arg, proxy=proxy, cycles=cycles)

    def _spend(self, request: CanisterCallRequest, proxy: Principal | None) -> None:
        """Refuse a call that would go over the step's limit; cycles travel only through a proxy."""
        if proxy is None or request.cycles == 0:
            return
        if self._max_cycles is not None and self._cycles + request.cycles > self._max_cycles:
            raise CanisterCallError(
                f"canister call refused: it attaches {request.cycles} cycles, and of the step's `max_cycles` {self._max_cycles} "
                f"only {self._max_cycles - self._cycles} are left"
            )
        self._cycles += request.cycles
