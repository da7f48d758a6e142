"""The client's side of the control channel: what it sends, and what it makes of odd answers."""

import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.access import NetworkReport
from orchestrator.network.control import LATEST_TIME_NS, MAX_ADVANCE_SECONDS, advance_time, request_control, stop_process
from orchestrator.network.descriptor import Descriptor, load_descriptor, write_descriptor
from orchestrator.network.notices import find_notices
from orchestrator.network.processes.process import load_birth
from orchestrator.network.saving import find_save_failure
from orchestrator.replica import control_routes
from orchestrator.store import Layout

NETWORK = ManagedNetwork(name="local", port=0)
pytestmark = pytest.mark.anyio


class Channel:
    """A control channel that gives one answer to each connection; `request` is the last that it got."""

    def __init__(self, *answers: bytes) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.request = b""
        self.thread = threading.Thread(target=self._answer, args=(answers,), daemon=True)
        self.thread.start()

    def _answer(self, answers: tuple[bytes, ...]) -> None:
        with self.server:
            for answer in answers:
                with self.server.accept()[0] as connection:
                    self.request = connection.recv(65536)
                    connection.sendall(answer)


def describe(port: int | None, project: Path) -> Descriptor:
    """Describe a network that is this process."""
    return Descriptor(
        network="local",
        project=str(project),
        pid=os.getpid(),
        birth=load_birth(os.getpid()) or "",
        bind="127.0.0.1",
        port=1,
        root_key="00",
        instance_id="i",
        control_token="s3cret",
        control_port=port,
    )


async def test_a_request_carries_the_token_and_the_answer_is_an_object(tmp_path: Path) -> None:
    """One POST with the token, and what comes back as a mapping."""
    channel = Channel(b'HTTP/1.1 200 OK\r\n\r\n{"seconds": 0.5}')
    assert await request_control(describe(channel.port, tmp_path), "/checkpoint", {}) == {"seconds": 0.5}
    assert b"POST /checkpoint HTTP/1.1\r\n" in channel.request
    assert b"Authorization: Bearer s3cret\r\n" in channel.request


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'HTTP/1.1 507 x\r\n\r\n{"error": "the disk is full"}', "the disk is full"),
        (b"", "makes no sense"),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", "makes no sense"),
        (b"SSH-2.0\r\n", "makes no sense"),
    ],
    ids=["refused", "nothing", "list", "another protocol"],
)
async def test_every_other_answer_is_an_error_in_words(tmp_path: Path, answer: bytes, words: str) -> None:
    """A refusal is passed on, nonsense is called that; the token is never in it."""
    with pytest.raises(NetworkError) as raised:
        await request_control(describe(Channel(answer).port, tmp_path), "/time", {})
    assert words in (raised.value.detail or "")
    assert "s3cret" not in repr(describe(1, tmp_path)) + str(raised.value.detail)


async def test_the_clock_of_a_network_that_does_not_run_cannot_be_moved(tmp_path: Path) -> None:
    """The error says what to do."""
    with pytest.raises(NetworkError) as raised:
        await advance_time(tmp_path, NETWORK, seconds=60)
    assert raised.value.slug == "network/not-running"


async def test_moving_the_clock_is_remembered_for_those_who_connect(tmp_path: Path) -> None:
    """The new time comes back, and the descriptor knows how far ahead of the machine's clock it is."""
    channel = Channel(b'HTTP/1.1 200 OK\r\n\r\n{"time_ns": "5", "offset_ns": "1500000000"}')
    path = Layout(tmp_path).network("local").descriptor
    write_descriptor(path, describe(channel.port, tmp_path))
    assert await advance_time(tmp_path, NETWORK, seconds=1.5) == 5
    assert b'{"advance_ns": "1500000000"}' in channel.request
    described = load_descriptor(path)
    assert described is not None
    assert described.access(NETWORK).clock_offset_ns == 1_500_000_000


async def test_a_pid_that_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    """A stale descriptor whose pid was given to somebody else ends nobody, by no means."""
    channel = Channel(b"HTTP/1.1 200 OK\r\n\r\n{}")
    stale = Descriptor(
        network="local",
        project=str(tmp_path),
        pid=os.getpid(),
        birth="another boot:1",
        bind="127.0.0.1",
        port=1,
        root_key="00",
        instance_id="i",
        control_token="x",
        control_port=channel.port,
    )
    assert not stale.is_alive()
    await stop_process(stale, seconds=1)
    assert channel.request == b""
    socket.create_connection(("127.0.0.1", channel.port)).close()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "by -5 s: time goes forward only"),
        (float("nan"), "by nan s: it is moved by"),
        (float("inf"), "by inf s: it is moved by a hundred years at most"),
        (1e12, "by 1e+12 s: it is moved by a hundred years at most"),
    ],
)
async def test_where_a_clock_cannot_go_is_said_in_words(tmp_path: Path, seconds: float, words: str) -> None:
    """The error itself has the reason, before anybody is asked."""
    with pytest.raises(NetworkError) as caught:
        await advance_time(tmp_path, NETWORK, seconds=seconds)
    assert words in str(caught.value)
    assert caught.value.slug == "network/clock"


async def test_a_clock_has_an_end(tmp_path: Path) -> None:
    """A network that is far ahead goes no further than the numbers of its clients; the limits are the network's own."""
    path = Layout(tmp_path).network("local").descriptor
    write_descriptor(path, replace(describe(1, tmp_path), clock_offset_ns=LATEST_TIME_NS - time.time_ns()))
    with pytest.raises(NetworkError, match="no further than the year 2262"):
        await advance_time(tmp_path, NETWORK, seconds=60)
    assert (LATEST_TIME_NS, MAX_ADVANCE_SECONDS * 10**9) == (control_routes.LATEST_TIME_NS, control_routes.MAX_ADVANCE_NS)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"failing": "the disk is full"}', "the disk is full"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"failing": null}', None),
        (b'HTTP/1.1 404 x\r\n\r\n{"error": "there is no /state here"}', None),
    ],
    ids=["full", "fine", "older network"],
)
async def test_a_network_tells_why_it_cannot_save(tmp_path: Path, answer: bytes, failure: str | None) -> None:
    """What it answers is passed on; one that does not know the question has nothing to tell, nor has one that is not there."""
    files = Layout(tmp_path).network("local")
    assert await find_save_failure(tmp_path, files) is None
    channel = Channel(answer)
    write_descriptor(files.descriptor, describe(channel.port, tmp_path))
    assert await find_save_failure(tmp_path, files) == failure
    assert b"POST /state HTTP/1.1\r\n" in channel.request


def test_who_uses_a_network_that_cannot_save_is_warned() -> None:
    """One warning with the reason, and nothing to be said about a network that saves."""
    report = NetworkReport(name="local", launcher="embedded", state="running", access=None, not_saving="the disk is full")
    (notice,) = find_notices(NETWORK, report)
    assert notice.slug == "network/not-saving"
    assert notice.summary.endswith(": the disk is full")
    assert find_notices(NETWORK, replace(report, not_saving=None)) == ()


async def test_a_clock_is_moved_only_where_that_can_be_written_down(tmp_path: Path) -> None:
    """The descriptor is written before the network is asked as well: where that fails nothing has been moved."""
    path = Layout(tmp_path).network("local").descriptor
    channel = Channel(b'HTTP/1.1 507 x\r\n\r\n{"error": "no"}')
    write_descriptor(path, describe(channel.port, tmp_path))
    before = path.stat().st_ino
    with pytest.raises(NetworkError):
        await advance_time(tmp_path, NETWORK, seconds=1)
    assert path.stat().st_ino != before
    assert load_descriptor(path) == describe(channel.port, tmp_path)


async def test_a_move_that_could_not_be_saved_is_known_all_the_same(tmp_path: Path) -> None:
    """The network refuses because its disk is full, and has moved its clock: the descriptor says so, and the error is passed on."""
    path = Layout(tmp_path).network("local").descriptor
    told = b'HTTP/1.1 200 OK\r\n\r\n{"offset_ns": "60000000000", "time_ns": "1"}'
    channel = Channel(b'HTTP/1.1 507 x\r\n\r\n{"error": "the disk is full"}', told)
    write_descriptor(path, describe(channel.port, tmp_path))
    with pytest.raises(NetworkError) as caught:
        await advance_time(tmp_path, NETWORK, seconds=60)
    moved = load_descriptor(path)
    assert "the disk is full" in str(caught.value.detail)
    assert moved is not None
    assert moved.clock_offset_ns == 60_000_000_000
