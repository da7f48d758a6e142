"""A plan says why it would run sync steps."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.plan import Mode
from orchestrator.core.project import PluginStep, Project
from orchestrator.engine.fingerprints import describe_due
from orchestrator.engine.planner import Options
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import deploy, plan
from tests.support.components import component_that_prints, component_that_returns_ok
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_canister, make_project, memory_session, script

pytestmark = pytest.mark.anyio


def changed(directory: Path, component: bytes) -> Project:
    """Return a project whose one step runs when something has changed."""
    path = directory / "plugin.wasm"
    path.write_bytes(component)
    return make_project(directory, [make_canister(directory, "api", sync=(PluginStep(path=path, run="changed"),))])


def opened(project: Project, network: MemoryNetwork) -> Session:
    """Return a session that keeps compiled components in the project."""
    return replace(memory_session(project, network), cache_directory=project.directory / "components")


async def reasons(project: Project, network: MemoryNetwork, options: Options | None = None) -> list[str]:
    """Return the reasons that a plan gives for syncing."""
    return [change.reason for change in (await plan(opened(project, network), options=options)).changes if change.action == "sync"]


async def test_a_step_that_may_be_skipped_says_why_it_is_not(tmp_path: Path, network: MemoryNetwork) -> None:
    """First there is no canister, then nothing to do, then another component."""
    project = changed(tmp_path, component_that_returns_ok())
    first = await reasons(project, network)
    await deploy(opened(project, network))

    assert first == ["1 sync step: a new canister"]
    assert await reasons(project, network) == []
    assert await reasons(changed(tmp_path, component_that_prints(stdout=b"x\n")), network) == [
        "1 sync step: something that it sees has changed"
    ]


async def test_a_step_without_a_success_says_so(tmp_path: Path, network: MemoryNetwork) -> None:
    """What was deployed without its sync has none."""
    project = changed(tmp_path, component_that_returns_ok())
    await deploy(opened(project, network), options=Options(sync=False))

    assert await reasons(project, network) == ["1 sync step: no success so far"]


@pytest.mark.parametrize(
    ("force", "mode", "reason"),
    [
        (False, "auto", "`run: always`"),
        (True, "auto", "`--force`"),
        (False, "reinstall", "`--mode reinstall` leaves nothing of earlier ones"),
    ],
    ids=["always", "force", "reinstall"],
)
async def test_steps_that_run_anyway(tmp_path: Path, network: MemoryNetwork, force: bool, mode: Mode, reason: str) -> None:  # noqa: FBT001 - a parameter of the test
    """What makes all of them run is told once."""
    project = make_project(tmp_path, [make_canister(tmp_path, "api", sync=(script("true"), script("true")))])
    await deploy(opened(project, network))

    assert await reasons(project, network, Options(force=force, mode=mode)) == [f"2 sync steps: {reason}"]


def test_different_reasons_name_their_steps(tmp_path: Path) -> None:
    """Steps have their own names, or their plugin's, or their number."""
    steps = (script("true"), PluginStep(path=tmp_path / "p.wasm"), PluginStep(path=tmp_path / "p.wasm", name="upload"))
    canister = make_canister(tmp_path, "api", sync=steps)

    assert describe_due(canister, {1: "`run: always`", 2: "`run: always`", 3: "no success so far"}) == (
        "`run: always` (step 1, `p.wasm`); no success so far (`upload`)"
    )
