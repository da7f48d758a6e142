"""Installing, upgrading and what runs by itself, as the interface specification has it."""

from collections.abc import Callable

import pytest

from orchestrator.candid import Variant
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.universal import Program, numbers
from tests.support.universal_client import Universal, deploy, rejected
from tests.support.universal_module import universal_canister

pytestmark = pytest.mark.slow

MAX_POLLS = 20_000
LOOK = Program().answer_global().answer_cell(0).answer("stable64_size").answer_stable(0, 4).reply()


@pytest.fixture(params=["wasm32", "wasm64"])
def canister(request: pytest.FixtureRequest, network: ReplicaClient) -> Universal:
    """Deploy a canister with something in memory, in a global and in stable memory."""
    made = deploy(network, wide=request.param == "wasm64")
    made.update(Program().set_global(5).set_cell(0, 6).run("stable64_grow", 1).store_stable(0, b"kept").reply())
    return made


def failure(run: Callable[[], None]) -> CallRejectedError:
    """Return the reject of an installation."""
    with pytest.raises(CallRejectedError) as caught:
        run()
    return caught.value


def poll(canister: Universal, program: Program, accept: Callable[[list[int]], bool]) -> list[int]:
    """Query until the numbers are as wanted."""
    seen = (numbers(canister.query(program)) for _ in range(MAX_POLLS))
    return next(found for found in seen if accept(found))


def test_an_upgrade_keeps_stable_memory_only(canister: Universal) -> None:
    """Memory and globals begin anew; what post_upgrade wrote is there."""
    canister.upgrade(Program().set_global(50))
    assert canister.query(LOOK) == bytes([50, *bytes(7)]) + bytes(8) + bytes([1, *bytes(7)]) + b"kept"


def test_pre_upgrade_saves(canister: Universal) -> None:
    """What pre_upgrade writes into stable memory is seen by post_upgrade; skipping it leaves the old bytes."""
    canister.update(Program().on("pre_upgrade", Program().store_stable(0, b"save")).reply())
    skip = Variant("upgrade", {"skip_pre_upgrade": True, "wasm_memory_persistence": None})
    after = Program().run("stable64_read", 512, 0, 4)
    canister.client.install(canister.id, canister.module, mode=skip, arg=after.encode())
    assert canister.query(Program().answer_cell(0).reply())[:4] == b"kept"
    canister.update(Program().on("pre_upgrade", Program().store_stable(0, b"save")).reply())
    canister.upgrade(after)
    assert canister.query(Program().answer_cell(0).reply())[:4] == b"save"


BAD_ENDINGS = {
    "trap": Program().trap("not today"),
    "call": Program().run("call_new", b"", b"raw_rand", 0, 0, 0, 0),
    "reply": Program().reply(b"x"),
    "reject": Program().reject("x"),
    "unreachable": Program().step("unreachable"),
    "endless recursion": Program().step("recurse"),
}


@pytest.mark.parametrize("ending", BAD_ENDINGS)
@pytest.mark.parametrize("moment", ["pre_upgrade", "post_upgrade"])
def test_a_failed_upgrade_leaves_everything_as_it_was(canister: Universal, moment: str, ending: str) -> None:
    """Code, memory, globals, stable memory and its size, certified data, timer and version of the module stay."""
    damage = Program().set_global(9).set_cell(0, 9).run("stable64_grow", 7).store_stable(0, b"lost").run("certified_data_set", b"bad")
    damage.run("global_timer_set", 1).include(BAD_ENDINGS[ending])
    canister.update(
        Program().run("certified_data_set", b"good").on("pre_upgrade", damage if moment == "pre_upgrade" else Program()).reply()
    )
    before, hash_before = canister.query(LOOK), canister.client.status(canister.id)["module_hash"]
    other = universal_canister(wide=not canister.module.startswith(universal_canister()), heartbeat=True)
    arg = damage.encode() if moment == "post_upgrade" else Program().encode()
    error = failure(lambda: canister.client.install(canister.id, other, mode=Variant("upgrade", None), arg=arg))
    assert error.code == 5
    assert canister.query(LOOK) == before
    assert canister.client.status(canister.id)["module_hash"] == hash_before
    assert numbers(canister.update(Program().answer("global_timer_set", 0).reply())) == [0]
    assert b"good" in canister.query(Program().answer_value("data_certificate").reply())
    assert canister.update(Program().set_global(6).reply(b"alive")) == b"alive"


@pytest.mark.parametrize("ending", BAD_ENDINGS)
def test_a_failed_reinstall_leaves_everything_as_it_was(canister: Universal, ending: str) -> None:
    """A trap in init undoes the reinstallation; for an empty canister it stays empty."""
    before = canister.query(LOOK)
    assert failure(lambda: canister.reinstall(Program().set_global(9).include(BAD_ENDINGS[ending]))).code == 5
    assert canister.query(LOOK) == before
    empty = canister.client.create()
    assert failure(lambda: canister.client.install(empty, canister.module, arg=BAD_ENDINGS[ending].encode())).code == 5
    assert canister.client.status(empty)["module_hash"] is None


def test_a_reinstall_begins_anew(canister: Universal) -> None:
    """Memory, globals, stable memory and certified data are as new."""
    canister.update(Program().run("certified_data_set", b"old data").reply())
    canister.reinstall(Program().set_cell(0, 3))
    assert numbers(canister.query(Program().answer_global().answer_cell(0).answer("stable64_size").reply())) == [0, 3, 0]
    assert b"old data" not in canister.query(Program().answer_value("data_certificate").reply())


def test_uninstalling_empties(canister: Universal) -> None:
    """Calls are refused, and what is installed next begins anew."""
    canister.client.manage("uninstall_code", {"canister_id": canister.id, "sender_canister_version": None})
    assert rejected(canister.update, Program().reply()).error_code == "IC0537"
    assert rejected(canister.query, Program().reply()).error_code == "IC0537"
    canister.client.install(canister.id, canister.module, arg=b"")
    assert numbers(canister.query(Program().answer_global().answer("stable64_size").reply())) == [0, 0]


def test_init_knows_its_caller_and_itself(network: ReplicaClient) -> None:
    """Caller, own id, time, version and controllers are there in init and post_upgrade."""
    note = Program().run("msg_caller_copy", 512, 0, 29).keep(10, "msg_caller_size").keep(11, "time").keep(12, "in_replicated_execution")
    note.keep(13, "canister_self_size").keep(14, "is_controller", network.identity.principal.raw)
    read = Program().run("msg_reply_data_append", 512, 29)
    for cell in range(10, 15):
        read.answer_cell(cell)
    read.reply()
    canister = deploy(network, note)
    for change in (None, canister.upgrade, canister.reinstall):
        if change is not None:
            change(note)
        reply = canister.query(read)
        assert reply[:29] == network.identity.principal.raw
        assert numbers(reply[29:])[::2] == [29, 1, 1]


def test_a_timer_fires_once(network: ReplicaClient) -> None:
    """The timer that an update set runs its handler once, and setting it tells what was set before."""
    canister = deploy(network)
    canister.update(Program().on("global_timer", Program().add_to_cell(0, 1).keep(1, "global_timer_set", 0)).reply())
    far = 1 << 62
    assert numbers(canister.update(Program().answer("global_timer_set", far).answer("global_timer_set", 1).reply())) == [0, far]
    assert poll(canister, Program().answer_cell(0).answer_cell(1).reply(), lambda found: found[0] > 0) == [1, 0]


def test_a_timers_trap_is_undone_and_it_does_not_fire_again(network: ReplicaClient) -> None:
    """What a trapping handler wrote is gone; the next timer that is set fires."""
    canister = deploy(network)
    canister.update(Program().on("global_timer", Program().set_cell(0, 9).trap("late")).run("global_timer_set", 1).reply())
    poll(canister, Program().answer("canister_version").reply(), bool)
    canister.update(Program().on("global_timer", Program().set_cell(1, 1)).run("global_timer_set", 1).reply())
    assert poll(canister, Program().answer_cell(0).answer_cell(1).reply(), lambda found: found[1] > 0) == [0, 1]


def test_an_upgrade_and_a_reinstall_stop_the_timer(network: ReplicaClient) -> None:
    """Afterwards none is set, unless the new code sets one."""
    canister = deploy(network)
    for change in (canister.upgrade, canister.reinstall):
        canister.update(Program().run("global_timer_set", 1 << 62).reply())
        change(Program())
        assert numbers(canister.update(Program().answer("global_timer_set", 0).reply())) == [0]
    canister.upgrade(Program().run("global_timer_set", 1 << 62))
    assert numbers(canister.update(Program().answer("global_timer_set", 0).reply())) == [1 << 62]


def test_timers_may_call(network: ReplicaClient) -> None:
    """A timer's handler calls another canister and goes on in its callback."""
    canister, other = deploy(network), deploy(network)
    handler = Program().send(other.id, "update", Program().set_global(3).reply(), reply=Program().set_cell(0, 4), reject=Program())
    canister.update(Program().on("global_timer", handler).run("global_timer_set", 1).reply())
    assert poll(canister, Program().answer_cell(0).reply(), lambda found: found[0] > 0) == [4]
    assert other.kept() == 3


def test_heartbeats_beat(network: ReplicaClient) -> None:
    """A canister with a heartbeat runs it by itself, again and again, and one that traps changes nothing."""
    canister = deploy(network, Program().on("heartbeat", Program().add_to_cell(0, 1)), heartbeat=True)
    assert poll(canister, Program().answer_cell(0).reply(), lambda found: found[0] > 0)[0] >= 1
    canister.update(Program().on("heartbeat", Program().set_cell(0, 0).trap("skip")).reply())
    assert numbers(canister.query(Program().answer_cell(0).reply()))[0] >= 1
