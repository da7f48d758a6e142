"""The agent behind the engine's port: every update call is written down before it leaves and when its answer is here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import anyio.to_thread

from orchestrator.agent.answers import FORBIDDEN
from orchestrator.agent.client import Client
from orchestrator.agent.clock import SystemClock
from orchestrator.agent.cycles_ledger import INSUFFICIENT_CYCLES, CyclesLedger, read_creation
from orchestrator.agent.identities import icp_data_directory, load_identity, load_identity_file
from orchestrator.agent.management import DEFAULT_EFFECTIVE_CANISTER, Management, decode_created
from orchestrator.agent.proxy import ProxySender, read_proxy_reply
from orchestrator.agent.senders import UpdateSender
from orchestrator.agent.state import RequestState
from orchestrator.agent.transport import HttpTransport
from orchestrator.agent.values import CanisterSettings
from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal
from orchestrator.core.settings import SettingsUpdate
from orchestrator.engine.ports import Connection, InstallMode, LiveCanister, NetworkPort, RequestFate, RequestLog
from orchestrator.engine.routing import known_proxies, resolve_proxy
from orchestrator.engine.session import Session
from orchestrator.engine.watch import watched_network
from orchestrator.errors import AgentError, OrchestratorError, OutcomeUnknownError, RejectError, TransportError
from orchestrator.network.access import MAINNET_ROOT_KEY, NetworkAccess
from orchestrator.network.accounts import tell_accounts
from orchestrator.network.names import tell_names
from orchestrator.protocol.keys import Identity
from orchestrator.store import open_ids

__all__ = ["CREATION_CYCLES", "AgentPort", "open_agent"]

CREATION_CYCLES = 2_000_000_000_000
"""What a new canister is given, in cycles: icp-cli's default."""
_NO_SUCH_CANISTER = "IC0301"
_NOT_CONTROLLER = frozenset({"IC0512", "IC0541", "IC0542"})
_DESTINATION_INVALID = 3
_FATES = {
    RequestState.REPLIED: "replied",
    RequestState.REJECTED: "rejected",
    RequestState.DONE: "done",
    RequestState.ABSENT: "unknown",
}


class JournaledSender:
    """Sends update calls of a client and tells a log, if there is one, about each, before and after.

    While nobody knows what became of a call its request id is in `flying`.
    """

    def __init__(self, client: Client, log: RequestLog | None, flying: set[bytes]) -> None:
        """Take who sends and who is told."""
        self._client = client
        self._log = log
        self._flying = flying

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Sign, have the request written down, send, have its outcome written down if it is certain."""
        effective = effective_canister_id or canister_id
        signed = self._client.prepare_update(canister_id, method, arg)
        if self._log is not None:
            await self._log.sent(request_id=signed.request_id, expiry_ns=signed.expiry_ns, canister_id=effective, method=method)
        self._flying.add(signed.request_id)
        try:
            reply = await self._client.submit(signed, effective)
        except OutcomeUnknownError:
            raise
        except RejectError:
            self._answered(signed.request_id, "rejected")
            raise
        except OrchestratorError:
            # The network certainly did not take it.
            self._flying.discard(signed.request_id)
            raise
        self._answered(signed.request_id, "replied")
        return reply

    def _answered(self, request_id: bytes, outcome: Literal["replied", "rejected"]) -> None:
        self._flying.discard(request_id)
        if self._log is not None:
            self._log.answered(request_id=request_id, outcome=outcome)


@dataclass(frozen=True, slots=True)
class AgentPort(NetworkPort):
    """A port on a real network. `proxy` carries management calls, if there is one; `managed` allows free creation.

    `creation_at` is the canister id to whose subnet a free creation is sent.
    """

    client: Client
    sender: UpdateSender
    managed: bool
    proxy: Principal | None
    creation_at: Principal = DEFAULT_EFFECTIVE_CANISTER

    @property
    def _management(self) -> Management:
        sender = self.sender if self.proxy is None else ProxySender(self.sender, self.proxy)
        return Management(sender, self.client)

    async def status(self, canister_id: Principal) -> LiveCanister | None:
        """Ask for a canister's status by a query; only a canister that its proxy alone controls is asked by a call."""
        try:
            found = await Management(self.sender, self.client).query_canister_status(canister_id)
        except RejectError as error:
            if _is_absent(error):
                return None
            if error.error_code not in _NOT_CONTROLLER or self.proxy is None:
                raise
            found = await self._management.canister_status(canister_id)
        return LiveCanister(
            state=found.state,
            settings=found.settings,
            module_hash=found.module_hash.hex() if found.module_hash is not None else None,
            cycles=found.cycles,
            memory_bytes=found.memory_size,
        )

    async def metadata(self, canister_id: Principal, name: str) -> bytes | None:
        """Read a section from certified state; one that is for controllers only, and this is none, is not there."""
        try:
            return await self.client.read_metadata(canister_id, name)
        except TransportError as error:
            if error.slug != FORBIDDEN:
                raise
            return None

    async def query(self, canister_id: Principal, method: str, arg: bytes) -> bytes:
        """Call a query method."""
        return await self.client.query(canister_id, method, arg)

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, proxy: Principal | None = None, cycles: int = 0) -> bytes:
        """Call an update method, through a proxy if one is given."""
        sender = self.sender if proxy is None else ProxySender(self.sender, proxy, cycles=cycles)
        return await sender.update(canister_id, method, arg)

    async def create(self, settings: SettingsUpdate, *, created_at_ns: int) -> Principal:
        """Create a canister: free where the network is ours, from the proxy's cycles, or from the cycles ledger."""
        wanted = _wire_settings(settings)
        if self.proxy is not None:
            return await Management(ProxySender(self.sender, self.proxy, cycles=CREATION_CYCLES), self.client).create_canister(
                settings=wanted
            )
        if self.managed:
            return await self._management.provisional_create_canister(settings=wanted, effective_canister_id=self.creation_at)
        try:
            ledger = CyclesLedger(self.sender, self.client)
            created = await ledger.create_canister(cycles=CREATION_CYCLES, created_at_ns=created_at_ns, settings=wanted)
        except AgentError as error:
            if self.client.root_key_der == MAINNET_ROOT_KEY or not _is_unpaid(error):
                raise
            return await self._create_free(wanted, error)
        return created.canister_id

    async def _create_free(self, wanted: CanisterSettings, unpaid: AgentError) -> Principal:
        """Create a canister where it may cost nothing: a test network that somebody else runs. Else raise why it was not paid."""
        try:
            return await self._management.provisional_create_canister(settings=wanted)
        except RejectError:
            raise unpaid from None

    async def update_settings(self, canister_id: Principal, update: SettingsUpdate) -> None:
        """Send the values that are set."""
        await self._management.update_settings(canister_id, _wire_settings(update))

    async def install(self, canister_id: Principal, wasm: bytes, argument: bytes, mode: InstallMode, *, keep_memory: bool = False) -> None:
        """Install a module, in chunks where it is large."""
        try:
            await self._management.install_code(canister_id, wasm, argument, mode, wasm_memory_persistence="keep" if keep_memory else None)
        except BaseExceptionGroup as group:
            raise _first(group) from group

    async def start(self, canister_id: Principal) -> None:
        """Start a canister."""
        await self._management.start_canister(canister_id)

    async def stop(self, canister_id: Principal) -> None:
        """Stop a canister."""
        await self._management.stop_canister(canister_id)

    async def fate(self, request_id: bytes, canister_id: Principal) -> RequestFate:
        """Read a request's certified status; a proxy's reply is opened."""
        status = await self.client.fetch_request_status(request_id, canister_id)
        fate = _FATES.get(status.state, "processing")
        return RequestFate(status=fate, reply=status.reply)  # type: ignore[arg-type]  # the table's words are the type's

    def created(self, reply: bytes) -> Principal | None:
        """Read the reply to a creation, whichever way it went."""
        opened = read_proxy_reply if self.proxy is not None else bytes
        for read in (decode_created, lambda data: read_creation(data).canister_id):
            with suppress(OrchestratorError):
                return read(opened(reply))
        return None


def _is_unpaid(error: AgentError) -> bool:
    """Return whether there is no cycles ledger, or nothing in the account."""
    return error.slug == INSUFFICIENT_CYCLES or (isinstance(error, RejectError) and _is_absent(error))


def _is_absent(error: RejectError) -> bool:
    """Return whether a reject says that the canister called does not exist."""
    return error.error_code == _NO_SUCH_CANISTER or error.reject_code == _DESTINATION_INVALID


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of ours in a group, else the first of all: parallel uploads fail together."""
    matching, _ = group.split(OrchestratorError)
    found: BaseException = matching or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _wire_settings(update: SettingsUpdate) -> CanisterSettings:
    given: dict[str, Any] = {**update.amounts, **update.visibilities}
    return CanisterSettings(controllers=update.controllers, environment_variables=update.environment_variables, **given)


@asynccontextmanager
async def open_agent(session: Session, access: NetworkAccess) -> AsyncIterator[Connection]:
    """Open a network as the session's identity: the command line's, else the environment's, else icp-cli's default."""
    identity = await anyio.to_thread.run_sync(_identity, session)
    ids = open_ids(session.files, session.environment.name, access.instance_id)
    flying: set[bytes] = set()
    async with HttpTransport(access.api_url) as transport, watched_network(session, access, flying):
        client = Client(transport, identity, access.root_key, SystemClock(access.clock_offset_ns))
        proxy = resolve_proxy(session, ids.load())

        async def admit(canister_id: Principal) -> None:
            """Have an embedded network's own proxy canister, which may not know who asks, serve the identity."""
            if str(canister_id) == access.proxy_canister_id:
                await tell_accounts(session.project.directory, access.name, [str(identity.principal)])

        async def controllers(canister_id: Principal) -> frozenset[Principal] | None:
            await admit(canister_id)
            found = await client.read_canister_info(canister_id)
            return None if found is None else frozenset(found.controllers)

        if proxy is not None:
            await admit(proxy)
        creation_at = Principal.from_text(access.effective_canister_id) if access.effective_canister_id else DEFAULT_EFFECTIVE_CANISTER

        def open_port(log: RequestLog | None) -> NetworkPort:
            sender = JournaledSender(client, log, flying)
            return AgentPort(client=client, sender=sender, managed=access.managed, proxy=proxy, creation_at=creation_at)

        yield Connection(
            network=access.name,
            managed=access.managed,
            api_url=access.api_url,
            gateway_url=access.gateway_url,
            identity=identity.principal,
            open_port=open_port,
            instance_id=access.instance_id,
            proxy=proxy,
            proxies=known_proxies(session, ids.load(), access.proxy_canister_id),
            controllers=controllers,
            candid_ui=CANDID_UI_CANISTER if access.launcher in {None, "embedded"} else None,
            tell_names=partial(tell_names, session.project.directory, access.name, session.environment.name) if access.managed else None,
        )


def _identity(session: Session) -> Identity:
    if session.identity_file is not None:
        return load_identity_file(session.identity_file, session.password)
    name = session.identity or session.environment.identity
    return load_identity(name, icp_data_directory(session.environ), session.password)
