"""`launcher: dfx`, with a stand-in for dfx whose network is the embedded one."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.networks import Features
from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.dfx.files import find_dfx_network
from orchestrator.network.dfx.runner import DfxRunner, render_options
from orchestrator.network.manager import connect, network_status, reset_network, start_network, stop_network
from orchestrator.network.processes.commands import run_command
from orchestrator.network.processes.process import end_process, load_birth
from orchestrator.network.runner import Place
from orchestrator.network.settings import NetworkSettings
from tests.support.programs import write_program

MakeSettings = Callable[..., NetworkSettings]
NETWORK = ManagedNetwork(name="local", launcher="dfx", port=0)
pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path, make_settings: MakeSettings) -> NetworkSettings:
    """Return settings with dfx on the PATH, and a home of its own."""
    write_program(tmp_path / "bin", "dfx", "fake_dfx.py")
    present = NetworkSettings.from_environment({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}).environ
    return replace(make_settings(program_seconds=30.0), environ={**present, "FAKE_DFX_RECORD": str(tmp_path / "record.jsonl")})


@pytest.fixture(autouse=True)
def nothing_left(project: Path, settings: NetworkSettings) -> Iterator[None]:
    """End whatever a test leaves running."""
    yield
    pid = find_dfx_network(project, settings.environ).load_pid()
    if pid is not None:
        anyio.run(lambda: end_process(pid, load_birth(pid) or "", seconds=10))


async def dfx(project: Path, settings: NetworkSettings, *words: str) -> None:
    """Run dfx by hand."""
    done = await run_command(
        ("dfx", *words), environ=settings.environ, directory=project, seconds=30, log=Path(settings.environ["HOME"]) / "log"
    )
    assert done.status == 0


def told(settings: NetworkSettings) -> list[list[str]]:
    """Return the commands that dfx was run with."""
    path = Path(settings.environ["FAKE_DFX_RECORD"])
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_network_is_started_stopped_and_reset_by_dfx(project: Path, settings: NetworkSettings) -> None:
    """Start and stop are dfx's own; the state stays over a stop, and a reset leaves nothing of it."""
    first = await start_network(project, NETWORK, settings=settings)
    report = await network_status(project, NETWORK, settings=settings)
    again = await start_network(project, NETWORK, settings=settings)
    stopped = await stop_network(project, NETWORK, settings=settings)
    after = await network_status(project, NETWORK, settings=settings)
    second = await start_network(project, NETWORK, settings=settings)
    await reset_network(project, NETWORK, settings=settings)
    third = await start_network(project, NETWORK, settings=settings)

    assert (report.state, report.owner, report.pid, report.access) == ("running", "dfx", first.pid, first)
    assert again == first
    assert first.effective_canister_id == "lqy7q-dh777-77777-aaaaq-cai"
    assert (stopped, after.state) == (first.pid, "stopped")
    assert (second.instance_id, second.root_key) == (first.instance_id, first.root_key)
    assert third.instance_id != first.instance_id
    assert told(settings) == [["start", "--background"], ["stop"], ["start", "--background"], ["stop"], ["start", "--background"]]


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "of-the-project"])
async def test_network_that_dfx_runs_already_is_used(project: Path, settings: NetworkSettings, *, shared: bool) -> None:
    """A network that was started by hand is found where dfx describes it: for all projects, or for this one."""
    (project / "dfx.json").write_text("{}" if shared else json.dumps({"networks": {"local": {"bind": "127.0.0.1:8000"}}}))
    await dfx(project, settings, "start", "--background")

    access = await connect(project, NETWORK, settings=settings)
    started = await start_network(project, NETWORK, settings=settings)

    home = Path(settings.environ["HOME"])
    place = home / ".local/share/dfx/network/local" if shared else project / ".dfx/network/local"
    assert access.api_url == f"http://127.0.0.1:{(place / 'webserver-port').read_text()}"
    assert access.pid == int((place / "pid").read_text())
    assert started == access
    assert len(told(settings)) == 1


@pytest.mark.slow
async def test_network_that_was_started_anew_is_another_instance(project: Path, settings: NetworkSettings) -> None:
    """`dfx start --clean` behind our back is noticed: ids of the old state are not those of the new one."""
    first = await start_network(project, NETWORK, settings=settings)
    await dfx(project, settings, "stop")
    await dfx(project, settings, "start", "--clean", "--background")

    second = await connect(project, NETWORK, settings=settings)

    assert second.instance_id != first.instance_id


async def test_dead_dfx_counts_as_stopped(project: Path, settings: NetworkSettings) -> None:
    """A pid that dfx left behind, or that another program was given since, is no running network."""
    network = find_dfx_network(project, settings.environ)
    network.directory.mkdir(parents=True)
    (network.directory / "pid").write_text(str(os.getpid()))
    os.utime(network.directory / "pid", (0, 0))
    (network.directory / "webserver-port").write_text("4943")

    report = await network_status(project, NETWORK, settings=settings)
    with pytest.raises(NetworkError, match="is not running"):
        await connect(project, NETWORK, settings=settings)

    assert report.state == "stopped"


@pytest.mark.parametrize(
    "content", ["", "abc", "-1", "4943 4944", "\x00", "9" * 9000], ids=["empty", "word", "negative", "two", "zero-byte", "endless"]
)
async def test_odd_files_of_dfx_are_no_network(project: Path, settings: NetworkSettings, content: str) -> None:
    """Whatever is in the files of dfx, a network that cannot be found in them does not run."""
    (project / "dfx.json").write_text('{"networks": ' + content)
    directory = find_dfx_network(project, settings.environ).directory
    directory.mkdir(parents=True)
    for name in ("pid", "webserver-port", "network-id", "replica-effective-config.json"):
        (directory / name).write_text(content)

    report = await network_status(project, NETWORK, settings=settings)

    assert (report.state, report.access) == ("stopped", None)


@pytest.mark.slow
async def test_silent_dfx_is_left_alone(project: Path, settings: NetworkSettings) -> None:
    """A network of dfx that does not answer is said to be so; a start does not end what somebody else may be starting."""
    access = await start_network(project, NETWORK, settings=settings)
    (find_dfx_network(project, settings.environ).directory / "webserver-port").write_text("")

    report = await network_status(project, NETWORK, settings=settings)
    with pytest.raises(NetworkError, match="does not answer") as starting:
        await start_network(project, NETWORK, settings=settings)
    with pytest.raises(NetworkError, match="does not answer"):
        await connect(project, NETWORK, settings=settings)

    assert (report.state, report.pid) == ("unresponsive", access.pid)
    assert starting.value.slug == "network/unresponsive"
    assert "dfx started it" in (starting.value.detail or "")
    assert load_birth(access.pid or 0) is not None


async def test_failure_of_dfx_is_shown(project: Path, settings: NetworkSettings) -> None:
    """What dfx says when it cannot start is in the error."""
    failing = replace(settings, environ={**settings.environ, "FAKE_DFX": "fail"})

    with pytest.raises(NetworkError, match="dfx did not start the `local` network") as caught:
        await start_network(project, NETWORK, settings=failing)

    assert caught.value.slug == "network/start-failed"
    assert "ended with status 1; the end of its log:\nError: The network state can't be reused" in (caught.value.detail or "")


async def test_missing_dfx_is_named_with_how_to_install_it(project: Path, settings: NetworkSettings) -> None:
    """Without dfx the error has the command that installs it; a network that runs is found all the same."""
    without = replace(settings, environ={**settings.environ, "PATH": "/nowhere"})

    with pytest.raises(NetworkError, match="needs dfx, which is not installed") as caught:
        await start_network(project, NETWORK, settings=without)
    access = await start_network(project, NETWORK, settings=settings)
    found = await connect(project, NETWORK, settings=without)
    stopped = await stop_network(project, NETWORK, settings=without)

    assert caught.value.slug == "network/launcher-missing"
    assert "https://internetcomputer.org/install.sh" in (caught.value.hint or "")
    assert found == access
    assert stopped == access.pid
    assert load_birth(access.pid or 0) is None


@pytest.mark.slow
async def test_cancelled_start_is_taken_back(project: Path, settings: NetworkSettings) -> None:
    """A start that is cancelled while dfx is at it leaves no network."""
    network = find_dfx_network(project, settings.environ)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: start_network(project, NETWORK, settings=settings))
        with anyio.fail_after(20):
            while network.load_pid() is None:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    assert network.load_pid() is None
    assert told(settings) == [["start", "--background"]]


async def test_failed_start_leaves_the_network_of_others_alone(project: Path, settings: NetworkSettings, tmp_path: Path) -> None:
    """A start that comes second, because another project's was quicker, does not stop the network that both share."""
    access = await start_network(project, NETWORK, settings=settings)
    other = tmp_path / "other"
    other.mkdir()

    with pytest.raises(NetworkError, match="dfx did not start") as caught:
        await DfxRunner().launch(Place(project_dir=other, network=NETWORK, settings=settings))

    assert "dfx is already running" in (caught.value.detail or "")
    assert load_birth(access.pid or 0) is not None
    assert ["stop"] not in told(settings)


async def test_dfx_that_cannot_be_run_is_explained(project: Path, settings: NetworkSettings, tmp_path: Path) -> None:
    """A file that is no program is an error with its path and what to do."""
    (tmp_path / "bin" / "dfx").write_bytes(b"\x00")

    with pytest.raises(NetworkError, match="cannot be run") as caught:
        await start_network(project, NETWORK, settings=settings)

    assert caught.value.slug == "network/start-failed"
    assert "--version" in (caught.value.hint or "")


def test_options_say_only_what_is_asked_for() -> None:
    """What the manifest leaves open stays dfx's to decide."""
    full = replace(
        NETWORK,
        bind="0.0.0.0",  # noqa: S104  # an option, not bound to
        port=8001,
        domains=("localhost", "site.test"),
        artificial_delay_ms=7,
        features=Features(nns=True, bitcoind_addresses=("127.0.0.1:18444",), dogecoind_addresses=("127.0.0.1:22556",)),
    )

    assert render_options(NETWORK) == render_options(replace(NETWORK, domains=("localhost",))) == ()
    assert render_options(full) == (
        *("--host", "0.0.0.0:8001", "--artificial-delay", "7", "--domain", "localhost", "--domain", "site.test"),
        *("--system-canisters", "--bitcoin-node", "127.0.0.1:18444", "--dogecoin-node", "127.0.0.1:22556"),
    )


@pytest.mark.parametrize(
    ("platform", "variables", "place"),
    [
        ("linux", {}, ".local/share/dfx/network/local"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/dfx/network/local"),
        ("linux", {"XDG_DATA_HOME": "relative"}, ".local/share/dfx/network/local"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "Library/Application Support/org.dfinity.dfx/network/local"),
    ],
)
def test_shared_network_is_where_the_platform_has_data(tmp_path: Path, platform: str, variables: dict[str, str], place: str) -> None:
    """The folder is the one that dfx's own library for folders gives."""
    found = find_dfx_network(tmp_path, {"HOME": str(tmp_path), **variables}, platform)

    assert found.shared
    assert found.directory == tmp_path / place


def test_projects_network_is_found_from_below(tmp_path: Path) -> None:
    """The nearest `dfx.json` decides, as for dfx; one without a network `local` shares the user's."""
    (tmp_path / "dfx.json").write_text(json.dumps({"networks": {"local": {}}}))
    (tmp_path / "inner" / "project").mkdir(parents=True)

    outer = find_dfx_network(tmp_path / "inner" / "project", {"HOME": str(tmp_path)})
    (tmp_path / "inner" / "dfx.json").write_text("{}")
    inner = find_dfx_network(tmp_path / "inner" / "project", {"HOME": str(tmp_path)})

    assert (outer.directory, outer.shared) == (tmp_path / ".dfx" / "network" / "local", False)
    assert inner.shared
