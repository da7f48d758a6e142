"""The control channel of a network that runs: who may stop it, and a clock that can be moved."""

import json
import socket
from pathlib import Path

import httpx
import pytest

from orchestrator.protocol.hash_tree import Found
from tests.support.replica_client import ReplicaClient
from tests.support.replica_modules import alarm, counter
from tests.support.replica_process import RunningReplica, running_replica, start_replica

EMPTY = b"DIDL\x00\x00"
HOUR_NS = 3600 * 1_000_000_000
DAY_NS = 24 * HOUR_NS
MAX_LOOKS = 10_000
"""Queries within which a timer that is due has fired."""


def control(replica: RunningReplica, path: str, content: object, token: str | None = None) -> httpx.Response:
    """Ask a network's control channel for something."""
    headers = {"authorization": f"Bearer {token or replica.control_token}"}
    return httpx.post(f"http://127.0.0.1:{replica.control_port}{path}", json=content, headers=headers, timeout=30)


def test_it_is_not_on_the_public_port(tmp_path: Path) -> None:
    """The public port knows none of its routes, even for somebody with the token; the token stops the network."""
    replica = start_replica(tmp_path)
    headers = {"authorization": f"Bearer {replica.control_token}"}
    for path in ("/stop", "/checkpoint", "/time"):
        assert httpx.post(f"{replica.url}{path}", json={}, headers=headers).status_code == 404
    assert control(replica, "/stop", {}, token="0" * 64).status_code == 401
    assert httpx.get(f"{replica.url}/api/v2/status").status_code == 200
    assert control(replica, "/stop", {}).json() == {"pid": replica.process.pid}
    assert replica.process.wait(timeout=30) == 0
    assert replica.control_token not in replica.log.read_text(encoding="utf-8")


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    """A network that is open to all addresses has its control port on the loopback address."""
    with running_replica(tmp_path, arguments=["--bind", "127.0.0.2"]) as replica:
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", replica.control_port), timeout=10):
            pytest.fail("the control port is open to others")
        assert control(replica, "/time", {}).status_code == 200


def told_time(answer: httpx.Response) -> tuple[int, int]:
    """Return what the channel told as the time, and how far it is ahead."""
    content = answer.json()
    assert answer.status_code == 200, content
    return int(content["time_ns"]), int(content["offset_ns"])


def test_the_clock_moves_on_and_stays_moved(tmp_path: Path) -> None:
    """Certificates carry the new time, also after a kill; old requests have expired; it never goes back."""
    first = start_replica(tmp_path)
    with ReplicaClient(first.url, first.root_key) as client:
        canister = client.create()
        client.install(canister, counter())
        request = client.prepare(canister, "inc", EMPTY)
        before, _ = told_time(control(first, "/time", {}))
        after, offset = told_time(control(first, "/time", {"advance_ns": str(DAY_NS)}))
        assert after >= before + DAY_NS
        assert offset == DAY_NS
        refused = client.post(f"/api/v4/canister/{canister}/call", request.body)
        assert refused.status_code == 400
        assert "expir" in refused.text
        client.clock_offset_ns = DAY_NS
        assert client.certificate([[b"time"]], canister).time_ns >= after
        first.process.kill()
        first.process.wait()
    with running_replica(tmp_path) as second, ReplicaClient(second.url, second.root_key, client.identity) as again:
        again.clock_offset_ns = DAY_NS
        assert isinstance(again.certificate([[b"time"]], canister).lookup([b"time"]), Found)
        assert again.certificate([[b"time"]], canister).time_ns >= after
        for wrong in ("-1", "1.5", 7, "9" * 40):
            assert control(second, "/time", {"advance_ns": wrong}).status_code == 400
        assert json.loads((tmp_path / "replica-status.json").read_text(encoding="utf-8"))["clock_offset_ns"] == DAY_NS


def test_a_timer_fires_when_the_clock_is_moved_past_it(tmp_path: Path) -> None:
    """What is due in an hour is done once the clock has been moved by two, and not before."""
    with running_replica(tmp_path) as replica, ReplicaClient(replica.url, replica.root_key) as client:
        canister = client.create()
        client.install(canister, alarm())
        assert client.query(canister, "rings", EMPTY) == bytes(4)
        assert control(replica, "/time", {"advance_ns": str(2 * HOUR_NS)}).status_code == 200
        client.clock_offset_ns = 2 * HOUR_NS
        for _ in range(MAX_LOOKS):
            if client.query(canister, "rings", EMPTY) != bytes(4):
                break
        assert client.query(canister, "rings", EMPTY) == b"\x01\0\0\0"
