"""A plan says why it would run sync steps."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.plan import Mode
from orchestrator.core.project import PluginStep, Project, ScriptStep
from orchestrator.engine.fingerprints import describe_due
from orchestrator.engine.planner import Options
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import deploy, plan, sync
from orchestrator.errors import DeployError, PluginFailedError
from tests.support.components import component_that_fails, component_that_prints, component_that_returns_ok
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_canister, make_project, make_wasm, memory_session, script

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


def scripted(directory: Path, *commands: str) -> Project:
    """Return a project whose one script runs when something that it is told has changed."""
    return make_project(directory, [make_canister(directory, "api", sync=(ScriptStep(commands=commands, run="changed"),))])


async def test_a_script_may_be_skipped_too(tmp_path: Path, network: MemoryNetwork) -> None:
    """A script with `run: changed` runs once per module, canister and text; `sync` and `--force` run it all the same."""
    project, done = scripted(tmp_path, "echo x >> done.txt"), tmp_path / "done.txt"

    await deploy(opened(project, network))
    await deploy(opened(project, network))
    assert done.read_text(encoding="utf-8") == "x\n"
    await sync(opened(project, network))
    await deploy(opened(project, network), options=Options(force=True))
    assert done.read_text(encoding="utf-8") == "x\n" * 3
    assert await reasons(project, network) == []

    (tmp_path / "api.wasm").write_bytes(make_wasm("another"))
    assert await reasons(project, network) == ["1 sync step: something that it sees has changed"]
    await deploy(opened(project, network))
    assert await reasons(scripted(tmp_path, "echo y >> done.txt"), network) == ["1 sync step: something that it sees has changed"]


async def test_a_script_that_failed_runs_again(tmp_path: Path, network: MemoryNetwork) -> None:
    """Only a success is remembered."""
    project = scripted(tmp_path, "test -e ready")
    with pytest.raises(DeployError):
        await deploy(opened(project, network))

    assert await reasons(project, network) == ["1 sync step: no success so far"]


async def test_a_success_before_a_failure_does_not_count(tmp_path: Path, network: MemoryNetwork) -> None:
    """A step that ran once more and failed left nobody knows what: it is not skipped for an earlier success."""
    project, ready = scripted(tmp_path, "test -e ready"), tmp_path / "ready"
    ready.touch()
    await deploy(opened(project, network))
    ready.unlink()
    with pytest.raises(DeployError):
        await sync(opened(project, network))

    assert await reasons(project, network) == ["1 sync step: no success so far"]


async def test_a_plugin_that_failed_runs_again(tmp_path: Path, network: MemoryNetwork) -> None:
    """The same goes for plugins, here one of which another version failed in between."""
    good = changed(tmp_path, component_that_returns_ok())
    await deploy(opened(good, network))
    bad = changed(tmp_path, component_that_fails("no"))
    with pytest.raises(PluginFailedError):
        await deploy(opened(bad, network))

    assert await reasons(changed(tmp_path, component_that_returns_ok()), network) == ["1 sync step: no success so far"]


async def test_a_script_is_told_of_new_canisters_at_once(tmp_path: Path, network: MemoryNetwork) -> None:
    """A deploy that creates another canister runs the script, which is told its id; the next one has nothing to do."""
    told = make_canister(tmp_path, "api", sync=(ScriptStep(commands=("echo x >> done.txt",), run="changed"),))
    await deploy(opened(make_project(tmp_path, [told]), network))
    both = make_project(tmp_path, [told, make_canister(tmp_path, "store")])

    assert await reasons(both, network) == ["1 sync step: something that it sees has changed"]
    await deploy(opened(both, network))
    assert (tmp_path / "done.txt").read_text(encoding="utf-8") == "x\n" * 2
    assert await reasons(both, network) == []
