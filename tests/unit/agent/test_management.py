"""Management calls: the right arguments at the right effective canister, in one piece or in chunks."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import anyio.lowlevel
import pytest

from orchestrator.agent.chunks import CHUNK_BYTES, MAX_MESSAGE_BYTES, MESSAGE_OVERHEAD_BYTES, needs_chunks
from orchestrator.agent.management import DEFAULT_EFFECTIVE_CANISTER, Management, decode_created
from orchestrator.agent.values import CanisterSettings, LogRecord, Snapshot
from orchestrator.candid import Variant, decode, encode, load_interface, parse_interface
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.errors import AgentError, CandidDecodeError, RejectError
from tests.support.fake_network import CANISTER

pytestmark = pytest.mark.anyio
OTHER = Principal(b"other")
SERVICE = load_interface("management").service
STATUS: dict[str, Any] = {
    "status": Variant("running"),
    "ready_for_migration": False,
    "version": 7,
    "settings": {
        "controllers": [OTHER],
        "compute_allocation": 1,
        "memory_allocation": 2,
        "freezing_threshold": 3,
        "reserved_cycles_limit": 4,
        "minimum_incoming_canister_call_cycles": 0,
        "log_visibility": Variant("allowed_viewers", [OTHER]),
        "log_memory_limit": 5,
        "snapshot_visibility": Variant("controllers"),
        "status_visibility": Variant("controllers"),
        "wasm_memory_limit": 6,
        "wasm_memory_threshold": 7,
        "environment_variables": [{"name": "A", "value": "b"}],
    },
    "module_hash": b"h" * 32,
    "memory_size": 10,
    "memory_metrics": dict.fromkeys(
        (
            "wasm_memory_size",
            "stable_memory_size",
            "global_memory_size",
            "wasm_binary_size",
            "custom_sections_size",
            "canister_history_size",
            "wasm_chunk_store_size",
            "snapshots_size",
            "log_memory_store_size",
        ),
        1,
    ),
    "cycles": 10**15,
    "reserved_cycles": 8,
    "idle_cycles_burned_per_day": 9,
    "query_stats": dict.fromkeys(
        ("num_calls_total", "num_instructions_total", "request_payload_bytes_total", "response_payload_bytes_total"), 2
    ),
}
OLD_STATUS = """
type status = record {
  status : variant { running; stopping; stopped };
  settings : record { controllers : vec principal; compute_allocation : nat; freezing_threshold : nat; memory_allocation : nat };
  module_hash : opt blob; memory_size : nat; cycles : nat; idle_cycles_burned_per_day : nat;
};
"""


@dataclass(slots=True)
class FakeManagement:
    """A management canister that decodes what it is sent and answers with what it was given."""

    replies: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, str, Any, Principal | None]] = field(default_factory=list)
    chunks: set[bytes] = field(default_factory=set)
    running: int = 0
    most: int = 0

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Take an update call."""
        self.running += 1
        self.most = max(self.most, self.running)
        await anyio.lowlevel.checkpoint()
        self.running -= 1
        return self._answer("update", canister_id, method, arg, effective_canister_id)

    async def query(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Take a query."""
        await anyio.lowlevel.checkpoint()
        return self._answer("query", canister_id, method, arg, effective_canister_id)

    def _answer(self, kind: str, canister_id: Principal, method: str, arg: bytes, effective: Principal | None) -> bytes:
        assert canister_id == MANAGEMENT_CANISTER
        assert SERVICE is not None
        function = SERVICE.methods[method]
        record: Any = decode(arg, function.arguments)[0]
        self.calls.append((kind, method, record, effective))
        reply = self.replies.get(method, self.replies.get(f"{kind} {method}"))
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, bytes):
            return reply
        if method == "upload_chunk":
            self.chunks.add(hashlib.sha256(record["chunk"]).digest())
            return encode(function.results, [{"hash": hashlib.sha256(record["chunk"]).digest()}])
        if method == "stored_chunks":
            return encode(function.results, [[{"hash": digest} for digest in sorted(self.chunks)]])
        return encode(function.results, [] if reply is None else [reply])

    @property
    def methods(self) -> list[str]:
        """The methods that were called, in order."""
        return [method for _, method, _, _ in self.calls]


@pytest.fixture
def fake() -> FakeManagement:
    """Return a fresh management canister."""
    return FakeManagement()


@pytest.fixture
def management(fake: FakeManagement) -> Management:
    """Return the calls to it."""
    return Management(fake, fake)


async def test_creation_goes_where_canisters_are_made(fake: FakeManagement, management: Management) -> None:
    """A creation is sent to the id that is asked for, or to the network's first; its reply names the canister."""
    fake.replies["provisional_create_canister_with_cycles"] = {"canister_id": CANISTER}
    settings = CanisterSettings(
        controllers=(OTHER,), compute_allocation=5, environment_variables={"b": "2", "a": "1"}, log_visibility="public"
    )
    assert await management.provisional_create_canister(cycles=10, settings=settings) == CANISTER
    _, _, record, effective = fake.calls[0]
    assert effective == DEFAULT_EFFECTIVE_CANISTER
    assert record["amount"] == 10
    assert record["settings"]["controllers"] == [OTHER]
    assert record["settings"]["compute_allocation"] == 5
    assert record["settings"]["memory_allocation"] is None
    assert record["settings"]["log_visibility"] == Variant("public")
    assert record["settings"]["environment_variables"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    await management.provisional_create_canister(specified_id=OTHER)
    assert fake.calls[1][3] == OTHER
    assert fake.calls[1][2]["specified_id"] == OTHER


async def test_creation_through_a_proxy_uses_the_real_method(fake: FakeManagement, management: Management) -> None:
    """`create_canister` is what a proxy calls with cycles attached."""
    fake.replies["create_canister"] = {"canister_id": CANISTER}
    assert await management.create_canister() == CANISTER
    assert fake.methods == ["create_canister"]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("start_canister", "start_canister"),
        ("stop_canister", "stop_canister"),
        ("delete_canister", "delete_canister"),
        ("uninstall_code", "uninstall_code"),
    ],
)
async def test_plain_calls_go_to_their_canister(fake: FakeManagement, management: Management, name: str, method: str) -> None:
    """Calls about one canister are sent to that canister's subnet."""
    await getattr(management, name)(CANISTER)
    assert [(called, record["canister_id"], effective) for _, called, record, effective in fake.calls] == [(method, CANISTER, CANISTER)]


async def test_settings_that_are_none_are_left_alone(fake: FakeManagement, management: Management) -> None:
    """Only what is given is sent; an empty list of controllers is not the same as none."""
    await management.update_settings(CANISTER, CanisterSettings(freezing_threshold=0, controllers=(), log_visibility=(OTHER,)))
    settings = fake.calls[0][2]["settings"]
    given = {name: value for name, value in settings.items() if value is not None}
    assert given == {"freezing_threshold": 0, "controllers": [], "log_visibility": Variant("allowed_viewers", [OTHER])}


async def test_cycles_from_nowhere(fake: FakeManagement, management: Management) -> None:
    """A local canister is topped up at its own id."""
    await management.provisional_top_up_canister(CANISTER, 5)
    assert fake.calls[0][1:] == ("provisional_top_up_canister", {"canister_id": CANISTER, "amount": 5}, CANISTER)


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        ("install", {}, Variant("install")),
        ("reinstall", {"wasm_memory_persistence": "keep"}, Variant("reinstall")),
        ("upgrade", {}, Variant("upgrade")),
        (
            "upgrade",
            {"wasm_memory_persistence": "keep"},
            Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("keep")}),
        ),
        ("upgrade", {"skip_pre_upgrade": True}, Variant("upgrade", {"skip_pre_upgrade": True, "wasm_memory_persistence": None})),
    ],
)
async def test_small_modules_go_in_one_message(
    fake: FakeManagement, management: Management, mode: Any, options: Any, expected: Variant
) -> None:
    """A module that fits is installed by one call, with the upgrade's options where there are any."""
    await management.install_code(CANISTER, b"\x00asm", b"arg", mode, **options)
    assert fake.methods == ["install_code"]
    record = fake.calls[0][2]
    assert (record["mode"], record["wasm_module"], record["arg"]) == (expected, b"\x00asm", b"arg")


def test_the_size_rule() -> None:
    """Module, argument and 500 bytes have to fit into 2 MiB; one byte more needs chunks."""
    fits = MAX_MESSAGE_BYTES - MESSAGE_OVERHEAD_BYTES - 10
    assert not needs_chunks(bytes(fits), bytes(10))
    assert needs_chunks(bytes(fits), bytes(11))


async def test_large_modules_go_in_chunks(fake: FakeManagement, management: Management) -> None:
    """A large module is uploaded concurrently, installed by its hashes in order, and the store is emptied."""
    wasm = b"".join(bytes([index]) * CHUNK_BYTES for index in (1, 2, 1, 3)) + b"rest"
    await management.install_code(CANISTER, wasm, b"arg", "install")
    hashes = [hashlib.sha256(wasm[start : start + CHUNK_BYTES]).digest() for start in range(0, len(wasm), CHUNK_BYTES)]
    assert fake.methods[0] == "stored_chunks"
    assert fake.methods[-2:] == ["install_chunked_code", "clear_chunk_store"]
    assert fake.methods.count("upload_chunk") == 4
    assert fake.most > 1
    record = fake.calls[-2][2]
    assert [entry["hash"] for entry in record["chunk_hashes_list"]] == hashes
    assert record["wasm_module_hash"] == hashlib.sha256(wasm).digest()
    assert (record["target_canister"], record["store_canister"]) == (CANISTER, None)
    assert all(effective == CANISTER for _, _, _, effective in fake.calls)


async def test_chunks_that_are_there_are_not_sent_again(fake: FakeManagement, management: Management) -> None:
    """An install that failed after the uploads uploads nothing when it is repeated."""
    wasm = b"".join(bytes([index]) * CHUNK_BYTES for index in (1, 2, 3))
    fake.replies["install_chunked_code"] = RejectError("no", reject_code=5)
    with pytest.raises(RejectError):
        await management.install_code(CANISTER, wasm, b"", "install")
    assert "clear_chunk_store" not in fake.methods
    fake.calls.clear()
    del fake.replies["install_chunked_code"]
    await management.install_code(CANISTER, wasm, b"", "install")
    assert fake.methods == ["stored_chunks", "install_chunked_code", "clear_chunk_store"]


async def test_a_chunk_that_was_stored_wrongly_stops_the_install(fake: FakeManagement, management: Management) -> None:
    """A store that answers with another hash is not installed from."""
    assert SERVICE is not None
    fake.replies["upload_chunk"] = encode(SERVICE.methods["upload_chunk"].results, [{"hash": bytes(32)}])
    with pytest.raises(AgentError, match="stored as something else"):
        await management.install_code(CANISTER, bytes(3 * CHUNK_BYTES), b"", "install")
    assert "install_chunked_code" not in fake.methods


async def test_the_status_is_read_whole(fake: FakeManagement, management: Management) -> None:
    """Everything that `canister_status` tells arrives as one frozen value."""
    fake.replies["canister_status"] = STATUS
    for status in (await management.canister_status(CANISTER), await management.query_canister_status(CANISTER)):
        assert (status.state, status.module_hash, status.cycles, status.version) == ("running", b"h" * 32, 10**15, 7)
        assert status.settings.controllers == frozenset({OTHER})
        assert status.settings.log_visibility == (OTHER,)
        assert status.settings.environment_variables == {"A": "b"}
        assert (status.settings.compute_allocation, status.settings.log_memory_limit) == (1, 5)
        assert (status.memory_metrics.stable_memory_size, status.query_stats.num_calls_total) == (1, 2)
    assert [kind for kind, _, _, _ in fake.calls] == ["update", "query"]


async def test_the_status_of_an_older_network_is_read(fake: FakeManagement, management: Management) -> None:
    """A network that lacks the newer fields is read, and they are None."""
    settings = {name: STATUS["settings"][name] for name in ("controllers", "compute_allocation", "freezing_threshold", "memory_allocation")}
    old = {
        **{name: STATUS[name] for name in ("status", "module_hash", "memory_size", "cycles", "idle_cycles_burned_per_day")},
        "settings": settings,
    }
    fake.replies["canister_status"] = encode([parse_interface(OLD_STATUS).types["status"]], [old])
    status = await management.canister_status(CANISTER)
    assert status.settings.log_visibility is None
    assert status.settings.environment_variables == {}
    assert (status.settings.freezing_threshold, status.settings.wasm_memory_limit, status.version) == (3, None, None)


async def test_the_status_falls_back_to_an_update_call(fake: FakeManagement, management: Management) -> None:
    """Where the status cannot be queried it is asked by an update call; a refusal of the caller is final."""
    fake.replies["query canister_status"] = RejectError("no such query", reject_code=5, error_code="IC0536")
    fake.replies["update canister_status"] = STATUS
    assert (await management.query_canister_status(CANISTER)).state == "running"
    for code in ("IC0512", "IC0542"):
        fake.replies["query canister_status"] = RejectError("not a controller", reject_code=5, error_code=code)
        with pytest.raises(RejectError, match="not a controller"):
            await management.query_canister_status(CANISTER)


async def test_snapshots(fake: FakeManagement, management: Management) -> None:
    """Snapshots are taken, listed, loaded and deleted by their opaque ids."""
    entry = {"id": b"snap", "taken_at_timestamp": 5, "total_size": 6}
    fake.replies.update({"take_canister_snapshot": entry, "list_canister_snapshots": [entry]})
    snapshot = Snapshot(id=b"snap", taken_at_ns=5, total_size=6)
    assert await management.take_canister_snapshot(CANISTER, replace_snapshot=b"old") == snapshot
    assert fake.calls[0][2]["replace_snapshot"] == b"old"
    assert await management.list_canister_snapshots(CANISTER) == (snapshot,)
    await management.load_canister_snapshot(CANISTER, b"snap")
    await management.delete_canister_snapshot(CANISTER, b"snap")
    assert [record["snapshot_id"] for _, _, record, _ in fake.calls[2:]] == [b"snap", b"snap"]


async def test_logs_are_queried(fake: FakeManagement, management: Management) -> None:
    """A canister's log comes by a query."""
    fake.replies["fetch_canister_logs"] = {"canister_log_records": [{"idx": 1, "timestamp_nanos": 2, "content": b"line"}]}
    assert await management.fetch_canister_logs(CANISTER) == (LogRecord(index=1, timestamp_ns=2, content=b"line"),)
    assert fake.calls[0][0] == "query"


async def test_nonsense_replies_are_refused(fake: FakeManagement, management: Management) -> None:
    """Replies that are not what the interface says raise `CandidDecodeError`."""
    fake.replies["canister_status"] = b"DIDL\x00\x00"
    with pytest.raises(CandidDecodeError):
        await management.canister_status(CANISTER)
    with pytest.raises(CandidDecodeError):
        decode_created(b"garbage")
