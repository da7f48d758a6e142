"""A project deployed to a real embedded network: created, left alone, changed, interrupted."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import ManagedNetwork, Project
from orchestrator.engine import Options, Session, apply, call, canister_status, deploy, load_project, open_session, plan, sync
from orchestrator.errors import ConsentError, DeployError, RejectError
from orchestrator.events import Event
from orchestrator.network.manager import stop_network
from orchestrator.network.settings import NetworkSettings
from orchestrator.store import EnvironmentLock
from tests.support.components import component_that_calls
from tests.support.projects import Recording
from tests.support.replica_modules import counter

pytestmark = pytest.mark.anyio

MANIFEST = """\
canisters:
  - name: counter
    build:
      steps:
        - type: pre-built
          path: counter.wasm
    sync:
      steps:
        - type: plugin
          path: plugin.wasm
          dirs: [data]
          run: changed
    settings:
      freezing_threshold: 90d
      environment_variables:
        GREETING: hello
  - name: second
    depends_on: [counter]
    build:
      steps:
        - type: script
          command: cp counter.wasm "$ICP_WASM_OUTPUT_PATH"
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
"""


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A project folder and the variables of a user who has nothing yet."""

    directory: Path
    environ: dict[str, str]

    async def session(self, recording: Recording | None = None, *, verb: str = "deploy") -> Session:
        """Load the project anew, as every command does."""
        project = await load_project(self.directory)
        return open_session(project, verb=verb, emit=recording or Recording(), environ=self.environ)

    async def deploy(self, *names: str, options: Options | None = None) -> Recording:
        """Deploy and return what was told."""
        recording = Recording()
        await deploy(await self.session(recording), names, options=options)
        return recording

    async def count(self, canister: str = "counter") -> str | None:
        """Return what the counter says, as Candid text."""
        return (await call(await self.session(verb="canister call"), canister, "get", "()")).text


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Return a project whose counter is increased once by its plugin; its network is stopped afterwards."""
    directory = tmp_path / "project"
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "one.txt").write_text("one")
    (directory / "icp.yaml").write_text(MANIFEST)
    (directory / "counter.wasm").write_bytes(counter())
    (directory / "plugin.wasm").write_bytes(component_that_calls("inc", b"DIDL\0\0"))
    environ = {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(tmp_path / "home"), "ICP_HOME": str(tmp_path / "icp")}
    yield Place(directory=directory, environ=environ)
    network = (await load_project(directory)).networks["local"]
    assert isinstance(network, ManagedNetwork)
    if (directory / ".orchestrator" / "cache" / "networks" / "local" / "descriptor.json").exists():
        await stop_network(directory, network, settings=NetworkSettings.from_environment(environ))


async def test_a_deploy_from_nothing(place: Place) -> None:
    """The network is started and said so, canisters are created, installed and synced, and their addresses told."""
    recording = await place.deploy()

    names = recording.names
    assert names[0] == "run-started"
    assert names[-1] == "run-finished"
    assert names.index("network-starting") < names.index("network-started") < names.index("canister-created")
    assert [getattr(event, "kind", None) for event in recording.of("canister-url")] == ["backend", "backend"]
    assert await place.count() == "(101 : nat32)"
    _, live = await canister_status(await place.session(), "counter")
    assert live.settings.freezing_threshold == 90 * 24 * 3600
    assert live.settings.environment_variables["GREETING"] == "hello"
    assert "PUBLIC_CANISTER_ID:second" in live.settings.environment_variables


async def test_the_second_deploy_changes_nothing(place: Place) -> None:
    """No update call is sent, and the run says that nothing changed."""
    await place.deploy()
    journals = set(place.directory.rglob("journal.jsonl"))

    recording = await place.deploy()

    assert "network-already-running" in recording.names
    assert len(recording.of("nothing-changed")) == 1
    assert recording.of("step-started") == []
    assert set(place.directory.rglob("journal.jsonl")) == journals
    assert await place.count() == "(101 : nat32)"


async def test_edited_data_is_synced_again(place: Place) -> None:
    """Only the step whose declared contents changed runs; `sync` runs it in any case."""
    await place.deploy()
    (place.directory / "data" / "one.txt").write_text("two")

    recording = await place.deploy()

    assert [getattr(event, "step", None) for event in recording.of("step-started")] == ["sync-plugin"]
    assert await place.count() == "(102 : nat32)"
    await sync(await place.session(verb="sync"))
    assert await place.count() == "(103 : nat32)"


async def test_an_upgrade_keeps_state(place: Place) -> None:
    """A new module is an upgrade: stopped, installed, started, with its memory handed on by the canister."""
    await place.deploy()
    (place.directory / "counter.wasm").write_bytes(counter() + b"\0\x05\x04more")

    recording = await place.deploy("counter")

    steps = [getattr(event, "step", None) for event in recording.of("step-finished")]
    assert steps == ["upgrade", "sync-plugin"]
    assert await place.count() == "(102 : nat32)"


async def test_a_broken_upgrade_leaves_the_canister_running(place: Place) -> None:
    """A trap in the upgrade is reported, the old module runs on, and mending the module mends the deploy."""
    await place.deploy()
    (place.directory / "counter.wasm").write_bytes(counter(broken_upgrade=True))

    with pytest.raises((RejectError, DeployError)):
        await place.deploy("counter")

    _, live = await canister_status(await place.session(), "counter")
    assert live.state == "running"
    assert await place.count() == "(101 : nat32)"
    (place.directory / "counter.wasm").write_bytes(counter())
    assert len((await place.deploy()).of("nothing-changed")) == 1


async def test_a_plan_sends_nothing_and_is_applied(place: Place) -> None:
    """On a network that does not run the plan is to create everything; a plan that is stale is refused."""
    proposed = await plan(await place.session(verb="plan"))
    assert {change.action for change in proposed.changes} == {"create", "install", "sync"}
    assert not list(place.directory.rglob("descriptor.json"))

    await apply(await place.session(verb="apply"), proposed)
    assert await place.count() == "(101 : nat32)"
    with pytest.raises(DeployError) as caught:
        await apply(await place.session(verb="apply"), proposed)
    assert caught.value.slug == "deploy/stale-plan"


async def test_reinstalling_is_asked_about(place: Place) -> None:
    """Without consent nothing happens to the canister's state."""
    await place.deploy()

    with pytest.raises(ConsentError):
        await place.deploy(options=Options(mode="reinstall"))

    assert await place.count() == "(101 : nat32)"


@pytest.mark.parametrize("step", ["install", *(pytest.param(step, marks=pytest.mark.slow) for step in ("create", "sync-plugin"))])
async def test_a_cancelled_deploy_is_finished_by_the_next(place: Place, step: str) -> None:
    """Wherever a run is interrupted: the lock is free, the next deploy settles and completes, and nothing exists twice."""
    with anyio.CancelScope() as scope:

        def emit(event: Event) -> None:
            if event.event == "step-started" and getattr(event, "step", None) == step:
                scope.cancel()

        await deploy(replace(await place.session(), emit=emit))
    assert scope.cancelled_caught

    session = await place.session()
    with EnvironmentLock(session.files.lock, environment="local", command="test"):
        pass
    await place.deploy()

    ids = json.loads(session.files.ids.read_text())["canisters"]
    assert set(ids) == {"counter", "second"}
    assert await place.count() == "(101 : nat32)"
    assert len((await place.deploy()).of("nothing-changed")) == 1


async def test_every_request_is_written_down(place: Place) -> None:
    """Each operation has a line before and after, each request one before it leaves and one when its answer is here."""
    await place.deploy()

    (journal,) = place.directory.rglob("journal.jsonl")
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    phases = [record["phase"] for record in records]
    assert phases.count("before") == phases.count("after") == 7
    assert phases.count("request") == phases.count("answer") == 7
    for record in records:
        if record["phase"] == "request":
            later = [each["phase"] for each in records if each.get("request_id") == record["request_id"]]
            assert later == ["request", "answer"]
            assert int(record["expiry_ns"]) > 0


async def test_a_large_module_is_installed_in_chunks(place: Place) -> None:
    """A module that does not fit into one message is deployed like any other."""
    padding = bytes(3_000_000)
    section = b"\x05large" + padding
    size = len(section)
    length = bytes((size >> shift & 0x7F) | (0x80 if shift < 21 else 0) for shift in (0, 7, 14, 21))
    (place.directory / "counter.wasm").write_bytes(counter() + b"\0" + length + section)

    await place.deploy()

    assert await place.count() == "(101 : nat32)"


async def test_the_project_is_found_from_below(place: Place) -> None:
    """Commands work in any folder of the project."""
    project: Project = await load_project(place.directory / "data")

    assert project.directory == place.directory
