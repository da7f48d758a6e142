"""`launcher: pocket-ic`, with stand-ins for its programs."""

import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from orchestrator.agent.identity_files import IdentityFiles
from orchestrator.core.networks import Features
from orchestrator.core.principal import Principal
from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.answer import wait_answer
from orchestrator.network.descriptor import load_descriptor
from orchestrator.network.manager import connect, network_status, reset_network, start_network, stop_network
from orchestrator.network.names import tell_names
from orchestrator.network.pocket_ic.programs import find_pocket_ic
from orchestrator.network.processes.family import load_children
from orchestrator.network.processes.ports import PortOwner, write_owner
from orchestrator.network.processes.process import load_birth, wait_gone
from orchestrator.network.settings import NetworkSettings
from orchestrator.store import Layout
from tests.support.programs import write_program

MakeSettings = Callable[..., NetworkSettings]
NETWORK = ManagedNetwork(name="local", launcher="pocket-ic", port=0, domains=("localhost",))
FULL = replace(
    NETWORK,
    artificial_delay_ms=5,
    features=Features(nns=True, subnets=("application", "application", "system"), bitcoind_addresses=("127.0.0.1:18444",)),
)
SUBNET = {"state_config": "New", "instruction_config": "Production", "cost_schedule": "Normal"}
NAMES = (("local", "web"), ("demo", "web"), ("local", "app"))
LAUNCHER = "icp-cli-network-launcher"
pytestmark = pytest.mark.anyio


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Return the file in which the stand-ins write down what they were told."""
    return tmp_path / "record.jsonl"


@pytest.fixture
def with_program(tmp_path: Path, record: Path, make_settings: MakeSettings) -> Callable[..., NetworkSettings]:
    """Return a function that gives settings with one program of PocketIC on the PATH."""

    def make(kind: str, behaviour: str = "ready", **deadlines: float) -> NetworkSettings:
        if kind != "none":
            write_program(tmp_path / "bin", LAUNCHER if kind == "launcher" else "pocket-ic", "fake_pocket_ic.py", kind)
        settings = make_settings(**{"program_seconds": 30.0, **deadlines})
        present = NetworkSettings.from_environment({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}).environ
        return replace(settings, environ={**present, "FAKE_POCKET_IC": behaviour, "FAKE_POCKET_IC_RECORD": str(record)})

    return make


def read(path: Path) -> list[str]:
    """Return the lines of a file, if there is one."""
    return path.read_text().splitlines() if path.exists() else []


def told(record: Path) -> list[Mapping[str, object]]:
    """Return what the stand-ins were told."""
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


@pytest.mark.parametrize("kind", ["launcher", "server"])
async def test_network_starts_stops_and_keeps_its_state(project: Path, kind: str, with_program: MakeSettings) -> None:
    """Either program gives a network that answers; stopped and started again it is the same instance, reset another."""
    settings = with_program(kind)

    first = await start_network(project, NETWORK, settings=settings)
    answers = await wait_answer(first.api_url, seconds=5)
    connected = await connect(project, NETWORK, settings=settings)
    stopped = await stop_network(project, NETWORK, settings=settings)
    second = await start_network(project, NETWORK, settings=settings)
    await reset_network(project, NETWORK, settings=settings)
    third = await start_network(project, NETWORK, settings=settings)

    assert answers
    assert connected == first
    assert (first.launcher, first.gateway_url) == ("pocket-ic", f"http://localhost:{first.api_url.rpartition(':')[2]}")
    assert first.effective_canister_id == "lqy7q-dh777-77777-aaaaq-cai"
    assert len(first.root_key) == 133
    assert stopped == first.pid
    assert (second.instance_id, second.root_key) == (first.instance_id, first.root_key)
    assert third.instance_id != first.instance_id


async def test_launcher_is_told_what_icp_cli_tells_it(project: Path, record: Path, with_program: MakeSettings) -> None:
    """The options are icp-cli's, in its order, with the port only where one is wanted."""
    await start_network(project, FULL, settings=with_program("launcher"))

    files = Layout(project).network("local")
    assert told(record)[0]["arguments"] == [
        *(
            "--interface-version",
            "1.1.0",
            "--state-dir",
            str(files.program_state),
            "--bind",
            "127.0.0.1",
            "--status-dir",
            str(files.announcements),
        ),
        *("--nns", "--artificial-delay-ms=5", "--subnet=application", "--subnet=application", "--subnet=system"),
        *("--bitcoind-addr=127.0.0.1:18444", "--domain=localhost"),
    ]


async def test_server_makes_what_the_launcher_would(project: Path, record: Path, with_program: MakeSettings) -> None:
    """The instance has the subnets and features that the launcher asks the same server for."""
    await start_network(project, FULL, settings=with_program("server"))

    request = told(record)[1]["request"]
    always = ("cycles_minting", "icp_token", "cycles_token", "registry", "ii")
    assert request == {
        "subnet_config_set": {
            "application": [SUBNET, SUBNET],
            "system": [SUBNET],
            "verified_application": [],
            "cloud_engine": [],
            "nns": SUBNET,
            "sns": SUBNET,
            "bitcoin": SUBNET,
            "fiduciary": None,
            "ii": SUBNET,
        },
        "http_gateway_config": {"ip_addr": "127.0.0.1", "port": None, "domains": ["localhost"], "https_config": None},
        "state_dir": str(Layout(project).network("local").program_state),
        "icp_features": dict.fromkeys((*always, "nns_governance", "nns_ui", "sns", "canister_migration", "bitcoin"), "DefaultConfig"),
        "incomplete_state": "Enabled",
        "initial_time": {"AutoProgress": {"artificial_delay_ms": 5}},
        "bitcoind_addr": ["127.0.0.1:18444"],
    }


@pytest.mark.slow
async def test_killed_launcher_leaves_nothing_behind(project: Path, with_program: MakeSettings) -> None:
    """The process that a launcher had started is ended with what the launcher left, even when that was killed."""
    settings = with_program("launcher")
    first = await start_network(project, NETWORK, settings=settings)
    assert first.pid is not None
    (child,) = load_children(first.pid)
    os.kill(first.pid, signal.SIGKILL)
    await wait_gone(first.pid, load_birth(first.pid) or "")

    report = await network_status(project, NETWORK, settings=settings)
    await start_network(project, NETWORK, settings=settings)

    assert report.state == "stopped"
    assert load_birth(child) is None


@pytest.mark.slow
async def test_names_are_routed_by_launchers_that_can(project: Path, with_program: MakeSettings) -> None:
    """A launcher that says so is told the names of canisters, environment by environment; a start forgets them."""
    settings = with_program("launcher", "names")
    await start_network(project, NETWORK, settings=settings)
    canister = Principal.from_text("lqy7q-dh777-77777-aaaaq-cai")
    told_all = [await tell_names(project, "local", environment, {name: canister}) for environment, name in NAMES]
    path = Layout(project).network("local").announcements / "custom-domains.txt"
    lines = read(path)
    await stop_network(project, NETWORK, settings=settings)
    await start_network(project, NETWORK, settings=with_program("launcher"))

    assert told_all == [True, True, True]
    assert lines == [f"web.demo.localhost:{canister}", f"app.local.localhost:{canister}"]
    assert not await tell_names(project, "local", "local", {"app": canister})
    assert read(path) == []


@pytest.mark.slow
async def test_several_networks_run_at_once(project: Path, with_program: MakeSettings) -> None:
    """Networks of one project do not get into each other's way, whatever runs them."""
    settings = with_program("launcher")
    write_program(Path(settings.environ["PATH"].split(":")[0]), "dfx", "fake_dfx.py")
    others = [replace(NETWORK, name="second"), replace(NETWORK, name="third", launcher="dfx")]
    found = [await start_network(project, network, settings=settings) for network in (NETWORK, *others)]
    await stop_network(project, others[0], settings=settings)
    states = [(await network_status(project, network, settings=settings)).state for network in (NETWORK, *others)]
    await stop_network(project, others[1], settings=settings)

    assert len({access.api_url for access in found}) == 3
    assert states == ["running", "stopped", "running"]


@pytest.mark.parametrize(
    ("kind", "behaviour", "slug", "detail"),
    [
        ("launcher", "crash", "network/start-failed", "ended with status 1; the end of its log:\nfake launcher: the state of subnet"),
        ("launcher", "odd", "network/launcher-status", "its version `v` is '2', not \"1\""),
        ("server", "crash", "network/start-failed", "fake server: the state of subnet is incomplete"),
        ("server", "refuse", "network/start-failed", "Failed to create instance"),
        ("server", "old", "network/launcher-version", "it makes instances without a gateway"),
    ],
    ids=["launcher-crash", "launcher-odd", "server-crash", "server-refuse", "server-old"],
)
async def test_failed_starts_say_why(project: Path, with_program: MakeSettings, kind: str, behaviour: str, slug: str, detail: str) -> None:
    """What the program says about its failure is in the error, and nothing is left of the network."""
    with pytest.raises(NetworkError) as caught:
        await start_network(project, NETWORK, settings=with_program(kind, behaviour))

    assert caught.value.slug == slug
    assert detail in (caught.value.detail or "")
    assert caught.value.hint
    assert load_descriptor(Layout(project).network("local").descriptor) is None


@pytest.mark.slow
async def test_program_that_is_never_ready_is_ended(project: Path, with_program: MakeSettings) -> None:
    """A start has a deadline of its own, and the message names it."""
    with pytest.raises(NetworkError, match="did not start in time") as caught:
        await start_network(project, NETWORK, settings=with_program("server", "hang", program_seconds=0.5))

    assert (caught.value.detail or "").startswith("it was not ready after 0.5 s and has been stopped")


async def test_taken_port_is_seen_before_the_start(project: Path, record: Path, with_program: MakeSettings) -> None:
    """A port that some program has is refused with what to do, before PocketIC is started."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NetworkError, match="is in use") as caught:
        await start_network(project, replace(NETWORK, port=server.getsockname()[1]), settings=with_program("launcher"))

    assert caught.value.slug == "network/port-taken"
    assert told(record) == []


async def test_an_address_of_another_machine_is_seen_before_the_start(project: Path, record: Path, with_program: MakeSettings) -> None:
    """Where PocketIC could not listen it is not started."""
    with pytest.raises(NetworkError) as caught:
        await start_network(project, replace(NETWORK, bind="192.0.2.1"), settings=with_program("server"))

    assert caught.value.slug == "network/address-unavailable"
    assert told(record) == []


async def test_a_missing_program_is_said_before_a_taken_port(project: Path, tmp_path: Path, with_program: MakeSettings) -> None:
    """Where nothing is installed that is what has to be done first, also when another network of ours has the port."""
    settings = with_program("none")
    owner = PortOwner(project=str(tmp_path), network="other", pid=os.getpid(), birth=load_birth(os.getpid()) or "")
    write_owner(settings.user.ports, 8123, owner)
    with pytest.raises(NetworkError) as caught:
        await start_network(project, replace(NETWORK, port=8123), settings=settings)

    assert caught.value.slug == "network/launcher-missing"


async def test_missing_programs_are_named_with_where_to_get_them(project: Path, with_program: MakeSettings) -> None:
    """Without a program the error says what to install, from where, and how to point at it."""
    with pytest.raises(NetworkError, match="needs PocketIC, which is not installed") as caught:
        await start_network(project, NETWORK, settings=with_program("none"))

    assert caught.value.slug == "network/launcher-missing"
    assert "https://github.com/dfinity/icp-cli-network-launcher/releases/latest" in (caught.value.hint or "")
    assert "ICP_CLI_NETWORK_LAUNCHER_PATH" in (caught.value.hint or "")


def test_programs_are_found_in_a_fixed_order(tmp_path: Path) -> None:
    """Variables win over the PATH, the launcher over the server, and what icp-cli has downloaded comes last, newest first."""
    named = write_program(tmp_path / "named", "launcher-of-mine", "fake_pocket_ic.py", "launcher")
    server = write_program(tmp_path / "named", "pocket-ic", "fake_pocket_ic.py", "server")
    on_path = write_program(tmp_path / "bin", LAUNCHER, "fake_pocket_ic.py", "launcher")
    downloads = tmp_path / "icp" / "pkg" / "network-launcher"
    newest = [write_program(downloads / version, LAUNCHER, "fake_pocket_ic.py", "launcher") for version in ("v9.0.0", "v12.0.0")][1]
    environ = {"PATH": str(tmp_path / "bin"), "ICP_HOME": str(tmp_path / "icp")}

    both = {**environ, "ICP_CLI_NETWORK_LAUNCHER_PATH": str(named), "POCKET_IC_BIN": str(server)}
    assert find_pocket_ic(NETWORK, both).path == named
    assert find_pocket_ic(NETWORK, {**environ, "POCKET_IC_BIN": str(server)}).path == server
    assert find_pocket_ic(NETWORK, environ).path == on_path
    assert find_pocket_ic(NETWORK, {**environ, "PATH": ""}).path == newest


def test_the_version_that_is_asked_for_is_chosen(tmp_path: Path) -> None:
    """Of several programs the one with the right version runs; without one the error lists what there is."""
    server = write_program(tmp_path, "pocket-ic", "fake_pocket_ic.py", "server")
    launcher = write_program(tmp_path, LAUNCHER, "fake_pocket_ic.py", "launcher")
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}

    assert find_pocket_ic(replace(NETWORK, features=Features(version="10.0.0")), environ).path == server
    with pytest.raises(NetworkError, match=r"asks for version 11\.0\.0") as caught:
        find_pocket_ic(replace(NETWORK, features=Features(version="11.0.0")), environ)

    assert caught.value.slug == "network/launcher-version"
    assert caught.value.detail == f"there is\n{launcher}: 12.0.0\n{server}: 10.0.0"


@pytest.mark.parametrize(
    ("variable", "name", "summary"),
    [("ICP_CLI_NETWORK_LAUNCHER_PATH", "absent", "is not a program"), ("POCKET_IC_BIN", "renamed", "must be called `pocket-ic` or")],
)
def test_variables_that_lead_nowhere_are_errors(tmp_path: Path, variable: str, name: str, summary: str) -> None:
    """A path that somebody wrote is never passed over silently."""
    write_program(tmp_path, "renamed", "fake_pocket_ic.py", "server")

    with pytest.raises(NetworkError, match=summary) as caught:
        find_pocket_ic(NETWORK, {"PATH": "", "HOME": str(tmp_path), variable: str(tmp_path / name)})

    assert caught.value.slug == "network/launcher-missing"


async def test_start_that_is_interrupted_while_it_seeds_leaves_no_network(
    project: Path, tmp_path: Path, with_program: MakeSettings
) -> None:
    """A network whose identities have no funds yet is not left behind as if it were complete."""
    IdentityFiles(tmp_path / "icp").create("early")
    settings = with_program("launcher")
    settings = replace(settings, environ={**settings.environ, "ICP_HOME": str(tmp_path / "icp")})
    path = Layout(project).network("local").descriptor
    async with anyio.create_task_group() as group:
        group.start_soon(partial(start_network, project, NETWORK, settings=settings))
        with anyio.fail_after(20):
            while (descriptor := load_descriptor(path)) is None:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    assert descriptor is not None
    assert load_birth(descriptor.pid) is None
    assert not path.exists()
