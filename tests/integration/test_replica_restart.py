"""The network's process: what survives its end, graceful or not, and how it refuses to start."""

import contextlib
import resource
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from orchestrator.candid import Variant
from orchestrator.protocol.hash_tree import Found
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica, running_replica, start_replica, stop_replica
from tests.support.vm import module

pytestmark = pytest.mark.slow
EMPTY = b"DIDL\x00\x00"
UPGRADE = Variant("upgrade")


def client_of(replica: RunningReplica, earlier: ReplicaClient | None = None) -> ReplicaClient:
    """Return a client, with the identity of an earlier one."""
    return ReplicaClient(replica.url, replica.root_key, earlier.identity if earlier else None)


def number(reply: bytes) -> int:
    """Return the counter's value."""
    return int.from_bytes(reply[-4:], "little")


def test_a_restarted_network_is_the_same_network(tmp_path: Path) -> None:
    """Root key, instance id, canisters with memory and stable memory, and request statuses survive a stop."""
    first = start_replica(tmp_path)
    with client_of(first) as client:
        canister = client.create()
        client.install(canister, counter())
        request = client.prepare(canister, "inc", EMPTY)
        client.finish(request, client.submit(request, canister))
        client.install(canister, counter(), mode=UPGRADE)
        client.call(canister, "inc", EMPTY)
    assert stop_replica(first) == 0
    with running_replica(tmp_path) as second, client_of(second, client) as again:
        assert (second.root_key, second.instance_id) == (first.root_key, first.instance_id)
        assert number(again.query(canister, "get", EMPTY)) == 102
        assert number(again.finish(request, again.submit(request, canister))) == 101
        again.install(canister, counter(), mode=UPGRADE)
        assert number(again.call(canister, "inc", EMPTY)) == 103
        assert again.create() != canister


def test_a_created_canister_survives_a_kill(tmp_path: Path) -> None:
    """An id that was answered is known after the process was killed at once, and is never given out again."""
    first = start_replica(tmp_path)
    with client_of(first) as client:
        client.create()
        created = [client.create() for _ in range(3)]
        first.process.kill()
        first.process.wait()
    with running_replica(tmp_path) as second, client_of(second, client) as again:
        for canister in created:
            assert again.status(canister)["module_hash"] is None
        assert again.create() not in created


def written_bytes(replica: RunningReplica) -> int:
    """Return how long the journal of the network's state is."""
    return sum(path.stat().st_size for path in replica.state_directory.glob("journal-*"))


def test_a_killed_network_continues_from_its_last_checkpoint(tmp_path: Path) -> None:
    """Without a graceful stop the state is one that was there, not a mixture."""
    first = start_replica(tmp_path)
    with client_of(first) as client:
        canister = client.create()
        client.install(canister, counter())
        before = written_bytes(first)
        value = 100
        while written_bytes(first) == before:
            value = number(client.call(canister, "inc", EMPTY))
        first.process.kill()
        first.process.wait()
    with running_replica(tmp_path) as second, client_of(second, client) as again:
        assert 100 <= number(again.query(canister, "get", EMPTY)) <= value


def test_secrets_are_private(tmp_path: Path) -> None:
    """Keys and the status file with its token are readable by their owner only."""
    with running_replica(tmp_path) as replica:
        files = [replica.state_directory / "keys" / "root", replica.state_directory / "keys" / "node", tmp_path / "replica-status.json"]
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
        assert len(replica.control_token) == 64
    assert not (tmp_path / "replica-status.json").exists()


def run_to_its_end(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start a network that is expected to refuse."""
    command = [sys.executable, "-m", "orchestrator.replica", "--status-file", str(tmp_path / "status.json"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_taken_port_is_exit_status_3(tmp_path: Path) -> None:
    """The last line of stderr says which port is taken, and no status file appears."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_to_its_end(tmp_path, "--state-dir", str(tmp_path / "state"), "--port", str(port))
    assert done.returncode == 3
    assert done.stderr.startswith(f"port-taken: 127.0.0.1:{port}")
    assert not (tmp_path / "status.json").exists()


def test_an_address_of_another_machine_is_exit_status_4(tmp_path: Path) -> None:
    """An address that this machine lacks is told apart from a port that is taken."""
    done = run_to_its_end(tmp_path, "--state-dir", str(tmp_path / "state"), "--bind", "192.0.2.1")
    assert done.returncode == 4
    assert done.stderr.startswith("address-unavailable: 192.0.2.1:0")


def test_a_state_directory_has_one_process(tmp_path: Path) -> None:
    """A second process on the same directory is refused in words."""
    with running_replica(tmp_path) as replica:
        done = run_to_its_end(tmp_path, "--state-dir", str(replica.state_directory))
    assert done.returncode == 1
    assert "another network runs on the state directory" in done.stderr


def test_a_damaged_state_refuses_to_start(tmp_path: Path) -> None:
    """The process ends with status 1 and says what is wrong; the damaged file is left as it is."""
    stop_replica(start_replica(tmp_path))
    state = tmp_path / "state" / "state.cbor"
    state.write_bytes(b"damaged")
    done = run_to_its_end(tmp_path, "--state-dir", str(tmp_path / "state"))
    assert (done.returncode, state.read_bytes()) == (1, b"damaged")
    assert "replica/state-unreadable" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_that_cannot_be_saved_is_told(tmp_path: Path) -> None:
    """When the last checkpoint fails the process says so and does not end with status 0."""
    replica = start_replica(tmp_path)
    with client_of(replica) as client:
        client.create()
        for path in (replica.state_directory / "state.cbor", *replica.state_directory.glob("journal-*")):
            path.unlink()
            (path / "in the way").mkdir(parents=True)
        with pytest.raises(AssertionError, match="the network's state cannot be saved"):
            client.create()
    assert stop_replica(replica) == 1
    assert "replica/not-saved" in replica.log.read_text(encoding="utf-8")
    assert (tmp_path / "replica-status.json").exists(), "whoever starts it again is to be told"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_a_full_disk_is_told_and_does_no_harm(tmp_path: Path) -> None:
    """While no id can be saved nobody is told one, or anything else; with room again the network goes on, and all is there."""
    first = start_replica(tmp_path)
    with client_of(first) as client:
        canister = client.create()
        client.install(canister, counter())
        _, hard = resource.prlimit(first.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(first.process.pid, resource.RLIMIT_FSIZE, (written_bytes(first), hard))
        for _ in range(2):
            with pytest.raises(AssertionError, match=r"the network's state cannot be saved: .*File too large"):
                client.create()
        assert client.post(f"/api/v3/canister/{canister}/query", b"").status_code in {400, 503}
        assert client.http.get("/api/v2/status").status_code == 200
        resource.prlimit(first.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        created = client.create()
        assert number(client.call(canister, "inc", EMPTY)) == 101
        first.process.kill()
        first.process.wait()
    with running_replica(tmp_path) as second, client_of(second, client) as again:
        assert again.status(created)["module_hash"] is None
        assert 100 <= number(again.query(canister, "get", EMPTY)) <= 101
        assert again.create() not in {canister, created}
    assert "Traceback" not in first.log.read_text(encoding="utf-8")


def test_folders_are_private_whatever_the_umask_was(tmp_path: Path) -> None:
    """A state folder that somebody made for everybody is for its owner only once the network has started."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    with running_replica(tmp_path):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--state-dir", "FILE/state", "--status-file", "status"], 1, "state-unusable"),
        (["--state-dir", "state", "--status-file", "FILE/status"], 1, "cannot make the folder"),
        (["--state-dir", "state", "--status-file", "status", "--port", "99999"], 2, "from 0 to 65535"),
    ],
    ids=["state directory", "status file", "port"],
)
def test_what_cannot_work_is_told_in_words(tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    """The process ends with a line on stderr and no traceback."""
    (tmp_path / "FILE").touch()
    command = [sys.executable, "-m", "orchestrator.replica", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, words in ended.stderr, "Traceback" in ended.stderr) == (status, True, False), ended.stderr


def test_updates_can_be_delayed(tmp_path: Path) -> None:
    """With an artificial delay a call is received at once, starts later, and answers; queries are not delayed."""
    with running_replica(tmp_path, arguments=["--artificial-delay-ms", "700"]) as replica, client_of(replica) as client:
        canister = client.create()
        client.install(canister, counter())
        request = client.prepare(canister, "inc", EMPTY)
        assert client.post(f"/api/v2/canister/{canister}/call", request.body).status_code == 202
        path = [b"request_status", request.request_id, b"status"]
        assert client.certificate([path], canister).lookup(path) == Found(b"received")
        assert number(client.query(canister, "get", EMPTY)) == 100
        assert number(client.finish(request, client.submit(request, canister))) == 101


@pytest.mark.slow  # the process gives what runs three seconds to end by itself
def test_a_message_that_never_ends_does_not_keep_the_network_from_stopping(tmp_path: Path) -> None:
    """The process ends with everything saved; after a restart the message's caller learns that it was interrupted."""
    first = start_replica(tmp_path)
    endless = '(func (export "canister_update fill") (loop $again (br $again)))'
    with client_of(first) as client, client_of(first, client) as other:
        canister = client.create()
        client.install(canister, module([], endless))
        request = client.prepare(canister, "fill", EMPTY)
        caller = threading.Thread(target=_post_until_stopped, args=(client, f"/api/v4/canister/{canister}/call", request.body))
        other.http.get(f"/?canisterId={canister}")  # the first page takes longer: it is not what shall be noticed
        caller.start()
        _wait_until_busy(other, f"/?canisterId={canister}")
        assert stop_replica(first) == 0
        caller.join()
    with running_replica(tmp_path) as second, client_of(second, client) as again:
        answer = again.submit(request, canister)
        with pytest.raises(CallRejectedError, match="interrupted"):
            again.finish(request, answer)


def _post_until_stopped(client: ReplicaClient, path: str, body: bytes) -> None:
    with contextlib.suppress(httpx.HTTPError):
        client.post(path, body)


def _wait_until_busy(client: ReplicaClient, path: str) -> None:
    """Return when a page that takes the canisters' thread is not answered within a second."""
    while True:
        try:
            client.http.get(path, timeout=1.0)
        except httpx.ReadTimeout:
            return
