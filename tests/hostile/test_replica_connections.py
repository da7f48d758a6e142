"""What strangers may do with connections: however odd, others are answered as if nothing was."""

import contextlib
import re
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.replica.limits import MAX_HTTP_BODY_BYTES
from tests.support.replica_process import RunningReplica

IDLE_CONNECTIONS = 300
EXAMPLES = 40
HEADERS = 20_000
TIMEOUT_SECONDS = 30.0
CALL = "/api/v4/canister/rwlgt-iiaaa-aaaaa-aaaaa-cai/call"
GARBAGE = st.binary(min_size=1, max_size=300) | st.builds(
    lambda method, path, rest: b" ".join((method, path, b"HTTP/1.1\r\n")) + rest + b"\r\n\r\n",
    st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"BREW", b"\xff"]),
    st.sampled_from([b"/", b"/api/v2/status", CALL.encode(), b"/api/v9", b"//", b"*", b"/%ff%00", b"http://x/"]),
    st.sampled_from(
        [b"host: x", b"content-length: -1", b"content-length: 99999999999999", b"transfer-encoding: chunked\r\n\r\nzz", b"\x00"]
    ),
)


def connect(replica: RunningReplica) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(("127.0.0.1", replica.port), timeout=TIMEOUT_SECONDS)


def is_healthy(replica: RunningReplica) -> bool:
    """Say if somebody else is answered."""
    return b"healthy" in httpx.get(f"{replica.url}/api/v2/status", timeout=TIMEOUT_SECONDS).content


def test_idle_and_half_open_connections_keep_nobody_waiting(replica: RunningReplica) -> None:
    """Hundreds of clients that send nothing, or half a request, are not noticed by others."""
    with contextlib.ExitStack() as stack:
        for number in range(IDLE_CONNECTIONS):
            connection = stack.enter_context(connect(replica))
            if number % 2:
                connection.sendall(f"POST {CALL} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf".encode())
        assert is_healthy(replica)
    assert is_healthy(replica)


def test_bodies_that_are_too_large_are_refused_as_they_come(replica: RunningReplica) -> None:
    """The refusal does not wait for the end of what will never be read."""
    with connect(replica) as connection:
        connection.sendall(f"POST {CALL} HTTP/1.1\r\nhost: x\r\ncontent-length: {100 * MAX_HTTP_BODY_BYTES}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(MAX_HTTP_BODY_BYTES // 2**20 + 1):
                connection.sendall(bytes(2**20))
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    assert is_healthy(replica)


def test_heads_without_end_are_cut_off(replica: RunningReplica) -> None:
    """Headers do not fill the memory."""
    with connect(replica) as connection:
        connection.sendall(f"POST {CALL} HTTP/1.1\r\n".encode())
        headers = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 1000) for number in range(HEADERS))
        with pytest.raises(ConnectionError):
            connection.sendall(headers)
    assert is_healthy(replica)


def test_requests_in_one_piece_are_answered_in_their_order(replica: RunningReplica) -> None:
    """Whoever does not wait for answers gets them all the same."""
    request = b"GET /api/v2/status HTTP/1.1\r\nhost: x\r\n\r\n"
    with connect(replica) as connection:
        connection.sendall(request * 4 + b"GET /api/v2/other HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200"] * 4 + [b"404"]


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(garbage=GARBAGE)
def test_garbage_is_refused_or_waited_for(replica: RunningReplica, garbage: bytes) -> None:
    """Bytes that are no request never get an answer that says the network failed."""
    with connect(replica) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionError):
            received = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert not received.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5"))
    assert is_healthy(replica)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/api/v2/status", 200),
        ("POST", "/api/v2/status", 405),
        ("GET", CALL, 405),
        ("OPTIONS", CALL, 204),
        ("POST", CALL.replace("v4", "v5"), 404),
        ("POST", CALL.replace("rwlgt", "xxxxx"), 400),
        ("POST", CALL.replace("call", "query"), 404),
        ("POST", CALL, 400),
    ],
)
def test_odd_uses_of_the_interface_have_their_status(replica: RunningReplica, method: str, path: str, status: int) -> None:
    """Every answer may be read by pages of any origin; only HEAD and OPTIONS have none to read."""
    answer = httpx.request(method, replica.url + path, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert bool(answer.content) is (method not in {"HEAD", "OPTIONS"})
