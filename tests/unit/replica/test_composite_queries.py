"""Composite queries: what their callbacks see, what traps undo, and whom they may ask."""

from dataclasses import replace

import pytest

from orchestrator.candid import decode
from orchestrator.core.principal import Principal
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.replica import UserCall
from orchestrator.replica.vm.interface import Callback, MessageKind, Reply
from tests.support.scripted_machine import Function, Run, answer
from tests.support.scripted_network import EXPIRY, OWNER, ScriptedNetwork, encode_argument, signature

ON_REPLY, ON_REJECT, ON_CLEANUP = Callback(1, 0), Callback(2, 0), Callback(3, 0)


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def query(network: ScriptedNetwork, canister: Principal, method: str = "ask") -> Response:
    """Evaluate a query of the owner, who is told of by a canister."""
    return network.replica.query(canister.raw, method, b"arg", OWNER.raw, caller_info_data=b"told", caller_info_signer=b"by")


def deploy(network: ScriptedNetwork, ask: Function, functions: dict[int, Function], **queries: Function) -> Principal:
    """Deploy a canister with a composite query `ask`, callbacks, and plain queries."""
    exports = {"canister_composite_query ask": ask, **{f"canister_query {name}": function for name, function in queries.items()}}
    return network.deploy(network.machine.module(exports, functions=functions))


def calling(*callees: tuple[Principal, str], clean: bool = True) -> Function:
    """Make a function that writes to memory and calls."""

    def ask(run: Run) -> None:
        run.memory["asked"] = True
        for callee, method in callees:
            run.call(callee.raw, method, on_reply=ON_REPLY, on_reject=ON_REJECT, on_cleanup=ON_CLEANUP if clean else None)

    return ask


def test_cleanup_runs_after_a_trapping_callback(network: ScriptedNetwork) -> None:
    """The callback's writes are undone, the query's stay, cleanup knows why, and the rest of the query goes on."""
    seen: list[object] = []

    def back(run: Run) -> None:
        if run.message.arg == b"first":
            run.memory["lost"] = True
            run.trap("at first")
        else:
            run.reply(",".join(sorted(run.memory)).encode())

    def clean(run: Run) -> None:
        seen.extend([run.message.kind, run.message.reject_code, run.message.arg, run.message.caller, dict(run.memory)])
        run.memory["cleaned"] = True

    callee = deploy(network, answer(b""), {}, one=answer(b"first"), two=answer(b"second"))
    canister = deploy(network, calling((callee, "one"), (callee, "two")), {1: back, 3: clean})
    assert query(network, canister) == Reply(b"asked,cleaned")
    assert seen == [MessageKind.COMPOSITE_CLEANUP, 0, b"", OWNER.raw, {"asked": True}]


@pytest.mark.parametrize("cleanup_traps", [False, True])
@pytest.mark.parametrize("clean", [False, True])
def test_a_trapping_callback_ends_the_query(network: ScriptedNetwork, *, clean: bool, cleanup_traps: bool) -> None:
    """Without further calls the user hears of the callback's trap, whatever cleanup does."""
    functions: dict[int, Function] = {1: lambda run: run.trap("here"), 3: lambda run: run.trap("there") if cleanup_traps else None}
    callee = deploy(network, answer(b""), {}, one=answer(b""))
    response = query(network, deploy(network, calling((callee, "one"), clean=clean), functions))
    assert isinstance(response, Rejection)
    assert (response.code, response.error_code) == (5, "IC0503")
    assert "'here'" in response.message


def test_callbacks_see_the_caller_and_what_was_counted(network: ScriptedNetwork) -> None:
    """A callback has its query's caller and caller info; its second counter leaves out what callees executed."""
    seen: list[object] = []

    def back(run: Run) -> None:
        message = run.message
        seen.append((message.caller, message.caller_info_data, message.caller_info_signer, message.context_instructions))
        run.reply()

    def busy(run: Run) -> None:
        seen.append((run.message.caller, run.message.caller_info_data))
        run.outcome.instructions = 1000
        run.reply()

    callee = deploy(network, answer(b""), {}, one=busy)
    canister = deploy(network, calling((callee, "one")), {1: back})
    assert query(network, canister) == Reply(b"")
    assert seen == [(canister.raw, b""), (OWNER.raw, b"told", b"by", 1)]


def test_the_certificate_is_the_target_canisters(network: ScriptedNetwork) -> None:
    """The target has it also when it is asked by way of another canister; callbacks and other canisters have none."""
    seen: list[tuple[str, bool]] = []

    def note(name: str) -> Function:
        def look(run: Run) -> None:
            seen.append((name, run.message.data_certificate is not None))
            run.reply()

        return look

    root = network.create()
    other = deploy(network, calling((root, "own")), {1: note("other's callback")}, one=note("other"))

    def ask(run: Run) -> None:
        note("root")(run)
        run.outcome.response = None
        calling((other, "one"), (other, "ask"))(run)

    def back(run: Run) -> None:
        note("root's callback")(run)
        if len(seen) < 5:
            run.outcome.response = None

    network.install(
        root, network.machine.module({"canister_composite_query ask": ask, "canister_query own": note("root again")}, functions={1: back})
    )
    assert query(network, root) == Reply(b"")
    assert dict(seen) == {"root": True, "other": False, "root's callback": False, "root again": True, "other's callback": False}


def test_the_management_canister_can_be_asked(network: ScriptedNetwork) -> None:
    """A composite query reads its own status there, with its own rights; other methods and other canisters are refused."""
    stranger = network.create()

    def ask(method: str, *, about: Principal | None) -> Function:
        def ask(run: Run) -> None:
            target = about or Principal(run.view.id)
            argument = encode_argument(method, {"canister_id": target})
            run.call(b"", method, argument, on_reply=ON_REPLY, on_reject=ON_REJECT)

        return ask

    def back(run: Run) -> None:
        run.reply(run.message.arg)

    def failed(run: Run) -> None:
        run.reject(run.message.reject_message)

    functions: dict[int, Function] = {1: back, 2: failed}
    response = query(network, deploy(network, ask("canister_status", about=None), functions))
    assert isinstance(response, Reply)
    (status,) = decode(response.data, signature("canister_status")[1])
    assert isinstance(status, dict)
    assert "module_hash" in status
    for refused in (ask("canister_status", about=stranger), ask("stop_canister", about=None)):
        assert isinstance(query(network, deploy(network, refused, functions)), Rejection)


def test_inspect_message_is_told_of_the_caller(network: ScriptedNetwork) -> None:
    """The caller info of an update call reaches `canister_inspect_message`, the update, and its callbacks."""
    seen: list[tuple[str, bytes, bytes]] = []

    def note(run: Run) -> None:
        seen.append((run.message.kind, run.message.caller_info_data, run.message.caller_info_signer))
        run.outcome.accepted = True

    def go(run: Run) -> None:
        note(run)
        run.call(callee.raw, "work", on_reply=ON_REPLY, on_reject=ON_REPLY)

    def back(run: Run) -> None:
        note(run)
        run.reply()

    callee = network.deploy(network.machine.module({"canister_update work": back}))
    exports = {"canister_inspect_message": note, "canister_update go": go}
    canister = network.deploy(network.machine.module(exports, functions={1: back}))
    plain = UserCall(
        request_id=b"\x77" * 32,
        sender=OWNER.raw,
        canister_id=canister.raw,
        method="go",
        arg=b"",
        expiry=EXPIRY,
        effective_id=canister.raw,
    )
    call = replace(plain, caller_info_data=b"told", caller_info_signer=b"by")
    assert network.replica.accept(call) is None
    network.replica.enqueue(call)
    network.run()
    told = [("inspect_message", b"told", b"by"), ("update", b"told", b"by"), ("update", b"", b""), ("reply_callback", b"told", b"by")]
    assert seen == told
