"""A network in memory, behind the engine's own seam: canisters are records, and every update call is counted."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from orchestrator.agent.cycles_ledger import CREATION_SETTINGS
from orchestrator.core.observed import ObservedSettings
from orchestrator.core.principal import Principal
from orchestrator.core.settings import SettingsUpdate
from orchestrator.engine.ports import Connection, InstallMode, LiveCanister, NetworkPort, RequestFate, RequestLog
from orchestrator.engine.session import Session
from orchestrator.errors import RejectError

__all__ = ["IDENTITY", "MemoryNetwork", "UpdateCall"]

IDENTITY = Principal.self_authenticating(b"a key of the tests")
_EXPIRY_NS = 2**62
_JOURNALED = frozenset({"create", "update_settings", "install", "upgrade", "reinstall", "start", "stop"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCall:
    """One call of a canister's own method."""

    method: str
    arg: bytes
    proxy: Principal | None
    cycles: int


@dataclass(slots=True)
class MemoryNetwork:
    """The state of the network. With `ledger` it creates as the cycles ledger does; it does not have the settings in `lacking`. `before` and `after` are called with (method, canister id) around each update."""

    canisters: dict[Principal, LiveCanister] = field(default_factory=dict)
    updates: list[tuple[str, Principal]] = field(default_factory=list)
    metadata: dict[tuple[Principal, str], bytes] = field(default_factory=dict)
    replies: dict[bytes, bytes] = field(default_factory=dict)
    arguments: dict[Principal, bytes] = field(default_factory=dict)
    kept_memory: dict[Principal, bool] = field(default_factory=dict)
    calls: list[UpdateCall] = field(default_factory=list)
    queries: list[tuple[str, bytes]] = field(default_factory=list)
    fates: dict[bytes, RequestFate] = field(default_factory=dict)
    creations: dict[object, Principal] = field(default_factory=dict)
    asked: list[Principal] = field(default_factory=list)
    before: Callable[[str, Principal], None] | None = None
    after: Callable[[str, Principal], None] | None = None
    identity: Principal = IDENTITY
    managed: bool = True
    instance_id: str = "aa"
    proxy: Principal | None = None
    proxies: tuple[Principal, ...] = ()
    refuse_status: str | None = None
    controllers: dict[Principal, frozenset[Principal]] | None = None
    requests: int = 0
    promised: set[Principal] = field(default_factory=set)
    ledger: bool = False
    lacking: tuple[str, ...] = ()

    def known(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the settings that the network has."""
        return {name: value for name, value in values.items() if name not in self.lacking}

    @property
    def methods(self) -> list[str]:
        """Return the methods of all update calls, in order."""
        return [method for method, _ in self.updates]

    @asynccontextmanager
    async def connect(self, session: Session) -> AsyncIterator[Connection]:
        """Be the session's connector."""
        yield Connection(
            network=session.environment.network.name,
            managed=self.managed,
            api_url="http://localhost:1",
            gateway_url="http://localhost:1",
            identity=self.identity,
            open_port=lambda log: _Port(network=self, log=log),
            instance_id=self.instance_id if self.managed else None,
            proxy=self.proxy,
            proxies=self.proxies,
            controllers=None if self.controllers is None else self.read_controllers,
        )

    def next_principal(self) -> Principal:
        """Return an id that no canister has, nor one that is being created."""
        taken = {*self.canisters, *self.promised}
        numbers = (Principal(number.to_bytes(8, "big") + b"\x01\x01") for number in range(len(taken) + 1))
        return next(each for each in numbers if each not in taken)

    async def read_controllers(self, canister_id: Principal) -> frozenset[Principal] | None:
        """Return who controls a canister, as the test has it."""
        return (self.controllers or {}).get(canister_id)


class _Unlogged:
    """The log of calls that are not journaled."""

    async def sent(self, *, request_id: bytes, expiry_ns: int, canister_id: Principal, method: str) -> None:
        """Keep nothing."""

    def answered(self, *, request_id: bytes, outcome: str) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class _Port(NetworkPort):
    network: MemoryNetwork
    log: RequestLog | None

    async def _send(self, method: str, canister_id: Principal, effect: Callable[[], None], reply: bytes = b"") -> None:
        """Count an update call, tell the journal, take effect, and give the test its say before and after."""
        network = self.network
        network.requests += 1
        request_id = network.requests.to_bytes(32, "big")
        log = self.log or _Unlogged()
        assert self.log is not None or method not in _JOURNALED, "a change without a journal"
        await log.sent(request_id=request_id, expiry_ns=_EXPIRY_NS, canister_id=canister_id, method=method)
        network.updates.append((method, canister_id))
        try:
            if network.before is not None:
                network.before(method, canister_id)
        except RejectError:
            log.answered(request_id=request_id, outcome="rejected")
            raise
        effect()
        network.replies[request_id] = reply
        if network.after is not None:
            network.after(method, canister_id)
        log.answered(request_id=request_id, outcome="replied")

    def _change(self, canister_id: Principal, **changes: object) -> None:
        self.network.canisters[canister_id] = replace(self.network.canisters[canister_id], **changes)  # type: ignore[arg-type]  # its own fields

    async def status(self, canister_id: Principal) -> LiveCanister | None:
        if self.network.refuse_status is not None:
            raise RejectError(self.network.refuse_status, reject_code=5)
        return self.network.canisters.get(canister_id)

    async def metadata(self, canister_id: Principal, name: str) -> bytes | None:
        return self.network.metadata.get((canister_id, name))

    async def query(self, canister_id: Principal, method: str, arg: bytes) -> bytes:
        self.network.queries.append((method, arg))
        text = f"canister {canister_id} has no query method '{method}' ({len(arg)} bytes)"
        raise RejectError(text, reject_code=5, error_code="IC0536")

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, proxy: Principal | None = None, cycles: int = 0) -> bytes:
        called = UpdateCall(method=method, arg=arg, proxy=proxy, cycles=cycles)
        await self._send(method, canister_id, lambda: self.network.calls.append(called), arg)
        return arg

    async def create(self, settings: SettingsUpdate, *, created_at_ns: int) -> Principal:
        key = (created_at_ns, tuple(sorted(settings.amounts.items())))
        known = None if self.network.managed else self.network.creations.get(key)
        principal = known or self.network.next_principal()
        given = self.network.known({**settings.amounts, **settings.visibilities})
        if self.network.ledger:
            given = {name: value for name, value in given.items() if name in CREATION_SETTINGS}
        amounts = replace(ObservedSettings(controllers=frozenset({self.network.identity})), **given)  # type: ignore[arg-type]  # its own fields

        def effect() -> None:
            self.network.canisters.setdefault(principal, LiveCanister(state="running", settings=amounts, module_hash=None))
            self.network.creations[key] = principal

        self.network.promised.add(principal)
        try:
            await self._send("create", principal, effect, principal.raw)
        finally:
            self.network.promised.discard(principal)
        return principal

    async def update_settings(self, canister_id: Principal, update: SettingsUpdate) -> None:
        current = self.network.canisters[canister_id].settings
        changes = self.network.known({**update.amounts, **update.visibilities})
        if update.controllers is not None:
            changes["controllers"] = frozenset(update.controllers)
        if update.environment_variables is not None:
            changes["environment_variables"] = update.environment_variables
        changed = replace(current, **changes)  # type: ignore[arg-type]  # its own fields
        await self._send("update_settings", canister_id, lambda: self._change(canister_id, settings=changed))

    async def install(self, canister_id: Principal, wasm: bytes, argument: bytes, mode: InstallMode, *, keep_memory: bool = False) -> None:
        def effect() -> None:
            self.network.arguments[canister_id] = argument
            self.network.kept_memory[canister_id] = keep_memory
            self._change(canister_id, module_hash=hashlib.sha256(wasm).hexdigest())

        await self._send(mode, canister_id, effect)

    async def start(self, canister_id: Principal) -> None:
        await self._send("start", canister_id, lambda: self._change(canister_id, state="running"))

    async def stop(self, canister_id: Principal) -> None:
        await self._send("stop", canister_id, lambda: self._change(canister_id, state="stopped"))

    async def fate(self, request_id: bytes, canister_id: Principal) -> RequestFate:
        self.network.asked.append(canister_id)
        reply = self.network.replies.get(request_id)
        known = RequestFate(status="unknown") if reply is None else RequestFate(status="replied", reply=reply)
        return self.network.fates.get(request_id, known)

    def created(self, reply: bytes) -> Principal | None:
        return Principal(reply)
