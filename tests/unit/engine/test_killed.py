"""A run that dies at any request leaves a journal from which the next run ends where the first would have."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, ManagedNetwork, Network, Project, Settings
from orchestrator.engine.verbs import deploy
from orchestrator.errors import DeployError, RejectError, StoreError
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import Recording, connected, make_project, make_wasm, memory_session, prebuilt, script

pytestmark = pytest.mark.anyio
# Past the expiry of every request that the network in memory sees.
LATER = datetime(2200, 1, 1, tzinfo=UTC)


class KilledError(BaseException):
    """The process is gone: nothing may handle this."""


@dataclass(slots=True)
class Killer:
    """Ends the run at the `left`-th request; from then on no request leaves."""

    left: int

    def __call__(self, _method: str, _canister: Principal) -> None:
        """Count down, then kill."""
        self.left -= 1
        if self.left < 0:
            raise KilledError


def arm(network: MemoryNetwork, at: int, *, after_effect: bool) -> None:
    """Make the network kill the run at one of its requests, before or after that takes effect."""
    if after_effect:
        network.after = Killer(at)
        network.before = Killer(at + 1)
    else:
        network.before = Killer(at)


def disarm(network: MemoryNetwork) -> None:
    """Let the network work again."""
    network.before = network.after = None


def make(directory: Path, network: Network, mark: str) -> Project:
    """Return a project of two canisters with modules of this mark, the first one with a sync step."""
    settings = Settings(freezing_threshold=len(mark), environment_variables={"MARK": mark})
    directory.mkdir(exist_ok=True)
    api = Canister(
        name="api", directory=directory, build=(prebuilt(directory, "api", make_wasm(mark)),), settings=settings, sync=(script("true"),)
    )
    web = Canister(name="web", directory=directory, build=(prebuilt(directory, "web", make_wasm(f"w{mark}")),), depends_on=("api",))
    return make_project(directory, [api, web], network=network)


async def run_killed(project: Project, network: MemoryNetwork, at: int, *, after_effect: bool) -> bool:
    """Deploy with a kill at a request; return whether the run got so far."""
    arm(network, at, after_effect=after_effect)
    try:
        await deploy(memory_session(project, network))
    except KilledError:
        return True
    except BaseExceptionGroup as group:
        others = group.split(KilledError)[1]
        if others is not None:
            raise others from None
        return True
    finally:
        disarm(network)
    return False


async def check_finished(project: Project, network: MemoryNetwork) -> None:
    """Deploy again, and again: everything is there once, runs, and the last run changes nothing."""
    await deploy(replace(memory_session(project, network), now=lambda: LATER))
    assert all(live.state == "running" and live.module_hash for live in network.canisters.values())
    recording = Recording()
    session = replace(memory_session(project, network, recording), now=lambda: LATER)
    sent = len(network.updates)

    await deploy(session)

    assert len(network.updates) == sent
    assert recording.of("operation-settled") == []


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("managed", [True, False])
async def test_a_first_deploy_killed_at_any_request(tmp_path: Path, *, managed: bool, after_effect: bool) -> None:
    """Wherever the first deploy dies, the next one completes it, with two canisters and not one more."""
    place = ManagedNetwork(name="local") if managed else connected("local")
    at = 0
    while True:
        network = MemoryNetwork(managed=managed)
        project = make(tmp_path / str(at), place, "one")
        if not await run_killed(project, network, at, after_effect=after_effect):
            break
        await check_finished(project, network)
        assert len(network.canisters) == 2
        at += 1
    assert at == 6


@pytest.mark.parametrize("after_effect", [pytest.param(False, marks=pytest.mark.slow), True])
async def test_an_upgrade_killed_at_any_request(tmp_path: Path, *, after_effect: bool) -> None:
    """Wherever an upgrade dies, nothing stays stopped, and what was installed is not installed again."""
    at = 0
    while True:
        network = MemoryNetwork()
        directory = tmp_path / str(at)
        await deploy(memory_session(make(directory, ManagedNetwork(name="local"), "one"), network))
        project = make(directory, ManagedNetwork(name="local"), "other")
        network.updates.clear()
        if not await run_killed(project, network, at, after_effect=after_effect):
            break
        await check_finished(project, network)
        lost = 0 if after_effect else 1
        assert network.methods.count("upgrade") <= 2 + lost
        at += 1
    assert at == 7


async def test_a_full_disk_after_a_creation_loses_no_canister(tmp_path: Path) -> None:
    """A canister whose id cannot be written is found by the next run."""
    network = MemoryNetwork()
    project = make(tmp_path / "project", ManagedNetwork(name="local"), "one")
    session = memory_session(project, network)
    network.after = lambda _method, _canister: _block(session.files.ids)

    with pytest.raises(StoreError):
        await deploy(session, ["api"])
    network.after = None
    session.files.ids.rmdir()

    await deploy(memory_session(project, network), ["api"])

    assert len(network.canisters) == 1


def _block(path: Path) -> None:
    """Put a folder where a file should be written."""
    path.mkdir(parents=True, exist_ok=True)


async def test_a_rejected_creation_is_settled_as_such(tmp_path: Path) -> None:
    """What the network refused needs no settling: its outcome was certain."""
    network = MemoryNetwork()
    project = make(tmp_path / "project", ManagedNetwork(name="local"), "one")

    def refuse(method: str, _canister: Principal) -> None:
        if method == "create":
            raise RejectError("no room", reject_code=2)

    network.before = refuse
    with pytest.raises(DeployError):
        await deploy(memory_session(project, network))
    network.before = None
    recording = Recording()

    await deploy(memory_session(project, network, recording))

    assert recording.of("operation-settled") == []
    assert len(network.canisters) == 2


async def test_what_was_open_on_a_network_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    """After a reset the same ids mean other canisters: nothing of the old network is looked up on the new one."""
    network = MemoryNetwork()
    project = make(tmp_path / "project", ManagedNetwork(name="local"), "one")
    assert await run_killed(project, network, 4, after_effect=True)
    session = memory_session(project, network)
    session.files.ids.unlink()
    fresh = MemoryNetwork(instance_id="bb")
    recording = Recording()

    await deploy(memory_session(project, fresh, recording))

    (settled,) = recording.of("operation-settled")
    assert getattr(settled, "evidence", None) == "it was on a network whose state is gone"
    assert fresh.asked == []
    assert len(fresh.canisters) == 2
