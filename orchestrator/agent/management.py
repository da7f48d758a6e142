"""The management canister: making, changing and reading canisters, with the right effective canister id.

Source: the interface specification, page "The IC management canister" and section "Effective canister id".
"""

from collections.abc import Mapping

from orchestrator.agent.chunks import install_in_chunks, needs_chunks
from orchestrator.agent.senders import QuerySender, UpdateSender
from orchestrator.agent.values import CanisterSettings, CanisterStatus, InstallMode, LogRecord, MemoryPersistence, Snapshot
from orchestrator.agent.wire_values import decode_logs, decode_snapshots, decode_status, settings_record
from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.errors import AgentError, RejectError

__all__ = ["DEFAULT_EFFECTIVE_CANISTER", "Management", "decode_created"]

DEFAULT_EFFECTIVE_CANISTER = Principal.from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai")
"""Where a creation is sent on a local network when no canister id is asked for: its first canister id."""

_NOT_CONTROLLER = frozenset({"IC0512", "IC0541", "IC0542"})
"""Not a controller; neither a controller nor an administrator of the subnet; not among those who may see the status."""


def _encode(method: str, record: Mapping[str, object]) -> bytes:
    service = load_interface("management").service
    if service is None:
        raise AgentError("the packaged interface of the management canister has no service")
    return encode(service.methods[method].arguments, [record])


def decode_created(reply: bytes) -> Principal:
    """Return the canister that the reply of a creation names (not the cycles ledger's, which has its own)."""
    created = decode(reply, [load_interface("management").types["create_canister_result"]])[0]
    if isinstance(created, dict) and isinstance(created.get("canister_id"), Principal):
        canister_id: Principal = created["canister_id"]
        return canister_id
    raise AgentError("the reply of a creation names no canister")


class Management:
    """Calls of the management canister. Every method raises `AgentError`s as `Client.update` does.

    `sender` carries what changes something, `reader` what can be asked as a query.
    """

    def __init__(self, sender: UpdateSender, reader: QuerySender) -> None:
        self._sender = sender
        self._reader = reader

    async def _call(self, method: str, record: Mapping[str, object], effective_id: Principal) -> bytes:
        return await self._sender.update(MANAGEMENT_CANISTER, method, _encode(method, record), effective_canister_id=effective_id)

    async def provisional_create_canister(
        self,
        *,
        cycles: int | None = None,
        settings: CanisterSettings | None = None,
        specified_id: Principal | None = None,
        effective_canister_id: Principal = DEFAULT_EFFECTIVE_CANISTER,
    ) -> Principal:
        """Create a canister on a local network with cycles from nowhere; the mainnet refuses this."""
        record = {"amount": cycles, "settings": settings_record(settings or CanisterSettings()), "specified_id": specified_id}
        reply = await self._call("provisional_create_canister_with_cycles", record, specified_id or effective_canister_id)
        return decode_created(reply)

    async def create_canister(self, *, settings: CanisterSettings | None = None) -> Principal:
        """Create a canister from the cycles that come with the call: only a proxy canister can attach them."""
        reply = await self._call(
            "create_canister", {"settings": settings_record(settings or CanisterSettings())}, DEFAULT_EFFECTIVE_CANISTER
        )
        return decode_created(reply)

    async def provisional_top_up_canister(self, canister_id: Principal, cycles: int) -> None:
        """Give a canister of a local network cycles from nowhere."""
        await self._call("provisional_top_up_canister", {"canister_id": canister_id, "amount": cycles}, canister_id)

    async def install_code(
        self,
        canister_id: Principal,
        wasm: bytes,
        arg: bytes,
        mode: InstallMode,
        *,
        wasm_memory_persistence: MemoryPersistence | None = None,
        skip_pre_upgrade: bool | None = None,
    ) -> None:
        """Install a module; in chunks where module and argument do not fit into one message.

        `wasm_memory_persistence` and `skip_pre_upgrade` matter to upgrades only.
        """
        variant = _mode_variant(mode, wasm_memory_persistence, skip_pre_upgrade)
        if needs_chunks(wasm, arg):
            await install_in_chunks(self._call, canister_id, wasm, arg, variant)
            return
        record = {"mode": variant, "canister_id": canister_id, "wasm_module": wasm, "arg": arg}
        await self._call("install_code", record, canister_id)

    async def uninstall_code(self, canister_id: Principal) -> None:
        """Remove a canister's module and state."""
        await self._call("uninstall_code", {"canister_id": canister_id}, canister_id)

    async def update_settings(self, canister_id: Principal, settings: CanisterSettings) -> None:
        """Change the settings that are not None."""
        await self._call("update_settings", {"canister_id": canister_id, "settings": settings_record(settings)}, canister_id)

    async def start_canister(self, canister_id: Principal) -> None:
        """Start a canister; a running one stays as it is."""
        await self._call("start_canister", {"canister_id": canister_id}, canister_id)

    async def stop_canister(self, canister_id: Principal) -> None:
        """Stop a canister and wait until it has stopped."""
        await self._call("stop_canister", {"canister_id": canister_id}, canister_id)

    async def delete_canister(self, canister_id: Principal) -> None:
        """Delete a stopped canister; its cycles are lost."""
        await self._call("delete_canister", {"canister_id": canister_id}, canister_id)

    async def canister_status(self, canister_id: Principal) -> CanisterStatus:
        """Return a canister's state by an update call: certified, and slow on the mainnet."""
        return decode_status(await self._call("canister_status", {"canister_id": canister_id}, canister_id))

    async def query_canister_status(self, canister_id: Principal) -> CanisterStatus:
        """Return a canister's state as one node of its subnet signs it; by an update call where that is not offered.

        A reject that names the canister (there is none of that id, say) is an answer, and raised as it is.
        """
        data = _encode("canister_status", {"canister_id": canister_id})
        try:
            reply = await self._reader.query(MANAGEMENT_CANISTER, "canister_status", data, effective_canister_id=canister_id)
        except RejectError as error:
            if error.error_code in _NOT_CONTROLLER or str(canister_id) in error.message:
                raise
            return await self.canister_status(canister_id)
        return decode_status(reply)

    async def fetch_canister_logs(self, canister_id: Principal) -> tuple[LogRecord, ...]:
        """Return a canister's log, oldest line first."""
        data = _encode("fetch_canister_logs", {"canister_id": canister_id})
        return decode_logs(await self._reader.query(MANAGEMENT_CANISTER, "fetch_canister_logs", data, effective_canister_id=canister_id))

    async def take_canister_snapshot(self, canister_id: Principal, *, replace_snapshot: bytes | None = None) -> Snapshot:
        """Take a snapshot of a canister's module and state; the canister should be stopped."""
        reply = await self._call("take_canister_snapshot", {"canister_id": canister_id, "replace_snapshot": replace_snapshot}, canister_id)
        taken = decode(reply, [load_interface("management").types["take_canister_snapshot_result"]])[0]
        if not isinstance(taken, dict):
            raise AgentError("the reply of taking a snapshot is not a record")
        return Snapshot(id=taken["id"], taken_at_ns=taken["taken_at_timestamp"], total_size=taken["total_size"])

    async def load_canister_snapshot(self, canister_id: Principal, snapshot_id: bytes) -> None:
        """Put a canister back to a snapshot of it."""
        await self._call("load_canister_snapshot", {"canister_id": canister_id, "snapshot_id": snapshot_id}, canister_id)

    async def list_canister_snapshots(self, canister_id: Principal) -> tuple[Snapshot, ...]:
        """Return a canister's snapshots."""
        return decode_snapshots(await self._call("list_canister_snapshots", {"canister_id": canister_id}, canister_id))

    async def delete_canister_snapshot(self, canister_id: Principal, snapshot_id: bytes) -> None:
        """Delete a snapshot of a canister."""
        await self._call("delete_canister_snapshot", {"canister_id": canister_id, "snapshot_id": snapshot_id}, canister_id)


def _mode_variant(mode: InstallMode, persistence: MemoryPersistence | None, skip_pre_upgrade: bool | None) -> Variant:  # noqa: FBT001 - the wire's own optional flag
    if mode != "upgrade" or (persistence is None and skip_pre_upgrade is None):
        return Variant(mode)
    keep = None if persistence is None else Variant(persistence)
    return Variant(mode, {"skip_pre_upgrade": skip_pre_upgrade, "wasm_memory_persistence": keep})
