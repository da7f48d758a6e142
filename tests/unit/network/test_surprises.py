"""Networks that are not as they were left: files deleted, process killed or suspended, project changed."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import StoreError
from orchestrator.network.access import NetworkReport
from orchestrator.network.manager import network_status, reset_network, start_network, stop_network
from orchestrator.network.notices import find_notices
from orchestrator.network.processes.attempt import Attempt, find_attempt, write_attempt
from orchestrator.network.processes.family import load_children
from orchestrator.network.processes.ports import PortOwner, write_owner
from orchestrator.network.processes.process import end_process, is_alive, load_birth
from orchestrator.network.settings import NetworkSettings
from orchestrator.store import Layout

MakeSettings = Callable[..., NetworkSettings]
NETWORK = ManagedNetwork(name="local", port=0)
pytestmark = pytest.mark.anyio


def slugs(report: NetworkReport, network: ManagedNetwork = NETWORK) -> list[str]:
    """Return what a report has to be said about."""
    return [notice.slug for notice in find_notices(network, report)]


def living_children() -> set[int]:
    """Return the processes that this one has started and that still run."""
    return {pid for pid in load_children(os.getpid()) if load_birth(pid) is not None}


async def start_orphan(project: Path, settings: NetworkSettings) -> int:
    """Start a network, delete the project's cache, and return the process that still runs."""
    access = await start_network(project, NETWORK, settings=settings)
    shutil.rmtree(project / ".orchestrator")
    assert access.pid is not None
    return access.pid


async def test_a_network_whose_files_are_gone_is_found_and_stopped(project: Path, make_settings: MakeSettings) -> None:
    """Without the project's cache the status still names the process, stop ends it, and its port is free again."""
    settings = make_settings()
    pid = await start_orphan(project, settings)

    report = await network_status(project, NETWORK, settings=settings)
    stopped = await stop_network(project, NETWORK, settings=settings)
    after = await network_status(project, NETWORK, settings=settings)

    assert (report.state, report.pid, report.access) == ("orphaned", pid, None)
    assert slugs(report) == ["network/orphaned"]
    assert stopped == pid
    assert load_birth(pid) is None
    assert after.state == "stopped"
    assert list(settings.user.ports.glob("*.json")) == []


@pytest.mark.parametrize("verb", [start_network, reset_network], ids=["start", "reset"])
async def test_start_and_reset_end_what_still_runs_without_files(
    project: Path, make_settings: MakeSettings, verb: Callable[..., object]
) -> None:
    """Neither leaves the process without files behind."""
    settings = make_settings()
    pid = await start_orphan(project, settings)

    if verb is start_network:
        await start_network(project, NETWORK, settings=settings)
    else:
        await reset_network(project, NETWORK, settings=settings)

    assert load_birth(pid) is None


async def test_other_projects_networks_are_nobodys_orphans(project: Path, make_settings: MakeSettings, tmp_path: Path) -> None:
    """A record of another project stays and counts for nothing; one of a dead process is deleted."""
    settings = make_settings()
    (tmp_path / "other").mkdir()
    living = PortOwner(project=str(tmp_path / "other"), network="local", pid=os.getpid(), birth=load_birth(os.getpid()) or "")
    write_owner(settings.user.ports, 8001, living)
    write_owner(settings.user.ports, 8002, replace(living, project=str(project), birth="another boot:1"))

    report = await network_status(project, NETWORK, settings=settings)

    assert (report.state, report.pid) == ("stopped", None)
    assert [path.name for path in settings.user.ports.iterdir()] == ["8001.json"]


async def test_a_killed_network_is_said_to_have_ended_unexpectedly(project: Path, make_settings: MakeSettings) -> None:
    """What a process that was killed left behind tells; once started again, nothing is odd any more."""
    settings = make_settings()
    access = await start_network(project, NETWORK, settings=settings)
    assert access.pid is not None
    birth = load_birth(access.pid) or ""
    os.kill(access.pid, signal.SIGKILL)
    await end_process(access.pid, birth, seconds=10)

    report = await network_status(project, NETWORK, settings=settings)
    await start_network(project, NETWORK, settings=settings)
    after = await network_status(project, NETWORK, settings=settings)

    assert (report.state, report.crashed) == ("stopped", access.pid)
    assert slugs(report) == ["network/crashed"]
    assert slugs(after) == []


async def test_a_suspended_network_is_told_to_end_and_not_killed(project: Path, make_settings: MakeSettings) -> None:
    """It does not answer; asked to end it does so by itself, so its state is saved, and it is asked once only."""
    settings = make_settings(answer_seconds=0.2)
    access = await start_network(project, NETWORK, settings=settings)
    assert access.pid is not None
    birth = load_birth(access.pid) or ""
    os.kill(access.pid, signal.SIGSTOP)

    report = await network_status(project, NETWORK, settings=settings)
    with anyio.fail_after(10):
        second = await start_network(project, NETWORK, settings=make_settings(answer_seconds=60.0), silent=report.pid)

    assert (report.state, report.pid) == ("unresponsive", access.pid)
    assert slugs(report) == ["network/unresponsive"]
    assert not is_alive(access.pid, birth)
    assert second.pid != access.pid


async def test_a_port_that_was_changed_since_the_start_is_said(project: Path, make_settings: MakeSettings) -> None:
    """The running network is used where it listens, and the warning says how to restart it; any port does for 0."""
    settings = make_settings()
    access = await start_network(project, NETWORK, settings=settings)
    changed = replace(NETWORK, port=1)

    report = await network_status(project, changed, settings=settings)
    same = await network_status(project, NETWORK, settings=settings)

    (notice,) = find_notices(changed, report)
    assert notice.slug == "network/outdated"
    assert access.api_url.removeprefix("http://") in notice.summary
    assert notice.hint is not None
    assert "orchestrator network stop local" in notice.hint
    assert slugs(same) == []


async def test_stopping_waits_for_whoever_is_starting(project: Path, make_settings: MakeSettings) -> None:
    """A stop that comes while the network is being started ends it once it runs, instead of finding nothing."""
    settings, stopped = make_settings(), list[int | str | None]()
    log = Layout(project).network("local").log

    async with anyio.create_task_group() as group:
        group.start_soon(partial(start_network, project, NETWORK, settings=settings))
        with anyio.fail_after(20):
            while not log.exists():
                await anyio.lowlevel.checkpoint()
            stopped.append(await stop_network(project, NETWORK, settings=settings))

    assert stopped[0] is not None
    assert (await network_status(project, NETWORK, settings=settings)).state == "stopped"


async def test_start_that_cannot_be_written_down_leaves_no_process(project: Path, make_settings: MakeSettings) -> None:
    """A network that nobody could find again does not go on running."""
    settings = make_settings()
    settings.user.ports.parent.mkdir(parents=True)
    settings.user.ports.write_text("a file in the place of a folder")
    before = living_children()

    with pytest.raises(StoreError, match="cannot make the folder"):
        await start_network(project, NETWORK, settings=settings)

    assert living_children() == before
    assert not Layout(project).network("local").descriptor.exists()


async def test_network_of_another_launcher_is_found_and_stopped(project: Path, make_settings: MakeSettings) -> None:
    """After `launcher` was changed in the manifest, status still tells of what runs, and stop ends it."""
    settings = make_settings()
    settings = replace(settings, environ={**settings.environ, "HOME": str(project), "PATH": "/nowhere"})
    access = await start_network(project, NETWORK, settings=settings)
    changed = replace(NETWORK, launcher="dfx")

    report = await network_status(project, changed, settings=settings)
    stopped = await stop_network(project, changed, settings=settings)

    assert (report.state, report.pid) == ("orphaned", access.pid)
    assert stopped == access.pid
    assert load_birth(access.pid or 0) is None


async def test_network_whose_starter_was_killed_is_found_and_ended(project: Path, make_settings: MakeSettings) -> None:
    """A process that was being started when its starter died is told of, and ended by the next start; nobody has to search for it."""
    settings = make_settings()
    files = Layout(project).network("local")
    access = await start_network(project, NETWORK, settings=settings)
    assert access.pid is not None
    write_attempt(files, Attempt(pid=access.pid, birth=load_birth(access.pid) or ""))
    files.descriptor.unlink()
    shutil.rmtree(settings.user.ports)

    report = await network_status(project, NETWORK, settings=settings)
    second = await start_network(project, NETWORK, settings=settings)

    assert (report.state, report.pid) == ("orphaned", access.pid)
    assert load_birth(access.pid) is None
    assert second.pid != access.pid
    assert not files.attempt.exists()


async def test_network_that_is_being_started_is_nobodys_orphan(project: Path, make_settings: MakeSettings) -> None:
    """While somebody starts it the process is written down already, and the network is not said to be lost."""
    settings = make_settings("hang")
    files = Layout(project).network("local")
    async with anyio.create_task_group() as group:
        group.start_soon(partial(start_network, project, NETWORK, settings=settings))
        with anyio.fail_after(20):
            while (attempt := find_attempt(files)) is None:
                await anyio.lowlevel.checkpoint()
        report = await network_status(project, NETWORK, settings=settings)
        group.cancel_scope.cancel()

    assert report.state == "stopped"
    assert attempt is not None
    assert load_birth(attempt.pid) is None
    assert not files.attempt.exists()


async def test_a_network_can_be_stopped_where_nothing_can_be_written(project: Path, make_settings: MakeSettings) -> None:
    """Without its lock, and with files that cannot be deleted, a network is ended; only starting one has to write."""
    settings = make_settings()
    access = await start_network(project, NETWORK, settings=settings)
    files = Layout(project).network("local")
    for path in (files.lock, files.status):
        path.unlink(missing_ok=True)
        path.mkdir()

    stopped = await stop_network(project, NETWORK, settings=settings)
    with pytest.raises(StoreError) as caught:
        await start_network(project, NETWORK, settings=settings)

    assert stopped == access.pid
    assert (caught.value.slug, caught.value.summary) == ("store/lock", f"cannot lock `{files.lock}`")
