"""A network whose canister is busy: the HTTP side goes on, and nobody waits for ever."""

import threading
from collections.abc import Iterator

import pytest

from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import RunningReplica
from tests.support.vm import module

EMPTY = b"DIDL\x00\x00"
SPINS = 300_000_000
BUSY = f"""
(func $spin (local $left i32)
  (local.set $left (i32.const {SPINS}))
  (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $msg_reply))
(func (export "canister_update spin") (call $spin))
(func (export "canister_query spin_for_ever") (loop $again (br $again)))
(func (export "canister_update call_myself")
  (call $canister_self_copy (i32.const 0) (i32.const 0) (call $canister_self_size))
  (call $call_new (i32.const 0) (call $canister_self_size) (i32.const 64) (i32.const 11)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
  (drop (call $call_perform)))
(data (i32.const 64) "call_myself")
(table 1 funcref)
(elem (i32.const 0) $callback)
(func $callback (param i32))
"""
IMPORTS = ("msg_reply", "canister_self_size", "canister_self_copy", "call_new", "call_perform")


@pytest.fixture
def client(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client of the network."""
    with ReplicaClient(replica.url, replica.root_key) as made:
        yield made


def test_the_status_is_answered_while_a_canister_runs(replica: RunningReplica, client: ReplicaClient) -> None:
    """A long update keeps nobody from the status page."""
    canister = client.create()
    client.install(canister, module(IMPORTS, BUSY))
    replies: list[bytes] = []

    def spin() -> None:
        with ReplicaClient(replica.url, replica.root_key, client.identity) as other:
            replies.append(other.call(canister, "spin", EMPTY))

    thread = threading.Thread(target=spin)
    thread.start()
    answered = 0
    while thread.is_alive():
        answered += client.http.get("/api/v2/status").status_code == 200 and not replies
    thread.join()
    assert replies == [b""]
    assert answered > 10


@pytest.mark.slow
def test_an_endless_query_ends_at_the_instruction_limit(client: ReplicaClient) -> None:
    """A query that never returns is rejected with the reference's code."""
    canister = client.create()
    client.install(canister, module(IMPORTS, BUSY))
    with pytest.raises(CallRejectedError) as caught:
        client.query(canister, "spin_for_ever", EMPTY)
    assert caught.value.error_code == "IC0522"


def test_canisters_that_call_for_ever_leave_room_for_others(client: ReplicaClient) -> None:
    """A canister that calls itself without end keeps neither queries nor updates of others waiting, nor a stop of the process."""
    endless, other = client.create(), client.create()
    client.install(endless, module(IMPORTS, BUSY))
    client.install(other, module(("msg_reply",), '(func (export "canister_update hello") (call $msg_reply))'))
    request = client.prepare(endless, "call_myself", EMPTY)
    assert client.post(f"/api/v2/canister/{endless}/call", request.body).status_code == 202
    assert [client.call(other, "hello", EMPTY) for _ in range(3)] == [b""] * 3
    client.manage("uninstall_code", {"canister_id": endless})
    answer = client.submit(request, endless)
    with pytest.raises(CallRejectedError, match="uninstalled"):
        client.finish(request, answer)
