"""Bounded waits and the hook for little memory: what time and growth do to calls and canisters."""

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.canister import LowMemoryHook
from orchestrator.replica.fees import APPLICATION_SUBNET, frozen_cycles
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.vm.interface import Callback, MessageKind, Reply
from tests.support.scripted_machine import WASM_PAGE, Function, Run, answer, ignore
from tests.support.scripted_network import SECOND, ScriptedNetwork

ON_REPLY, ON_REJECT, ON_CLEANUP = Callback(1, 0), Callback(2, 0), Callback(3, 0)
GIB = 1024**3


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def make_pair(network: ScriptedNetwork, work: Function, *, functions: dict[int, Function] | None = None) -> tuple[Principal, Principal]:
    """Deploy a callee and a caller whose `go` attaches 100 cycles and waits for 10 seconds; its callbacks note what came."""
    callee = network.deploy(network.machine.module({"canister_update work": work, "canister_query ask": work}))

    def go(run: Run) -> None:
        run.memory.pop("ended", None)
        method = run.message.arg.decode() or "work"
        run.call(callee.raw, method, cycles=100, on_reply=ON_REPLY, on_reject=ON_REJECT, on_cleanup=ON_CLEANUP, timeout_seconds=10)

    def note(run: Run) -> None:
        assert "ended" not in run.memory, "a callback runs once"
        run.memory["ended"] = [run.message.reject_code, run.message.cycles_refunded]
        run.reply(run.message.arg or run.message.reject_message.encode())

    own: dict[int, Function] = {1: note, 2: note, 3: ignore, **(functions or {})}
    return network.deploy(network.machine.module({"canister_update go": go}, functions=own)), callee


def memory_of(network: ScriptedNetwork, canister: Principal) -> dict[str, object]:
    """Return what a canister has written."""
    memory = vars(network.canister(canister).instance)["memory"]
    assert isinstance(memory, dict)
    return memory


def test_a_call_that_expires_in_the_queue_never_starts(network: ScriptedNetwork) -> None:
    """The caller hears SYS_UNKNOWN with nothing refunded, the callee does not run, and the cycles are lost."""
    ran: list[int] = []

    def work(run: Run) -> None:
        ran.append(1)
        run.reply()

    caller, callee = make_pair(network, work)
    before = network.canister(caller).cycles, network.canister(callee).cycles
    request = network.submit(caller, "go")
    network.replica.run(1)
    network.time.now += 11 * SECOND
    network.run()
    assert network.response(request) == Reply(b"IC0601: Call deadline has expired.")
    assert memory_of(network, caller)["ended"] == [6, 0]
    assert not ran
    assert (network.canister(caller).cycles, network.canister(callee).cycles) == (before[0] - 100, before[1])


def test_an_answer_after_the_deadline_is_lost(network: ScriptedNetwork) -> None:
    """What the callee answers late, and the cycles that would come back with it, reach nobody; callbacks run once."""

    def wait(run: Run) -> None:
        run.call(run.view.id, "ask", on_reply=ON_REPLY, on_reject=ON_REJECT)

    late = network.machine.module(
        {"canister_update work": wait, "canister_query ask": answer(b"")}, functions={1: lambda run: run.reply(b"late"), 2: ignore}
    )
    caller, callee = make_pair(network, ignore)
    network.managed("uninstall_code", {"canister_id": callee})
    network.install(callee, late)
    before = network.canister(caller).cycles
    request = network.submit(caller, "go")
    network.replica.run(2)
    network.time.now += 11 * SECOND
    for _ in range(3):
        network.replica.tick()
    network.run()
    assert network.response(request) == Reply(b"IC0601: Call deadline has expired.")
    assert memory_of(network, caller)["ended"] == [6, 0]
    assert network.canister(caller).cycles == before - 100
    assert not network.state.contexts
    assert not network.state.callbacks


def test_only_updates_and_their_callbacks_see_the_deadline(network: ScriptedNetwork) -> None:
    """A query method that is called with a bounded wait sees none, as the specification says."""
    caller, _ = make_pair(network, lambda run: run.reply(b"%d %s" % (run.message.deadline > 0, run.message.kind.encode())))
    answers = [network.call(caller, "go", arg) for arg in (b"work", b"ask")]
    assert answers == [Reply(b"1 update"), Reply(b"0 replicated_query")]


def test_cleanup_knows_why_the_callback_ran(network: ScriptedNetwork) -> None:
    """Cleanup has the reject code, no argument and no cycles; what it counts goes on where the callback stopped."""
    seen: list[object] = []

    def clean(run: Run) -> None:
        seen.extend([run.message.kind, run.message.reject_code, run.message.arg, run.message.cycles_available])
        seen.append(run.message.context_instructions)

    def trap(run: Run) -> None:
        run.outcome.instructions = 40
        run.trap()

    caller, _ = make_pair(network, lambda run: run.reject("no"), functions={2: trap, 3: clean})
    network.call(caller, "go")
    assert seen == [MessageKind.CLEANUP, 4, b"", 0, 42]


def grower(network: ScriptedNetwork, hook: Function, *, threshold: int = GIB) -> Principal:
    """Deploy a canister whose `set` sets its size in GiB (of 4 GiB) and whose hook runs below a threshold of free bytes."""

    def set_size(run: Run) -> None:
        run.memory["pages"] = int(run.message.arg) * GIB // WASM_PAGE
        run.reply()

    canister = network.deploy(
        network.machine.module({"canister_update set": set_size, "canister_update other": answer(b""), "canister_on_low_wasm_memory": hook})
    )
    network.managed("update_settings", {"canister_id": canister, "settings": {"wasm_memory_threshold": threshold}})
    return canister


def test_the_hook_runs_once_before_the_next_message(network: ScriptedNetwork) -> None:
    """Growing into the threshold runs the hook, once, before whatever waits; shrinking and growing again runs it again."""
    order: list[str] = []
    canister = grower(network, lambda run: order.append(run.message.kind))
    requests = [network.submit(canister, method, arg) for method, arg in (("set", b"2"), ("set", b"4"), ("other", b""))]
    network.replica.run(2)
    assert network.canister(canister).low_memory_hook is LowMemoryHook.READY
    assert order == []
    network.replica.run(1)
    assert order == ["system_task"]
    assert network.response(requests[2]) is None
    network.run()
    network.call(canister, "other")
    assert order == ["system_task"]
    assert network.canister(canister).low_memory_hook is LowMemoryHook.EXECUTED
    network.call(canister, "set", b"1")
    assert network.canister(canister).low_memory_hook is LowMemoryHook.CONDITION_NOT_SATISFIED
    network.call(canister, "set", b"4")
    assert order == ["system_task", "system_task"]


def test_the_hook_of_a_stopped_canister_waits(network: ScriptedNetwork) -> None:
    """While the canister is stopped the hook does not run; when it is started it does, though nothing else happens."""
    order: list[str] = []
    canister = grower(network, lambda run: order.append(run.message.kind), threshold=0)
    network.call(canister, "set", b"4")
    network.managed("stop_canister", {"canister_id": canister})
    network.managed("update_settings", {"canister_id": canister, "settings": {"wasm_memory_threshold": GIB}})
    network.replica.tick()
    network.run()
    assert order == []
    network.managed("start_canister", {"canister_id": canister})
    network.replica.tick()
    network.run()
    assert order == ["system_task"]


def test_a_trapping_hook_is_undone_and_not_repeated(network: ScriptedNetwork) -> None:
    """What a hook wrote before it trapped is gone, and it does not run again."""
    runs: list[int] = []

    def hook(run: Run) -> None:
        runs.append(1)
        run.memory["lost"] = True
        run.trap()

    canister = grower(network, hook)
    network.call(canister, "set", b"4")
    network.call(canister, "other")
    assert runs == [1]
    assert "lost" not in memory_of(network, canister)


def test_code_that_is_being_installed_sees_the_coming_version(network: ScriptedNetwork) -> None:
    """`canister_pre_upgrade` sees the old version, `canister_post_upgrade` and `canister_init` the new one."""
    seen: list[tuple[str, int]] = []

    def look(run: Run) -> None:
        seen.append((run.message.kind, run.view.version))

    entries = {f"canister_{name}": look for name in ("init", "pre_upgrade", "post_upgrade")}
    canister = network.deploy(network.machine.module(entries))
    version = network.canister(canister).version
    network.install(canister, network.machine.module(entries), mode=Variant("upgrade"))
    assert seen == [("init", version), ("pre_upgrade", version), ("post_upgrade", version + 1)]
    assert network.canister(canister).version == version + 1


def test_a_timer_without_code_for_it_stays(network: ScriptedNetwork) -> None:
    """A timer that is due in a canister that exports no function for it is left as it is."""

    def arm(run: Run) -> None:
        run.outcome.global_timer = 1
        run.reply()

    canister = network.deploy(network.machine.module({"canister_update arm": arm}))
    network.call(canister, "arm")
    network.replica.tick()
    assert network.canister(canister).global_timer == 1
    assert not network.state.queue


def test_a_frozen_canister_keeps_its_timer_and_its_hook() -> None:
    """Below the freezing threshold neither runs and neither is used up; with cycles again both run, once."""
    network = ScriptedNetwork(fees=APPLICATION_SUBNET)
    ran: list[str] = []

    def arm(run: Run) -> None:
        run.outcome.global_timer = run.message.now + SECOND
        run.memory["pages"] = 4 * GIB // WASM_PAGE
        run.reply()

    exports: dict[str, Function] = {
        "canister_update arm": arm,
        "canister_global_timer": lambda _: ran.append("timer"),
        "canister_on_low_wasm_memory": lambda _: ran.append("hook"),
    }
    canister = network.deploy(network.machine.module(exports))
    network.call(canister, "arm")
    record = network.canister(canister)
    network.managed("update_settings", {"canister_id": canister, "settings": {"wasm_memory_threshold": GIB}})
    enough, record.cycles = record.cycles, frozen_cycles(record, APPLICATION_SUBNET) // 2
    network.time.now += 2 * SECOND
    for _ in range(2):
        network.replica.tick()
        network.run()
    assert ran == []
    assert (record.global_timer > 0, record.low_memory_hook) == (True, LowMemoryHook.READY)
    record.cycles = enough
    for _ in range(2):
        network.replica.tick()
        network.run()
    assert sorted(ran) == ["hook", "timer"]


def test_calls_under_way_are_counted_by_callee(network: ScriptedNetwork) -> None:
    """A canister sees how many of its calls wait, by callee, until they end; a restart counts them again."""
    seen: list[dict[bytes, int]] = []

    def go(run: Run) -> None:
        seen.append(dict(run.view.open_calls))
        for target in (callee, callee, network_id):
            run.call(target, "work", on_reply=ON_REPLY, on_reject=ON_REPLY)

    callee = network.deploy(network.machine.module({"canister_update work": answer(b"")})).raw
    network_id = b"\x05\x01\x01"
    canister = network.deploy(network.machine.module({"canister_update go": go}, functions={1: lambda run: run.reply()}))
    for _ in range(2):
        network.submit(canister, "go")
    network.replica.run(2)
    assert seen == [{}, {callee: 2, network_id: 1}]
    assert network.state.open_calls_of(canister.raw) == {callee: 4, network_id: 2}
    again = ReplicaState(contexts=network.state.contexts, callbacks=network.state.callbacks)
    assert again.open_calls_of(canister.raw) == {callee: 4, network_id: 2}
    network.run()
    assert network.state.open_calls_of(canister.raw) == {}
