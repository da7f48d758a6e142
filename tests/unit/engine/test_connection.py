"""Opening a network that is not well."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from orchestrator.core.project import Project
from orchestrator.engine.connection import WhenStopped, ensure_network
from orchestrator.engine.session import open_session
from orchestrator.errors import NetworkError
from orchestrator.network.descriptor import Descriptor, write_descriptor
from orchestrator.network.processes.process import load_birth
from tests.support.projects import make_canister, make_project

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def refusing_server() -> AsyncIterator[int]:
    """Listen, and answer whatever comes as no network does."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:

        async def answer(stream: SocketStream) -> None:
            async with stream:
                await stream.send(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")

        group.start_soon(listener.serve, answer)
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610  # the listener of anyio, not of Django
        group.cancel_scope.cancel()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project on a managed network."""
    return make_project(tmp_path, [make_canister(tmp_path, "api")])


@pytest.mark.parametrize("when_stopped", ["fail", "ignore"])
async def test_a_network_that_lives_and_does_not_answer(project: Project, when_stopped: WhenStopped) -> None:
    """What only wants to look is told at once, instead of waiting for one read after the other, or taking it for stopped."""
    session = open_session(project, verb="canister status", environ={"ORCHESTRATOR_HOME": str(project.directory)})
    pid = os.getpid()
    async with refusing_server() as port:
        descriptor = Descriptor(
            network="local",
            project=str(project.directory),
            pid=pid,
            birth=load_birth(pid) or "",
            bind="127.0.0.1",
            port=port,
            root_key="00",
            instance_id="aa",
            control_token="",
        )
        write_descriptor(session.layout.network("local").descriptor, descriptor)

        with pytest.raises(NetworkError) as caught:
            await ensure_network(session, when_stopped=when_stopped)

    assert caught.value.slug == "network/unresponsive"
    assert "orchestrator network start local" in str(caught.value.hint)
