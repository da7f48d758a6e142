"""Cycles are never made from nothing and never lost: what canisters have and what was taken from them add up.

The canisters are real ones, and pay the prices of an application subnet; their programs are random.
"""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.principal import Principal
from orchestrator.replica.fees import APPLICATION_SUBNET
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.scripted_network import SECOND, ScriptedNetwork
from tests.support.universal import Program
from tests.support.universal_module import universal_canister

CANISTERS = 3
TRILLION = 10**12
IDS = tuple(Principal((0x8000_0000_0010_0000 + number).to_bytes(8, "big") + b"\x01\x01") for number in range(CANISTERS))
NOBODY = Principal((0x8000_0000_001F_0000).to_bytes(8, "big") + b"\x01\x01")

amounts = st.sampled_from([0, 1, 10**9, TRILLION, 90 * TRILLION])
endings = st.sampled_from(["reply", "reject", "trap", "silence"])


@cache
def machine() -> WasmMachine:
    """Return the machine that all examples share; it knows the module."""
    return WasmMachine()


def end(program: Program, ending: str) -> Program:
    """Finish a program in one of the ways to finish."""
    match ending:
        case "reply":
            return program.reply()
        case "reject":
            return program.reject("no")
        case "trap":
            return program.trap("no")
        case _:
            return program


def accept(amount: int) -> Program:
    """Return a program that accepts cycles."""
    return Program().run("msg_cycles_accept128", 0, amount, 256)


leaves = st.builds(lambda amount, ending: end(accept(amount), ending), amounts, endings)


def calling(inner: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
    """Return programs that accept cycles, burn some, and call another canister, which may not exist, with some."""

    def build(accepted: int, burned: int, callee: Principal, cycles: int, other_side: Program, ending: str) -> Program:
        program = accept(accepted).run("cycles_burn128", 0, burned, 256)
        return program.send(callee, "update", other_side, cycles=cycles, reply=end(Program(), ending), reject=end(Program(), ending))

    return st.builds(build, amounts, st.sampled_from([0, 10**9]), st.sampled_from([*IDS, NOBODY]), amounts, inner, endings)


programs = st.recursive(leaves, calling, max_leaves=4)
lives = st.lists(st.tuples(st.integers(0, CANISTERS - 1), programs, st.booleans()), min_size=1, max_size=4)


@settings(max_examples=20)
@given(lives, st.sampled_from([100 * TRILLION, TRILLION // 2, 50 * 10**9]))
def test_cycles_add_up(life: list[tuple[int, Program, bool]], start: int) -> None:
    """Whatever canisters do to each other, and however poor they are: nothing appears, nothing vanishes, nothing is negative."""
    network = ScriptedNetwork(machine=machine(), fees=APPLICATION_SUBNET)  # type: ignore[arg-type]  # any machine will do
    for canister in IDS:
        assert network.create() == canister
        network.install(canister, universal_canister())
    records = [network.canister(canister) for canister in IDS]
    for record in records:
        record.cycles = start
    before = sum(record.cycles + sum(record.consumed.values()) for record in records)
    network.replica.tick()
    for index, program, waits in life:
        network.call(IDS[index], "update", program.encode())
        if waits:
            network.time.now += 30 * SECOND
            network.replica.tick()
            network.run()
        assert sum(record.cycles + sum(record.consumed.values()) for record in records) == before
        assert all(record.cycles >= 0 for record in records)
