"""What the engine needs of a network, and nothing more: the seam between deploying and talking.

`orchestrator.engine.adapter` implements it with the agent; tests implement it in memory.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.core.observed import CanisterState, ObservedSettings
from orchestrator.core.principal import Principal
from orchestrator.core.settings import SettingsUpdate

__all__ = ["Connection", "InstallMode", "LiveCanister", "NetworkPort", "RequestFate", "RequestLog"]

InstallMode = Literal["install", "upgrade", "reinstall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCanister:
    """What `canister_status` says: `module_hash` in lower-case hex, `cycles` and memory as plain integers."""

    state: CanisterState
    settings: ObservedSettings
    module_hash: str | None
    cycles: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFate:
    """What certified state says about a request that was sent.

    `done` is executed with its reply forgotten; `unknown` is not seen, or forgotten altogether.
    """

    status: Literal["replied", "rejected", "processing", "done", "unknown"]
    reply: bytes | None = None


class RequestLog(Protocol):
    """Told about every update call: before its bytes leave, and when its answer is here."""

    async def sent(self, *, request_id: bytes, expiry_ns: int, canister_id: Principal, method: str) -> None:
        """Keep on disk that the request is about to be sent; it cannot take effect after `expiry_ns`."""
        ...

    def answered(self, *, request_id: bytes, outcome: Literal["replied", "rejected"]) -> None:
        """Keep on disk that the request's outcome is certain."""
        ...


class NetworkPort(Protocol):
    """Reads and changes canisters as one identity; what changes something reports to the port's `RequestLog`.

    Every method raises `AgentError`s; `OutcomeUnknownError` when a change was sent and nothing tells whether it happened.
    """

    async def status(self, canister_id: Principal) -> LiveCanister | None:
        """Return a canister's state, `None` when there is no such canister. Not an update call."""
        ...

    async def metadata(self, canister_id: Principal, name: str) -> bytes | None:
        """Return a metadata section of a canister's module, `None` when it has none (or none that may be read)."""
        ...

    async def query(self, canister_id: Principal, method: str, arg: bytes) -> bytes:
        """Call a query method."""
        ...

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, proxy: Principal | None = None, cycles: int = 0) -> bytes:
        """Call an update method and wait for its reply, through the proxy canister when one is given."""
        ...

    async def create(self, settings: SettingsUpdate, *, created_at_ns: int) -> Principal:
        """Create a canister that the identity (or its proxy) controls.

        Where creating costs, the same settings and `created_at_ns` again (within a day) name the canister of the first time.
        """
        ...

    async def update_settings(self, canister_id: Principal, update: SettingsUpdate) -> None:
        """Send the values that an update sets."""
        ...

    async def install(self, canister_id: Principal, wasm: bytes, argument: bytes, mode: InstallMode, *, keep_memory: bool = False) -> None:
        """Install a module; `keep_memory` keeps the main memory over an upgrade (enhanced orthogonal persistence)."""
        ...

    async def start(self, canister_id: Principal) -> None:
        """Start a canister; starting a running one changes nothing."""
        ...

    async def stop(self, canister_id: Principal) -> None:
        """Stop a canister and wait until it has stopped."""
        ...

    async def fate(self, request_id: bytes, canister_id: Principal) -> RequestFate:
        """Return what became of a request of an earlier run, from certified state."""
        ...

    def created(self, reply: bytes) -> Principal | None:
        """Return the canister that the reply to a creation names."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open network as one identity.

    `open_port` makes a port whose update calls report to the given log. `instance_id` is the embedded network's,
    which ties canister ids to its state. `controllers` tells who controls a canister, from certified state, `None` when there is none; the network's own
    proxy canister serves the identity once it was asked about. `proxy` is where management calls go through, if anywhere, and `proxies` are those that
    may be used here: the environment's and the network's own. `candid_ui` is the
    canister whose page calls methods, and `tell_names` tells the gateway the ids of all canisters by name and returns
    whether it shows them by their names.
    """

    network: str
    managed: bool
    api_url: str
    gateway_url: str | None
    identity: Principal
    open_port: Callable[[RequestLog | None], NetworkPort]
    instance_id: str | None = None
    proxy: Principal | None = None
    proxies: tuple[Principal, ...] = ()
    candid_ui: Principal | None = None
    controllers: Callable[[Principal], Awaitable[frozenset[Principal] | None]] | None = None
    tell_names: Callable[[Mapping[str, Principal]], Awaitable[bool]] | None = None

    @property
    def manager(self) -> Principal:
        """Return who changes canisters, as their controller."""
        return self.proxy or self.identity

    @property
    def repeatable_creation(self) -> bool:
        """Whether asking again for the same creation is safe: the cycles ledger remembers it."""
        return not self.managed and self.proxy is None

    @property
    def reader(self) -> NetworkPort:
        """Return a port for reading: its calls are not journaled, so it must not change anything."""
        return self.open_port(None)
