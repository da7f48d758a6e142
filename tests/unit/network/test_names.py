"""Telling the gateway what canisters are called."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.network.descriptor import Descriptor, write_descriptor
from orchestrator.network.names import tell_names
from orchestrator.network.processes.process import load_birth
from orchestrator.store import Layout

pytestmark = pytest.mark.anyio
WEB = Principal(bytes(7) + b"\x10\x01\x01")


class Channel:
    """A control channel that gives one answer to one connection; `request` is what it got."""

    def __init__(self, answer: bytes) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.request = b""
        self.thread = threading.Thread(target=self._answer, args=(answer,), daemon=True)
        self.thread.start()

    def _answer(self, answer: bytes) -> None:
        with self.server, self.server.accept()[0] as connection:
            self.request = connection.recv(65536)
            connection.sendall(answer)


def describe(project: Path, control_port: int | None, *, birth: str | None = None) -> None:
    """Write the descriptor of a network that is this process."""
    descriptor = Descriptor(
        network="local",
        project=str(project),
        pid=os.getpid(),
        birth=load_birth(os.getpid()) or "" if birth is None else birth,
        bind="127.0.0.1",
        port=1,
        root_key="00",
        instance_id="i",
        control_token="s3cret",
        control_port=control_port,
    )
    write_descriptor(Layout(project).network("local").descriptor, descriptor)


async def test_names_are_sent_with_their_environment(tmp_path: Path) -> None:
    """The gateway gets all names of one environment, and knows them from now on."""
    channel = Channel(b"HTTP/1.1 200 OK\r\n\r\n{}")
    describe(tmp_path, channel.port)
    assert await tell_names(tmp_path, "local", "staging", {"web": WEB})
    head, _, body = channel.request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /names HTTP/1.1\r\n")
    assert json.loads(body) == {"names": {"staging": {"web": str(WEB)}}}


async def test_a_gateway_that_does_not_take_names_is_no_failure(tmp_path: Path) -> None:
    """A refusal, no control channel, no network at all: canisters are reached by their ids then."""
    assert not await tell_names(tmp_path, "local", "local", {"web": WEB})
    channel = Channel(b'HTTP/1.1 404 x\r\n\r\n{"error": "there is no /names"}')
    describe(tmp_path, channel.port)
    assert not await tell_names(tmp_path, "local", "local", {"web": WEB})
    describe(tmp_path, None)
    assert not await tell_names(tmp_path, "local", "local", {"web": WEB})


async def test_nothing_is_told_to_a_stranger(tmp_path: Path) -> None:
    """When another process has the descriptor's number by now, its port gets no token."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        describe(tmp_path, stranger.getsockname()[1], birth="another")
        assert not await tell_names(tmp_path, "local", "local", {"web": WEB})
