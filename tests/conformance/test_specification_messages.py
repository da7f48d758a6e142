"""What one message may do and what becomes of it, as the interface specification has it, over HTTP."""

import pytest

from orchestrator.core.principal import Principal
from tests.support.replica_client import ReplicaClient
from tests.support.universal import Program, numbers
from tests.support.universal_client import Universal, deploy, rejected

CANISTER_REJECT, CANISTER_ERROR = 4, 5
CONTRACT = "IC0504"


@pytest.fixture(scope="module", params=["wasm32", "wasm64"])
def canister(request: pytest.FixtureRequest, network: ReplicaClient) -> Universal:
    """Deploy one canister of each pointer width for the file."""
    return deploy(network, wide=request.param == "wasm64")


def test_replies_are_what_was_appended(canister: Universal) -> None:
    """A reply is all appended bytes in order, in updates and in queries."""
    program = Program().append(b"one ").append(b"two").reply()
    assert [run(program) for run in (canister.update, canister.query, canister.replicated_query, canister.composite)] == [b"one two"] * 4


def test_rejects_carry_the_canisters_words(canister: Universal) -> None:
    """A reject has code 4 and the message that the canister gave."""
    for run in (canister.update, canister.query, canister.replicated_query):
        error = rejected(run, Program().reject("no thanks"))
        assert (error.code, error.message) == (CANISTER_REJECT, "no thanks")


def test_silence_is_an_error_but_keeps_its_writes(canister: Universal) -> None:
    """An update that neither replies nor calls is rejected by the system, and what it wrote stays."""
    error = rejected(canister.update, Program().set_global(77))
    assert (error.code, error.error_code) == (CANISTER_ERROR, "IC0506")
    assert canister.kept() == 77
    assert rejected(canister.query, Program()).error_code == "IC0506"
    assert rejected(canister.replicated_query, Program()).error_code == "IC0506"


@pytest.mark.parametrize(
    "program",
    [
        Program().reply(b"a").reply(b"b"),
        Program().reply(b"a").append(b"b"),
        Program().reply(b"a").reject("b"),
        Program().reject("a").reply(b"b"),
        Program().reject("a").append(b"b"),
        Program().reject("a").reject("b"),
        Program().run("accept_message"),
        Program().answer_value("msg_method_name"),
        Program().answer("msg_reject_code"),
        Program().answer_value("msg_reject_msg"),
        Program().run("call_data_append", b"x"),
        Program().run("call_on_cleanup", 0, 0),
        Program().run("call_cycles_add128", 0, 0),
        Program().run("call_perform"),
        Program().run("call_with_best_effort_response", 1),
        Program().run("certified_data_set", bytes(33)),
        Program().run("msg_reply_data_append", 1 << 30, 1 << 30),
        Program().run("msg_arg_data_copy", 0, 1_000_000, 1),
        Program().run("call_new", bytes(30), b"m", 0, 0, 0, 0),
        Program().run("performance_counter", 9),
        Program().run("is_controller", bytes(30)),
        Program().run("env_var_name_size", 3),
        Program().run("env_var_value_size", b"missing"),
    ],
    ids=lambda _: "program",
)
def test_what_may_not_be_done_traps(canister: Universal, program: Program) -> None:
    """Each of these ends an update with a canister error, undoes its write, and the canister lives on."""
    canister.update(Program().set_global(1).reply())
    error = rejected(canister.update, Program().set_global(2).include(program))
    assert error.code == CANISTER_ERROR
    assert error.error_code == CONTRACT
    assert canister.kept() == 1


def test_traps_say_why_and_undo_everything(canister: Universal) -> None:
    """Memory, globals, stable memory, its size and the size of memory are as they were before a trapping update."""
    canister.update(Program().run("stable64_grow", 1).store_stable(0, b"before").set_cell(0, 5).set_global(5).reply())
    looked = Program().answer_cell(0).answer_global().answer("stable64_size").step("memory_size").answer_top().answer_stable(0, 6).reply()
    before = canister.query(looked)
    change = (
        Program().set_cell(0, 6).set_global(6).run("stable64_grow", 3).store_stable(0, b"after!").push(40).step("memory_grow").step("drop")
    )
    error = rejected(canister.update, change.trap("that was it"))
    assert (error.code, error.error_code) == (CANISTER_ERROR, "IC0503")
    assert "that was it" in error.message
    assert canister.query(looked) == before
    assert before.endswith(b"before")


def test_stable_memory_has_an_end(canister: Universal) -> None:
    """Reading and writing behind it are traps."""
    for program in (Program().run("stable64_write", 1 << 40, b"x"), Program().run("stable64_read", 0, 1 << 40, 1)):
        assert rejected(canister.update, program).error_code == "IC0502"


@pytest.mark.parametrize("operation", ["unreachable", "recurse", "divide_by_zero"])
def test_faults_of_the_code_are_traps(canister: Universal, operation: str) -> None:
    """An unreachable instruction, endless recursion and a division by zero end the message and nothing else."""
    for run in (canister.update, canister.query, canister.composite):
        assert rejected(run, Program().step(operation)).error_code == "IC0502"
    assert canister.query(Program().reply(b"alive")) == b"alive"


def test_queries_change_nothing(canister: Universal) -> None:
    """What a query writes is gone after it, also when it is called as an update, also when memory grew."""
    canister.update(Program().set_global(1).set_cell(1, 1).reply())
    change = Program().set_global(9).set_cell(1, 9).push(70).step("memory_grow").step("drop").run("stable64_grow", 1).reply(b"done")
    assert [run(change) for run in (canister.query, canister.replicated_query, canister.composite)] == [b"done"] * 3
    assert numbers(canister.query(Program().answer_global().answer_cell(1).reply())) == [1, 1]


def test_messages_know_themselves(canister: Universal) -> None:
    """Caller, own id, time, version, status, whether all nodes run it, and the argument are told."""
    program = Program().answer("in_replicated_execution").answer("canister_status").reply()
    assert numbers(canister.update(program)) == numbers(canister.replicated_query(program)) == [1, 1]
    assert numbers(canister.query(program)) == numbers(canister.composite(program)) == [0, 1]
    assert canister.query(Program().answer_value("canister_self").reply()) == canister.id.raw
    for run in (canister.update, canister.query):
        assert run(Program().answer_value("msg_caller").reply()) == canister.client.identity.principal.raw
    argument = Program().answer_value("msg_arg_data").reply()
    assert canister.update(argument) == argument.encode()
    root_key = Program().answer_value("root_key").reply()
    assert canister.update(root_key) == canister.client.root_key
    subnet = Program().answer_value("subnet_self").reply()
    assert canister.query(subnet) == Principal.self_authenticating(canister.client.root_key).raw


def test_time_stands_still_in_a_message_and_moves_on_between(canister: Universal) -> None:
    """Two readings in one message agree; a later message sees a later time."""
    twice = Program().answer("time").answer("time").reply()
    first, second = numbers(canister.update(twice)), numbers(canister.update(twice))
    assert first[0] == first[1] < second[0] == second[1]


def test_the_version_counts_messages(canister: Universal) -> None:
    """Every update raises the canister's version; a query does not."""
    read = Program().answer("canister_version").reply()
    first = numbers(canister.query(read))[0]
    assert numbers(canister.query(read))[0] == first
    canister.update(Program().reply())
    assert numbers(canister.query(read))[0] > first


def test_controllers_are_known(canister: Universal) -> None:
    """is_controller tells the controller from others, and from the canister itself."""
    mine, other = canister.client.identity.principal.raw, b"\x04"
    program = Program().answer("is_controller", mine).answer("is_controller", other).answer("is_controller", canister.id.raw).reply()
    assert numbers(canister.query(program)) == [1, 0, 0]


def test_debug_print_never_traps(canister: Universal) -> None:
    """Printing works in every mode, also from addresses outside memory."""
    program = Program().run("debug_print", b"printed").run("debug_print", 1 << 30, 1 << 30).reply(b"on")
    assert [run(program) for run in (canister.update, canister.query, canister.composite)] == [b"on"] * 3


def test_missing_methods_are_named(canister: Universal) -> None:
    """A method that is not there is rejected with the code of the reference and its name."""
    with pytest.raises(Exception, match="nothing_like_it") as caught:
        canister.client.call(canister.id, "nothing_like_it", b"")
    assert getattr(caught.value, "error_code", None) == "IC0536"
    with pytest.raises(Exception, match="nothing_like_it"):
        canister.client.query(canister.id, "nothing_like_it", b"")
    with pytest.raises(Exception, match="update"):
        canister.client.query(canister.id, "update", Program().reply().encode())


def test_stable_memory_has_two_interfaces(network: ReplicaClient) -> None:
    """Both see the same bytes; the narrow one traps once stable memory is larger than 4 GiB."""
    narrow = deploy(network)
    grow = Program().answer("stable_grow", 1).answer("stable64_grow", 1).answer("stable_size").answer("stable64_size").reply()
    assert numbers(narrow.update(grow)) == [0, 1, 2, 2]
    narrow.update(Program().run("stable_write", 0, b"narrow").reply())
    assert narrow.query(Program().answer_stable(0, 6).reply()) == b"narrow"
    assert numbers(narrow.update(Program().answer("stable_grow", 65_535).reply())) == [0xFFFF_FFFF]
    assert numbers(narrow.update(Program().answer("stable64_grow", 65_535).reply())) == [2]
    for program in (Program().answer("stable_size"), Program().answer("stable_grow", 1), Program().run("stable_read", 0, 0, 1)):
        assert rejected(narrow.update, program).code == CANISTER_ERROR
    assert numbers(narrow.query(Program().answer("stable64_size").reply())) == [65_537]
    assert narrow.query(Program().answer_stable(0, 6).reply()) == b"narrow"
