"""Snapshots: what is taken comes back, and only for those who may have it."""

from typing import cast

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.canister import ChangeKind, LowMemoryHook
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Reply
from tests.support.scripted_machine import Run
from tests.support.scripted_network import OWNER, STRANGER, ScriptedNetwork

CONTROLLERS_ONLY = ("take_canister_snapshot", "load_canister_snapshot", "delete_canister_snapshot")
READING = ("list_canister_snapshots", "read_canister_snapshot_metadata")


def count(run: Run) -> None:
    """Count in both memories and reply with the count."""
    number = cast("int", run.memory.get("count", 0)) + 1
    run.memory["count"] = run.stable["count"] = number
    run.reply(b"%d" % number)


def error_code(response: Response | None) -> str:
    """Return the error code of a reject."""
    assert isinstance(response, Rejection), response
    return response.error_code


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


@pytest.fixture
def canister(network: ScriptedNetwork) -> Principal:
    """Return a canister that counts its calls."""
    return network.deploy(network.machine.module({"canister_update count": count}))


def take(network: ScriptedNetwork, canister: Principal, **options: object) -> bytes:
    """Take a snapshot and return its id."""
    taken = network.managed("take_canister_snapshot", {"canister_id": canister, **options})
    return cast("dict[str, bytes]", taken)["id"]


def load(network: ScriptedNetwork, canister: Principal, snapshot: bytes) -> Response | None:
    """Load a snapshot."""
    return network.manage("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})


def reading(method: str, canister: Principal, snapshot: bytes) -> dict[str, object]:
    """Return the argument of a method that reads."""
    return {"canister_id": canister} if method.startswith("list") else {"canister_id": canister, "snapshot_id": snapshot}


def test_loading_goes_back_to_what_was_taken(network: ScriptedNetwork, canister: Principal) -> None:
    """Code, both memories, chunks and certified data are those of the snapshot; version and history go on."""
    network.call(canister, "count")
    network.managed("upload_chunk", {"canister_id": canister, "chunk": b"chunk"})
    network.canister(canister).certified_data = b"certified"
    snapshot = take(network, canister)
    network.call(canister, "count")
    network.canister(canister).certified_data = b""
    network.managed("clear_chunk_store", {"canister_id": canister})
    version, module = network.canister(canister).version, network.canister(canister).module_hash
    assert isinstance(network.install(canister, network.machine.module({}), mode=Variant("reinstall")), Reply)
    assert load(network, canister, snapshot) == Reply(b"DIDL\x00\x00")
    record = network.canister(canister)
    assert (record.module_hash, record.certified_data, list(record.chunks.values())) == (module, b"certified", [b"chunk"])
    assert record.version == version + 2
    assert network.call(canister, "count") == Reply(b"2")


def test_a_snapshot_can_be_loaded_again_and_again(network: ScriptedNetwork, canister: Principal) -> None:
    """What the canister does after loading does not change the snapshot."""
    snapshot = take(network, canister)
    for _ in range(2):
        assert isinstance(load(network, canister, snapshot), Reply)
        assert network.call(canister, "count") == Reply(b"1")


def test_loading_is_in_the_history_with_the_snapshot_s_origin(network: ScriptedNetwork, canister: Principal) -> None:
    """The entry names the snapshot, its time and version, and the canister it is of if that is another one."""
    other = network.deploy(network.machine.module({"canister_update count": count}))
    snapshot = take(network, canister)
    taken_at = network.canister(canister).snapshots[snapshot].taken_at
    assert isinstance(load(network, canister, snapshot), Reply)
    assert isinstance(load(network, other, snapshot), Reply)
    own, foreign = (network.canister(each).history[-1].loaded for each in (canister, other))
    assert own is not None
    assert foreign is not None
    assert (own.canister, own.snapshot, own.taken_at, own.canister_version) == (b"", snapshot, taken_at, 1)
    assert foreign.canister == canister.raw
    assert network.canister(other).history[-1].kind is ChangeKind.LOAD_SNAPSHOT


def test_taking_can_uninstall(network: ScriptedNetwork, canister: Principal) -> None:
    """The code goes in the same step, and the snapshot brings it back."""
    network.call(canister, "count")
    snapshot = take(network, canister, uninstall_code=True)
    assert network.status(canister)["module_hash"] is None
    assert network.canister(canister).history[-1].kind is ChangeKind.CODE_UNINSTALL
    assert isinstance(load(network, canister, snapshot), Reply)
    assert network.call(canister, "count") == Reply(b"2")


def test_an_empty_canister_has_nothing_to_take(network: ScriptedNetwork) -> None:
    """There is a snapshot of code and state only where there is code."""
    assert error_code(network.manage("take_canister_snapshot", {"canister_id": network.create()})) == "IC0406"


def test_there_are_at_most_ten_and_one_can_be_replaced(network: ScriptedNetwork, canister: Principal) -> None:
    """The eleventh is refused unless it takes the place of another; ids are never used twice."""
    snapshots = [take(network, canister) for _ in range(limits.MAX_SNAPSHOTS)]
    refused = network.manage("take_canister_snapshot", {"canister_id": canister})
    assert error_code(refused) == "IC0406"
    replacement = take(network, canister, replace_snapshot=snapshots[3])
    assert replacement not in snapshots
    listed = cast("list[dict[str, bytes]]", network.managed("list_canister_snapshots", {"canister_id": canister}))
    assert [entry["id"] for entry in listed] == [*snapshots[:3], *snapshots[4:], replacement]
    assert error_code(load(network, canister, snapshots[3])) == "IC0305"


def test_snapshots_count_as_the_canister_s_memory(network: ScriptedNetwork, canister: Principal) -> None:
    """The sizes listed add up to what the status tells, and go with the snapshot."""
    before = cast("int", network.status(canister)["memory_size"])
    snapshot = take(network, canister)
    (listed,) = cast("list[dict[str, int]]", network.managed("list_canister_snapshots", {"canister_id": canister}))
    status = network.status(canister)
    assert cast("dict[str, int]", status["memory_metrics"])["snapshots_size"] == listed["total_size"] > 0
    assert status["memory_size"] == before + listed["total_size"]
    network.managed("delete_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})
    assert network.status(canister)["memory_size"] == before


def test_a_snapshot_of_another_canister_is_not_this_one_s(network: ScriptedNetwork, canister: Principal) -> None:
    """It can be loaded by who controls both, but neither deleted, read nor replaced in another's name."""
    other = network.deploy(network.machine.module({}))
    snapshot = take(network, canister)
    for method in ("delete_canister_snapshot", "read_canister_snapshot_metadata"):
        assert error_code(network.manage(method, {"canister_id": other, "snapshot_id": snapshot})) == "IC0406"
    assert error_code(network.manage("take_canister_snapshot", {"canister_id": other, "replace_snapshot": snapshot})) == "IC0406"
    network.canister(other).settings = network.canister(canister).settings
    stranger = network.managed("provisional_create_canister_with_cycles", {}, caller=STRANGER)
    mine = cast("dict[str, Principal]", stranger)["canister_id"]
    response = network.manage("load_canister_snapshot", {"canister_id": mine, "snapshot_id": snapshot}, caller=STRANGER)
    assert error_code(response) == "IC0512"


def test_only_controllers_take_load_and_delete(network: ScriptedNetwork, canister: Principal) -> None:
    """Public visibility is for reading only."""
    snapshot = take(network, canister)
    network.managed("update_settings", {"canister_id": canister, "settings": {"snapshot_visibility": Variant("public")}})
    for method in CONTROLLERS_ONLY:
        argument = {"canister_id": canister} | ({} if method.startswith("take") else {"snapshot_id": snapshot})
        assert error_code(network.manage(method, argument, caller=STRANGER)) == "IC0512", method


@pytest.mark.parametrize("visibility", [Variant("public"), Variant("allowed_viewers", [STRANGER])], ids=["public", "viewers"])
def test_reading_follows_the_visibility(network: ScriptedNetwork, canister: Principal, visibility: Variant) -> None:
    """Strangers see snapshots once the setting lets them, controllers always."""
    snapshot = take(network, canister)
    for method in READING:
        assert isinstance(network.manage(method, reading(method, canister, snapshot), caller=STRANGER), Rejection), method
    network.managed("update_settings", {"canister_id": canister, "settings": {"snapshot_visibility": visibility}})
    for method in READING:
        argument = reading(method, canister, snapshot)
        assert isinstance(network.manage(method, argument, caller=STRANGER), Reply), method
        assert isinstance(network.manage(method, argument, caller=OWNER), Reply), method


def test_deleting_a_canister_deletes_its_snapshots(network: ScriptedNetwork, canister: Principal) -> None:
    """Nobody can load them any more."""
    other = network.deploy(network.machine.module({}))
    snapshot = take(network, canister)
    network.managed("stop_canister", {"canister_id": canister})
    network.managed("delete_canister", {"canister_id": canister})
    assert error_code(load(network, other, snapshot)) == "IC0305"


def test_a_taken_snapshot_tells_timer_and_hook_but_does_not_bring_them(network: ScriptedNetwork, canister: Principal) -> None:
    """Its metadata has them as they were; loading leaves the canister's own."""
    network.canister(canister).global_timer = 99
    network.canister(canister).low_memory_hook = LowMemoryHook.EXECUTED
    snapshot = take(network, canister)
    network.canister(canister).global_timer = 0
    network.canister(canister).low_memory_hook = LowMemoryHook.CONDITION_NOT_SATISFIED
    metadata = cast(
        "dict[str, object]", network.managed("read_canister_snapshot_metadata", {"canister_id": canister, "snapshot_id": snapshot})
    )
    assert metadata["global_timer"] == Variant("active", 99)
    assert metadata["on_low_wasm_memory_hook_status"] == Variant("executed")
    assert isinstance(load(network, canister, snapshot), Reply)
    assert (network.canister(canister).global_timer, network.canister(canister).low_memory_hook) == (0, "condition_not_satisfied")
