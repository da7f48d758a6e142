"""`image:`, with a stand-in for the docker client."""

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.networks import Container
from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.answer import wait_answer
from orchestrator.network.manager import connect, network_status, reset_network, start_network, stop_network
from orchestrator.network.notices import find_notices
from orchestrator.network.processes.process import load_birth
from orchestrator.network.settings import NetworkSettings
from orchestrator.store import Layout
from tests.support.programs import write_program

MakeSettings = Callable[..., NetworkSettings]
IMAGE = "ghcr.io/dfinity/icp-cli-network-launcher"
CONTAINER = Container(image=IMAGE, ports=("0:4943",))
NETWORK = ManagedNetwork(name="box", launcher="docker", port=0, container=CONTAINER)
pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path, make_settings: MakeSettings) -> Iterator[NetworkSettings]:
    """Return settings with docker on the PATH; whatever containers a test leaves are ended afterwards."""
    write_program(tmp_path / "bin", "docker", "fake_docker.py")
    present = NetworkSettings.from_environment({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}).environ
    daemon = tmp_path / "docker"
    yield replace(make_settings(program_seconds=30.0), environ={**present, "FAKE_DOCKER_ROOT": str(daemon)})
    for path in (*daemon.glob("*.pid"), *daemon.glob("*.gateway")):
        if load_birth(int(path.read_text())) is not None:
            os.kill(int(path.read_text()), signal.SIGKILL)


def behaving(settings: NetworkSettings, behaviour: str) -> NetworkSettings:
    """Return settings whose docker behaves as told."""
    return replace(settings, environ={**settings.environ, "FAKE_DOCKER": behaviour})


def told(settings: NetworkSettings, verb: str) -> list[list[str]]:
    """Return the commands of one kind that docker was given."""
    path = Path(settings.environ["FAKE_DOCKER_ROOT"]) / "commands.jsonl"
    commands = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [command[1:] for command in commands if command[0] == verb]


def kept(settings: NetworkSettings) -> list[Path]:
    """Return what Docker still knows of containers."""
    return sorted(Path(settings.environ["FAKE_DOCKER_ROOT"]).glob("*.json"))


async def test_container_is_started_found_and_stopped(project: Path, settings: NetworkSettings) -> None:
    """A container answers on the port that Docker gave it, is named by its id, and every start is another instance."""
    first = await start_network(project, NETWORK, settings=settings)
    answers = await wait_answer(first.api_url, seconds=5)
    report = await network_status(project, NETWORK, settings=settings)
    again = await start_network(project, NETWORK, settings=settings)
    stopped = await stop_network(project, NETWORK, settings=settings)
    after = await network_status(project, NETWORK, settings=settings)
    second = await start_network(project, NETWORK, settings=settings)

    assert answers
    assert (report.state, report.access, report.container, report.pid) == ("running", first, first.container, None)
    assert again == first
    assert (first.launcher, first.instance_id, first.pid) == ("docker", first.container, None)
    assert first.effective_canister_id == "lqy7q-dh777-77777-aaaaq-cai"
    assert (stopped, after.state) == (first.container, "stopped")
    assert second.instance_id != first.instance_id
    assert told(settings, "rm") == []


async def test_every_key_reaches_docker(project: Path, settings: NetworkSettings) -> None:
    """Keys become options with icp-cli's meaning: this machine's ports only, mounts from the project, the interface told."""
    (project / "config, odd").mkdir()
    container = Container(
        image=IMAGE,
        ports=("0:4943", "0.0.0.0:0:4942"),
        remove=True,
        arguments=("--ii",),
        entrypoint=("/bin/launcher", "--quiet"),
        environment=("LEVEL=debug", "TOKEN"),
        volumes=("data:/data",),
        mounts=("./config, odd:/config:ro",),
        extra_hosts=("host.docker.internal:host-gateway",),
        platform="linux/arm64",
        user="1000:1000",
        shm_size=64,
        status_directory="/run/status",
    )

    await start_network(project, replace(NETWORK, container=container), settings=settings)
    await stop_network(project, replace(NETWORK, container=container), settings=settings)

    status = Layout(project).network("box").announcements
    assert told(settings, "create") == [
        [
            *("--label", f"org.icp-orchestrator.project={project}", "--label", "org.icp-orchestrator.network=box"),
            *("--platform", "linux/arm64", "--publish", "127.0.0.1::4943/tcp", "--publish", "0.0.0.0::4942/tcp"),
            *("--env", "LEVEL=debug", "--env", "TOKEN", "--env", "ICP_CLI_NETWORK_LAUNCHER_INTERFACE_VERSION=1.0.0"),
            *("--mount", f'type=bind,"source={project}/config, odd",target=/config,readonly'),
            *("--mount", f"type=bind,source={status},target=/run/status", "--volume", "data:/data"),
            *("--add-host", "host.docker.internal:host-gateway", "--user", "1000:1000", "--shm-size", "64"),
            *("--entrypoint", "/bin/launcher", IMAGE, "--quiet", "--ii"),
        ]
    ]
    assert len(told(settings, "rm")) == 1


@pytest.mark.slow
async def test_absent_image_is_fetched(project: Path, settings: NetworkSettings) -> None:
    """An image that is not there is pulled once."""
    lacking = behaving(settings, "no-image")

    await start_network(project, NETWORK, settings=lacking)
    await stop_network(project, NETWORK, settings=lacking)
    await start_network(project, NETWORK, settings=lacking)

    assert told(lacking, "pull") == [["--quiet", IMAGE]]


@pytest.mark.parametrize(
    ("behaviour", "slug", "detail"),
    [
        ("no-daemon", "network/docker-daemon", "Cannot connect to the Docker daemon"),
        ("no-such-image", "network/docker-failed", "manifest unknown"),
        ("crash", "network/start-failed", "ended with status 101; the end of its output:\ngateway bind failed: Address already in use"),
        ("odd", "network/launcher-status", "its version `v` is '9'"),
    ],
    ids=["no-daemon", "no-such-image", "crash", "odd"],
)
async def test_failed_starts_say_why(project: Path, settings: NetworkSettings, behaviour: str, slug: str, detail: str) -> None:
    """What Docker or the container says is in the error, and no container is left running."""
    with pytest.raises(NetworkError) as caught:
        await start_network(project, NETWORK, settings=behaving(settings, behaviour))
    report = await network_status(project, NETWORK, settings=settings)

    assert caught.value.slug == slug
    assert detail in (caught.value.detail or "")
    assert report.state == "stopped"


@pytest.mark.slow
async def test_container_that_is_never_ready_is_stopped(project: Path, settings: NetworkSettings) -> None:
    """A start has a deadline, after which the container does not run any more."""
    with pytest.raises(NetworkError, match="did not start in time") as caught:
        await start_network(project, NETWORK, settings=replace(behaving(settings, "hang"), program_seconds=0.5))
    report = await network_status(project, NETWORK, settings=settings)

    assert caught.value.slug == "network/start-timeout"
    assert "docker logs" in (caught.value.hint or "")
    assert report.state == "stopped"


async def test_missing_docker_is_named_with_where_to_get_it(project: Path, settings: NetworkSettings) -> None:
    """Without docker the error says where to get it, and what does without; status and stop still work."""
    without = replace(settings, environ={**settings.environ, "PATH": "/nowhere"})

    with pytest.raises(NetworkError, match="needs Docker, which is not installed") as caught:
        await start_network(project, NETWORK, settings=without)

    assert caught.value.slug == "network/launcher-missing"
    assert "https://docs.docker.com/get-docker/" in (caught.value.hint or "")
    assert (await network_status(project, NETWORK, settings=without)).state == "stopped"


async def test_taken_port_is_seen_before_the_start(project: Path, settings: NetworkSettings) -> None:
    """A fixed port that some program has is refused with what to do, before a container is made."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = replace(NETWORK, port=port, container=Container(image=IMAGE, ports=(f"{port}:4943",)))
        with pytest.raises(NetworkError, match="is in use") as caught:
            await start_network(project, taken, settings=settings)

    assert caught.value.slug == "network/port-taken"
    assert 'port-mapping: ["0:4943"]' in (caught.value.hint or "")
    assert told(settings, "create") == []


@pytest.mark.slow
async def test_gateway_without_a_mapping_is_an_error(project: Path, settings: NetworkSettings) -> None:
    """A container whose gateway no port leads to is stopped, and the error has the mapping that lacks."""
    with pytest.raises(NetworkError, match="gateway cannot be reached") as caught:
        await start_network(project, NETWORK, settings=behaving(settings, "unmapped"))
    report = await network_status(project, NETWORK, settings=settings)

    assert caught.value.slug == "network/port-unmapped"
    assert caught.value.hint == 'add it to `port-mapping`: "8000:4943"'
    assert report.state == "stopped"


async def test_missing_mount_is_an_error(project: Path, settings: NetworkSettings) -> None:
    """A folder that is not there is named before anything is made."""
    with pytest.raises(NetworkError, match=r"`\./absent` cannot be mounted") as caught:
        await start_network(project, replace(NETWORK, container=replace(CONTAINER, mounts=("./absent:/x",))), settings=settings)

    assert caught.value.slug == "network/mount-missing"
    assert told(settings, "create") == []


@pytest.mark.slow
async def test_container_that_was_killed_counts_as_stopped(project: Path, settings: NetworkSettings) -> None:
    """A record of a container that does not run any more is no running network, and gives way to a new one."""
    first = await start_network(project, NETWORK, settings=settings)
    pid = int((Path(settings.environ["FAKE_DOCKER_ROOT"]) / f"{first.container}.pid").read_text())
    os.kill(pid, signal.SIGKILL)

    report = await network_status(project, NETWORK, settings=settings)
    with pytest.raises(NetworkError, match="is not running"):
        await connect(project, NETWORK, settings=settings)
    second = await start_network(project, NETWORK, settings=settings)

    assert report.state == "stopped"
    assert second.container != first.container


@pytest.mark.slow
async def test_container_whose_record_is_gone_is_found_by_its_labels(project: Path, settings: NetworkSettings) -> None:
    """Without the project's cache the container is still known by its labels, told about, and stopped."""
    first = await start_network(project, NETWORK, settings=settings)
    shutil.rmtree(project / ".orchestrator")

    report = await network_status(project, NETWORK, settings=settings)
    stopped = await stop_network(project, NETWORK, settings=settings)

    assert (report.state, report.container) == ("orphaned", first.container)
    (notice,) = find_notices(NETWORK, report)
    assert f"(container {(first.container or '')[:12]})" in notice.summary
    assert stopped == first.container


@pytest.mark.slow
async def test_reset_deletes_every_container(project: Path, settings: NetworkSettings) -> None:
    """Stopped containers that were kept go as well."""
    for _ in range(2):
        await start_network(project, NETWORK, settings=settings)
        await stop_network(project, NETWORK, settings=settings)

    await reset_network(project, NETWORK, settings=settings)

    assert len(told(settings, "rm")) == 2
    assert kept(settings) == []


@pytest.mark.slow
async def test_another_launcher_takes_over(project: Path, settings: NetworkSettings, tmp_path: Path) -> None:
    """A network that the manifest gives to another launcher is ended where it ran, and started where it belongs."""
    write_program(tmp_path / "bin", "icp-cli-network-launcher", "fake_pocket_ic.py", "launcher")
    elsewhere = ManagedNetwork(name="box", launcher="pocket-ic", port=0)
    first = await start_network(project, NETWORK, settings=settings)

    second = await start_network(project, elsewhere, settings=settings)
    stranger = await network_status(project, NETWORK, settings=settings)
    third = await start_network(project, NETWORK, settings=settings)

    assert not await wait_answer(first.api_url, seconds=5)
    assert second.launcher == "pocket-ic"
    assert (stranger.state, stranger.pid) == ("orphaned", second.pid)
    assert third.launcher == "docker"
    assert load_birth(second.pid or 0) is None


async def test_container_that_cannot_be_stopped_is_not_said_to_be(project: Path, settings: NetworkSettings) -> None:
    """What Docker says against it is in the error, and the network stays known, so that it can be stopped later."""
    access = await start_network(project, NETWORK, settings=settings)

    with pytest.raises(NetworkError, match="Docker could not stop the container") as caught:
        await stop_network(project, NETWORK, settings=behaving(settings, "unstoppable"))
    report = await network_status(project, NETWORK, settings=settings)

    assert "permission denied" in (caught.value.detail or "")
    assert f"docker kill {(access.container or '')[:12]}" in (caught.value.hint or "")
    assert (report.state, report.container) == ("running", access.container)


async def test_docker_that_cannot_be_run_is_explained(project: Path, settings: NetworkSettings, tmp_path: Path) -> None:
    """A file that is no program is an error with its path and what to do."""
    (tmp_path / "bin" / "docker").write_bytes(b"\x00")

    with pytest.raises(NetworkError, match="cannot be run") as caught:
        await start_network(project, NETWORK, settings=settings)

    assert caught.value.slug == "network/docker-failed"
    assert "docker info" in (caught.value.hint or "")
