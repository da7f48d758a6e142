"""Starting, stopping and finding networks, with a fake replica."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import ConnectedNetwork, ManagedNetwork
from orchestrator.errors import NetworkError, Span, StoreError
from orchestrator.network.access import MAINNET_ROOT_KEY, NetworkAccess
from orchestrator.network.descriptor import load_descriptor, write_descriptor
from orchestrator.network.manager import connect, network_status, reset_network, start_network, stop_network
from orchestrator.network.processes.process import load_birth
from orchestrator.network.settings import NetworkSettings
from orchestrator.store import Layout

MakeSettings = Callable[..., NetworkSettings]
NETWORK = ManagedNetwork(name="local", port=0)
pytestmark = pytest.mark.anyio


async def test_started_network_can_be_reached_and_is_described(project: Path, make_settings: MakeSettings) -> None:
    """A start gives a port, both URLs, the root key and the instance, and `connect` finds the same."""
    access = await start_network(project, NETWORK, settings=make_settings())

    port = int(access.api_url.rpartition(":")[2])
    assert port > 0
    assert access.gateway_url == f"http://localhost:{port}"
    assert access.root_key == b"\x00\xff"
    assert access.managed
    assert access.pid is not None
    assert load_birth(access.pid) is not None
    assert await connect(project, NETWORK) == access


async def test_descriptor_is_private_and_process_has_its_own_session(project: Path, make_settings: MakeSettings) -> None:
    """The control token is for the owner only, and Ctrl-C in the terminal does not reach the network."""
    access = await start_network(project, NETWORK, settings=make_settings())

    path = Layout(project).network("local").descriptor
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert access.pid is not None
    assert os.getsid(access.pid) == access.pid


async def test_second_start_finds_the_first(project: Path, make_settings: MakeSettings) -> None:
    """Starting a running network gives the same process."""
    first = await start_network(project, NETWORK, settings=make_settings())

    second = await start_network(project, NETWORK, settings=make_settings())

    assert second == first


async def test_many_starters_make_one_process(project: Path, make_settings: MakeSettings) -> None:
    """Starters at the same time wait for each other and all get the one network."""
    found: list[NetworkAccess] = []

    async def start() -> None:
        found.append(await start_network(project, NETWORK, settings=make_settings()))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(start)

    assert len(found) == 4
    assert len({access.pid for access in found}) == 1


async def test_stopped_network_is_gone_and_keeps_its_instance(project: Path, make_settings: MakeSettings) -> None:
    """Stopping ends the process and forgets it; a later start has the same instance, because the state stays."""
    settings = make_settings()
    first = await start_network(project, NETWORK, settings=settings)

    pid = await stop_network(project, NETWORK, settings=settings)
    report = await network_status(project, NETWORK, settings=settings)
    announced = list(settings.user.ports.glob("*.json"))
    second = await start_network(project, NETWORK, settings=settings)

    assert pid == first.pid
    assert (report.state, report.access) == ("stopped", None)
    assert announced == []
    assert second.instance_id == first.instance_id
    assert second.pid != first.pid


async def test_the_copy_of_a_project_has_no_part_in_the_originals_network(
    project: Path, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """Copied with its cache, a project neither uses nor stops the network of the project that it was copied from."""
    settings = make_settings()
    original = await start_network(project, NETWORK, settings=settings)
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)

    assert (await network_status(copy, NETWORK, settings=settings)).state == "stopped"
    with pytest.raises(NetworkError, match="not running"):
        await stop_network(copy, NETWORK, settings=settings)
    own = await start_network(copy, NETWORK, settings=settings)
    await stop_network(copy, NETWORK, settings=settings)

    assert own.pid != original.pid
    assert (await network_status(project, NETWORK, settings=settings)).state == "running"


async def test_a_moved_project_takes_its_network_along(project: Path, make_settings: MakeSettings, tmp_path: Path) -> None:
    """The process still runs when the folder has another name, and can be stopped from there."""
    settings = make_settings()
    first = await start_network(project, NETWORK, settings=settings)
    moved = Path(shutil.move(project, tmp_path / "moved"))

    assert await stop_network(moved, NETWORK, settings=settings) == first.pid


async def test_reset_makes_a_new_instance_without_ids(project: Path, make_settings: MakeSettings) -> None:
    """A reset stops the network and deletes its state, ids and records together."""
    settings = make_settings()
    files = Layout(project).network("local")
    first = await start_network(project, NETWORK, settings=settings)
    for directory in (files.ids, files.records):
        directory.mkdir()
        (directory / "local.json").write_text("{}")

    await reset_network(project, NETWORK, settings=settings)
    left = [path.exists() for path in (files.ids, files.records, files.state, files.descriptor)]
    second = await start_network(project, NETWORK, settings=settings)

    assert left == [False] * 4
    assert second.instance_id != first.instance_id


async def test_stubborn_process_is_killed(project: Path, make_settings: MakeSettings) -> None:
    """A process that ignores SIGTERM is killed when the deadline is over."""
    settings = make_settings("stubborn", stop_seconds=0.2)
    access = await start_network(project, NETWORK, settings=settings)

    pid = await stop_network(project, NETWORK, settings=settings)

    assert pid == access.pid
    assert pid is not None
    assert load_birth(pid) is None


async def test_network_that_does_not_run(project: Path, make_settings: MakeSettings) -> None:
    """Connecting to and stopping a network that does not run name the command that starts it."""
    with pytest.raises(NetworkError, match="is not running") as connecting:
        await connect(project, NETWORK)
    with pytest.raises(NetworkError, match="is not running"):
        await stop_network(project, NETWORK, settings=make_settings())

    assert connecting.value.slug == "network/not-running"
    assert connecting.value.hint == "run `orchestrator network start local`"


async def test_descriptor_of_a_dead_process_counts_as_stopped(project: Path, make_settings: MakeSettings) -> None:
    """After a crash the network is reported as stopped; stopping cleans up, starting starts anew."""
    settings = make_settings()
    access = await start_network(project, NETWORK, settings=settings)
    path = Layout(project).network("local").descriptor
    descriptor = load_descriptor(path)
    await stop_network(project, NETWORK, settings=settings)
    assert descriptor is not None
    write_descriptor(path, descriptor)

    report = await network_status(project, NETWORK, settings=settings)
    with pytest.raises(NetworkError, match="is not running"):
        await connect(project, NETWORK)
    stopped = await stop_network(project, NETWORK, settings=settings)
    again = await start_network(project, NETWORK, settings=settings)

    assert report.state == "stopped"
    assert stopped is None
    assert again.pid != access.pid


async def test_reused_pid_is_not_our_process(project: Path, make_settings: MakeSettings) -> None:
    """A living process with the descriptor's pid and another birth is not the network, and is left alone."""
    settings = make_settings()
    await start_network(project, NETWORK, settings=settings)
    path = Layout(project).network("local").descriptor
    descriptor = load_descriptor(path)
    await stop_network(project, NETWORK, settings=settings)
    assert descriptor is not None
    write_descriptor(path, replace(descriptor, pid=os.getpid(), birth="another boot:1"))

    report = await network_status(project, NETWORK, settings=settings)
    stopped = await stop_network(project, NETWORK, settings=settings)

    assert report.state == "stopped"
    assert stopped is None
    assert load_birth(os.getpid()) is not None


async def test_unresponsive_process_is_reported_and_replaced(project: Path, make_settings: MakeSettings) -> None:
    """A network that lives and does not answer is `unresponsive`; starting ends it and starts another."""
    deaf = make_settings("deaf", answer_seconds=0.2)
    first = await start_network(project, NETWORK, settings=deaf)

    report = await network_status(project, NETWORK, settings=deaf)
    second = await start_network(project, NETWORK, settings=make_settings(answer_seconds=0.2))

    assert report.state == "unresponsive"
    assert first.pid is not None
    assert load_birth(first.pid) is None
    assert second.pid != first.pid


async def test_process_that_ends_is_explained_by_its_log(project: Path, make_settings: MakeSettings) -> None:
    """A start that fails tells the exit status, the end of the log and where the log is, and leaves no descriptor."""
    with pytest.raises(NetworkError, match="ended while it started") as caught:
        await start_network(project, NETWORK, settings=make_settings("crash"))

    files = Layout(project).network("local")
    assert caught.value.detail == (
        "its process ended with status 1; the end of its log:\nfake replica: crash delay=None\nfake replica: the state is broken"
    )
    assert caught.value.hint == f"see the whole log in `{files.log}`"
    assert not files.descriptor.exists()


async def test_start_that_takes_too_long_is_ended(project: Path, make_settings: MakeSettings) -> None:
    """A process that is not ready in time is ended, and the message says how long it had."""
    with pytest.raises(NetworkError, match="did not start in time") as caught:
        await start_network(project, NETWORK, settings=make_settings("hang", start_seconds=0.5))

    assert caught.value.detail is not None
    assert caught.value.detail.startswith("it was not ready after 0.5 s and has been stopped")


async def test_odd_status_is_an_error(project: Path, make_settings: MakeSettings) -> None:
    """A process that describes itself wrongly is ended and reported."""
    with pytest.raises(StoreError, match="is damaged") as caught:
        await start_network(project, NETWORK, settings=make_settings("odd"))

    assert caught.value.detail is not None
    assert "root_key" in caught.value.detail


async def test_port_of_another_project_names_it(project: Path, tmp_path: Path, make_settings: MakeSettings) -> None:
    """A port that another project's network has is refused, with the command that stops that network."""
    settings = make_settings()
    other = tmp_path / "the other"
    access = await start_network(other, NETWORK, settings=settings)
    port = int(access.api_url.rpartition(":")[2])
    try:
        with pytest.raises(NetworkError, match=f"port {port} is in use") as caught:
            await start_network(project, replace(NETWORK, port=port), settings=settings)
    finally:
        await stop_network(other, NETWORK, settings=settings)

    assert caught.value.slug == "network/port-taken"
    assert caught.value.detail == f"the `local` network of the project at `{other}` has it (process {access.pid})"
    assert caught.value.hint is not None
    assert f"orchestrator network stop local --project '{other}'" in caught.value.hint


async def test_port_of_a_stranger_says_what_to_do(project: Path, make_settings: MakeSettings) -> None:
    """A port that some program has is refused with what to do."""
    with pytest.raises(NetworkError, match="port 8123 is in use") as caught:
        await start_network(project, replace(NETWORK, port=8123), settings=make_settings("port-taken"))

    assert caught.value.detail == "another program has it"
    assert caught.value.hint is not None
    assert caught.value.hint.endswith(":\nnetworks:\n  - name: local\n    mode: managed\n    gateway: { port: 0 }")


@pytest.mark.parametrize(
    ("behaviour", "summary"),
    [
        ("address-unavailable", "network `local` cannot listen on 192.0.2.1: this machine does not have that address"),
        ("port-forbidden", "network `local` may not listen on port 80"),
    ],
)
async def test_where_a_network_cannot_listen_the_manifest_is_shown(
    project: Path, make_settings: MakeSettings, behaviour: str, summary: str
) -> None:
    """An address that is not this machine's, and a port that is not the user's, are no taken ports; both point to the network's entry."""
    span = Span(path=project / "icp.yaml", line=3, column=5)
    network = replace(NETWORK, bind="192.0.2.1", port=80, span=span)
    with pytest.raises(NetworkError) as caught:
        await start_network(project, network, settings=make_settings(behaviour))

    assert (caught.value.slug, caught.value.summary) == (f"network/{behaviour}", summary)
    assert caught.value.span == span
    assert "gateway: {" in str(caught.value.hint)


async def test_artificial_delay_is_handed_on(project: Path, make_settings: MakeSettings) -> None:
    """The manifest's delay reaches the process."""
    await start_network(project, replace(NETWORK, artificial_delay_ms=250), settings=make_settings())

    log = Layout(project).network("local").log.read_text()
    assert "delay=250" in log


async def test_cancelled_start_leaves_no_process(project: Path, make_settings: MakeSettings) -> None:
    """Cancelling a start that is not ready ends the process and frees the lock for the next starter."""
    log = Layout(project).network("local").log
    async with anyio.create_task_group() as group:

        async def start() -> None:
            await start_network(project, NETWORK, settings=make_settings("hang"))

        group.start_soon(start)
        with anyio.fail_after(20):
            while not (log.exists() and log.read_text()):
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    access = await start_network(project, NETWORK, settings=make_settings())

    assert access.pid is not None


async def test_connected_networks_have_their_key(project: Path) -> None:
    """A connected network is reached at its URL, with mainnet's key or the one that was written down."""
    mainnet = await connect(project, ConnectedNetwork(name="ic", api_url="https://icp-api.io", gateway_url="https://icp0.io"))
    pinned = await network_status(project, ConnectedNetwork(name="test", api_url="http://host:1", root_key=b"key"))

    assert mainnet.root_key == MAINNET_ROOT_KEY
    assert (mainnet.api_url, mainnet.gateway_url, mainnet.managed) == ("https://icp-api.io", "https://icp0.io", False)
    assert pinned.state == "connected"
    assert pinned.access is not None
    assert pinned.access.root_key == b"key"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x"}'])
async def test_damaged_descriptor_is_an_error_with_a_hint(tmp_path: Path, content: str) -> None:
    """A damaged descriptor is reported with its path, never as a traceback."""
    path = Layout(tmp_path).network("local").descriptor
    path.parent.mkdir(parents=True)
    path.write_text(content)

    with pytest.raises(StoreError, match="is damaged") as caught:
        await connect(tmp_path, NETWORK)

    assert str(path) in caught.value.summary
    assert caught.value.hint


async def test_descriptor_holds_what_is_documented(project: Path, make_settings: MakeSettings) -> None:
    """The descriptor names the network, the project and the process."""
    access = await start_network(project, NETWORK, settings=make_settings())

    document = json.loads(Layout(project).network("local").descriptor.read_text())
    assert document["v"] == 1
    assert (document["network"], document["project"], document["pid"]) == ("local", str(project), access.pid)


async def test_program_that_cannot_be_started_is_explained(project: Path, make_settings: MakeSettings) -> None:
    """An interpreter that is gone is an error with its path, not a traceback."""
    settings = replace(make_settings(), command=("/nowhere/python",))

    with pytest.raises(NetworkError, match="cannot be started") as caught:
        await start_network(project, NETWORK, settings=settings)

    assert caught.value.detail is not None
    assert "/nowhere/python" in caught.value.detail


async def test_folder_that_cannot_be_made_is_explained(project: Path, make_settings: MakeSettings) -> None:
    """A file in place of the tool's folder is an error with its path."""
    (project / ".orchestrator").write_text("")

    with pytest.raises(StoreError, match="cannot make the folder"):
        await start_network(project, NETWORK, settings=make_settings())
