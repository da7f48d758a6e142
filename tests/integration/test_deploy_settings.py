"""Settings on a real embedded network: given with the creation, left alone, and taken away after a yes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.core.observed import ObservedSettings
from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.core.project import ManagedNetwork
from orchestrator.engine import Session, canister_status, deploy, load_project, open_session
from orchestrator.errors import ConsentError
from orchestrator.network.manager import stop_network
from orchestrator.network.settings import NetworkSettings
from tests.support.projects import Recording
from tests.support.replica_modules import counter

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
FRIEND = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai")
MANIFEST = """\
canisters:
  - name: counter
    build: {{ steps: [{{ type: pre-built, path: counter.wasm }}] }}
    settings: {settings}
networks:
  - {{ name: local, mode: managed, gateway: {{ port: 0 }} }}
"""


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Path]:
    """Return a project's folder; its network is stopped in the end."""
    (tmp_path / "counter.wasm").write_bytes(counter())
    yield tmp_path
    await stop_network(tmp_path, ManagedNetwork(name="local", port=0), settings=NetworkSettings.from_environment(_environ(tmp_path)))


def _environ(directory: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(directory / "home"), "ICP_HOME": str(directory / "icp")}


async def session(directory: Path, settings: str, recording: Recording | None = None) -> Session:
    """Write the settings into the manifest, and return a session."""
    (directory / "icp.yaml").write_text(MANIFEST.format(settings=settings), encoding="utf-8")
    return open_session(await load_project(directory), verb="deploy", emit=recording or Recording(), environ=_environ(directory))


async def observed(opened: Session) -> ObservedSettings:
    """Return the settings that the network tells."""
    return (await canister_status(opened, "counter"))[1].settings


async def test_visibilities_come_with_the_creation(directory: Path) -> None:
    """A first deploy gives them, a second one sends nothing, and a change is one update."""
    settings = f"{{ snapshot_visibility: {{ allowed_viewers: [{FRIEND}, 2vxsx-fae] }}, status_visibility: public }}"
    await deploy(await session(directory, settings))
    again = Recording()
    await deploy(opened := await session(directory, settings, again))
    found = await observed(opened)

    assert len(again.of("nothing-changed")) == 1
    assert isinstance(found.snapshot_visibility, tuple)
    assert set(found.snapshot_visibility) == {FRIEND, ANONYMOUS}
    assert (found.status_visibility, found.log_visibility) == ("public", "controllers")

    result = await deploy(opened := await session(directory, "{ snapshot_visibility: controllers, status_visibility: public }"))
    assert [(change.action, [detail.field for detail in change.details]) for change in result.changes] == [
        ("settings", ["snapshot_visibility"])
    ]
    assert (await observed(opened)).snapshot_visibility == "controllers"


async def test_controllers_go_after_a_yes(directory: Path) -> None:
    """Removing controllers takes consent; who deploys stays; the next deploy sends nothing."""
    await deploy(opened := await session(directory, f"{{ controllers: [{FRIEND}, counter] }}"))
    before = (await observed(opened)).controllers
    own = before - {FRIEND}
    exact = "{ controllers: [counter], controllers_exact: true }"

    with pytest.raises(ConsentError):
        await deploy(opened := await session(directory, exact))
    assert (await observed(opened)).controllers == before

    async def agree(_plan: object) -> bool:
        return True

    await deploy(await session(directory, exact), consent=agree)
    assert (await observed(opened)).controllers == own
    again = Recording()
    await deploy(await session(directory, exact, again))
    assert len(again.of("nothing-changed")) == 1
    assert len(own) == 2
