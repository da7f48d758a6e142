"""Plugin steps are looked at before anything is sent."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, PluginStep, Project, ScriptStep
from orchestrator.engine.plugins import load_inputs
from orchestrator.engine.preflight import check_plugins
from orchestrator.engine.session import Session
from orchestrator.engine.sources import open_packages
from orchestrator.engine.verbs import deploy, sync
from orchestrator.errors import OrchestratorError, PluginRefusedError, Span, UsageError
from orchestrator.store.download import ATTEMPTS
from tests.support.components import component_that_returns_ok
from tests.support.faulty_server import Answer, faulty_server
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import Pauses
from tests.support.projects import Recording, make_project, make_wasm, memory_session, prebuilt

pytestmark = pytest.mark.anyio
COMPONENT = component_that_returns_ok()
MODULE = make_wasm("a module, not a component")


@pytest.fixture
def session(project: Project, network: MemoryNetwork, tmp_path: Path) -> Session:
    """Return a session with a cache of its own."""
    return replace(memory_session(project, network), packages=open_packages(tmp_path / "packages", Recording(), Pauses()))


def place(line: int) -> Span:
    """Return a place in the manifest."""
    return Span(path=Path("icp.yaml"), line=line, column=9)


def told(error: OrchestratorError) -> list[tuple[str, int | None]]:
    """Return what is refused, and in which line."""
    return [(each.slug, each.span.line if each.span else None) for each in error.diagnostics]


async def test_downloaded_components_are_looked_at(session: Session, tmp_path: Path) -> None:
    """What cannot run is refused before anything is sent, wherever it comes from, also behind a script."""
    sha256 = hashlib.sha256(MODULE).hexdigest()
    with faulty_server(Answer(body=MODULE)) as server:
        steps = (PluginStep(url=server.url, sha256=sha256, span=place(1)), ScriptStep(commands=("true",)))
        behind = PluginStep(url=server.url, sha256=sha256, dirs=("made-by-script",), span=place(2))
        with pytest.raises(PluginRefusedError) as caught:
            await check_plugins(session, [Canister(name="api", directory=tmp_path, sync=(*steps, behind))])

    assert told(caught.value) == [("plugin/core-module", 1), ("plugin/core-module", 2)]
    assert len(server.requests) == 1


async def test_a_component_that_cannot_be_had_stops_a_deploy(session: Session, tmp_path: Path, network: MemoryNetwork) -> None:
    """A plugin whose server is down is an error before the first update call, once all attempts were made, but not twice."""
    with faulty_server(Answer(status=503)) as server:
        step = PluginStep(url=server.url, sha256="0" * 64, span=place(7))
        project = make_project(tmp_path, [Canister(name="api", directory=tmp_path, build=(prebuilt(tmp_path, "api"),), sync=(step,))])
        opened = replace(memory_session(project, network), packages=session.packages)
        with pytest.raises(PluginRefusedError) as caught:
            await deploy(opened)

    assert told(caught.value) == [("plugin/download", 7)]
    assert network.methods == []
    assert len(server.requests) == ATTEMPTS


async def test_everything_is_told_at_once(session: Session, tmp_path: Path) -> None:
    """All mistakes of all steps of all canisters come in one error."""
    (tmp_path / "module.wasm").write_bytes(MODULE)
    (tmp_path / "plugin.wasm").write_bytes(COMPONENT)
    one = PluginStep(path=tmp_path / "module.wasm", dirs=("gone",), span=place(1))
    two = PluginStep(path=tmp_path / "plugin.wasm", files=("../x",), span=place(2))
    three = PluginStep(path=tmp_path / "nowhere.wasm", span=place(3))
    canisters = [
        Canister(name="a", directory=tmp_path, sync=(one, two)),
        Canister(name="b", directory=tmp_path, sync=(three,)),
    ]
    with pytest.raises(OrchestratorError) as caught:
        await check_plugins(session, canisters)

    assert told(caught.value) == [("plugin/core-module", 1), ("plugin/dir-missing", 1), ("plugin/unsafe-path", 2), ("plugin/missing", 3)]


async def test_what_a_script_may_make_is_left_alone(session: Session, tmp_path: Path) -> None:
    """A step behind a script may name what is not there yet."""
    step = PluginStep(path=tmp_path / "later.wasm", dirs=("later",), files=("later.txt",))
    script = ScriptStep(commands=("make",))
    checked = Canister(name="a", directory=tmp_path, sync=(script, step))

    await check_plugins(session, [checked])

    with pytest.raises(PluginRefusedError):
        await check_plugins(session, [replace(checked, sync=(step, script))])


async def test_limits_are_checked(session: Session, tmp_path: Path) -> None:
    """A malformed limit in a variable is told before anything is sent."""
    (tmp_path / "plugin.wasm").write_bytes(COMPONENT)
    wrong = replace(session, environ={"ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS": "soon"})
    with pytest.raises(UsageError, match="ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS"):
        await check_plugins(wrong, [Canister(name="a", directory=tmp_path, sync=(PluginStep(path=tmp_path / "plugin.wasm"),))])


@pytest.mark.parametrize("verb", [deploy, sync])
async def test_strictly_private_contents_are_refused(tmp_path: Path, network: MemoryNetwork, component_cache: Path, verb: object) -> None:
    """What is a warning otherwise is an error of a strict session, before anything of it is sent."""
    (tmp_path / "plugin.wasm").write_bytes(COMPONENT)
    (tmp_path / "dist").mkdir()
    step = PluginStep(path=tmp_path / "plugin.wasm", dirs=("dist",), span=place(1), entry_spans={("dirs", 0): place(5)})
    project = make_project(tmp_path, [Canister(name="api", directory=tmp_path, build=(prebuilt(tmp_path, "api"),), sync=(step,))])
    recording = Recording()
    opened = replace(memory_session(project, network, recording), cache_directory=component_cache)
    await deploy(opened)
    sent = len(network.methods)
    (tmp_path / "dist" / ".env").touch()

    with pytest.raises(PluginRefusedError) as caught:
        await verb(replace(opened, strict=True))  # type: ignore[operator]  # either verb

    assert told(caught.value) == [("plugin/private-contents", 5)]
    assert {each.severity for each in caught.value.diagnostics} == {"error"}
    assert len(network.methods) == sent
    await deploy(opened)
    warned = {getattr(event, "slug", None): getattr(event, "place", None) for event in recording.of("warning")}
    assert warned["plugin/private-contents"] == place(5)


async def test_names_of_entries_are_for_the_second_interface(session: Session, tmp_path: Path) -> None:
    """A plugin that is given no names refuses them before anything is sent, at the entry; so do its inputs when it runs."""
    (tmp_path / "plugin.wasm").write_bytes(COMPONENT)
    (tmp_path / "a.txt").touch()
    step = PluginStep(
        path=tmp_path / "plugin.wasm", files=("a.txt",), file_keys=("text",), span=place(1), entry_spans={("files", 0): place(4)}
    )
    canister = Canister(name="a", directory=tmp_path, sync=(step,))

    with pytest.raises(PluginRefusedError) as checked:
        await check_plugins(session, [canister])
    with pytest.raises(PluginRefusedError) as loaded:
        await load_inputs(session, canister, step)

    assert told(checked.value) == told(loaded.value) == [("plugin/entry-names", 4)]


async def test_what_is_no_plugin_is_refused_at_its_place(session: Session, tmp_path: Path) -> None:
    """A component that cannot run is told where the step is, also when it is loaded to be run."""
    (tmp_path / "module.wasm").write_bytes(MODULE)
    step = PluginStep(path=tmp_path / "module.wasm", span=place(3))

    with pytest.raises(PluginRefusedError) as caught:
        await load_inputs(session, Canister(name="a", directory=tmp_path), step)

    assert told(caught.value) == [("plugin/core-module", 3)]


async def test_strictly_nothing_is_made_that_should_not_be_shown(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """What a script puts in a declared directory is looked at before the plugin behind it runs."""
    (tmp_path / "plugin.wasm").write_bytes(COMPONENT)
    steps = (ScriptStep(commands=("mkdir -p dist/.git",)), PluginStep(path=tmp_path / "plugin.wasm", dirs=("dist",), span=place(6)))
    project = make_project(tmp_path, [Canister(name="api", directory=tmp_path, build=(prebuilt(tmp_path, "api"),), sync=steps)])

    with pytest.raises(PluginRefusedError) as caught:
        await deploy(replace(memory_session(project, network), cache_directory=component_cache, strict=True))

    assert told(caught.value) == [("plugin/private-contents", 6)]
