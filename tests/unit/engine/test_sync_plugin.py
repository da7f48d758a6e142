"""Plugin steps run in their sandbox, their calls go where the manifest says, and unchanged ones are left out."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep, Project
from orchestrator.engine.planner import Options
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import deploy, sync
from orchestrator.errors import (
    DeployError,
    PluginFailedError,
    PluginLimitError,
    PluginRefusedError,
    PluginTrapError,
    RejectError,
    SandboxError,
    Span,
)
from tests.support.components import (
    component_that_calls,
    component_that_fails,
    component_that_loops,
    component_that_prints,
    component_that_returns_ok,
    component_that_traps,
)
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import Recording, make_project, make_wasm, memory_session, prebuilt

pytestmark = pytest.mark.anyio
PROXY = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x63\x01\x01")
SPAN = Span(path=Path("icp.yaml"), line=9, column=3)


@pytest.fixture(scope="session")
def component_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of compiled components that all tests share."""
    return tmp_path_factory.mktemp("components")


@pytest.fixture
def recording() -> Recording:
    """Return an empty recording."""
    return Recording()


def make(directory: Path, component: bytes, **keys: object) -> Project:
    """Return a project of one canister with one plugin step."""
    path = directory / "plugin.wasm"
    path.write_bytes(component)
    step = PluginStep(path=path, span=SPAN, **keys)  # type: ignore[arg-type]  # the test's choice
    return make_project(directory, [Canister(name="api", directory=directory, build=(prebuilt(directory, "api"),), sync=(step,))])


def session(project: Project, network: MemoryNetwork, cache: Path, recording: Recording | None = None, **changes: object) -> Session:
    """Return a session with a place for compiled components."""
    return replace(memory_session(project, network, recording), cache_directory=cache, **changes)  # type: ignore[arg-type]  # its own fields


async def test_calls_are_journaled_updates(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A plugin's update calls reach the canister being synced, each one written down before and after."""
    project = make(tmp_path, component_that_calls("store", b"hello", times=2))
    opened = session(project, network, component_cache)

    await deploy(opened)

    assert network.methods[-2:] == ["store", "store"]
    assert [(call.arg, call.proxy) for call in network.calls] == [(b"hello", None)] * 2
    journal = opened.files.journal(opened.run).read_text()
    assert journal.count('"method": "store"') == 2


@pytest.mark.parametrize("name", ["upload", None])
async def test_lines_are_events(
    tmp_path: Path, network: MemoryNetwork, component_cache: Path, recording: Recording, name: str | None
) -> None:
    """What a plugin writes is reported with its canister, stream and what its step is called, as in all events of the step."""
    project = make(tmp_path, component_that_prints(stdout=b"out\n", stderr=b"err\n"), name=name)

    await deploy(session(project, network, component_cache, recording))

    lines = {
        (getattr(event, "stream", None), getattr(event, "line", None), getattr(event, "name", None))
        for event in recording.of("step-output")
    }
    (called,) = {getattr(event, "name", None) for event in recording.of("step-finished") if getattr(event, "step", "") == "sync-plugin"}
    assert called is not None
    assert lines == {("stdout", "out", called), ("stderr", "err", called)}
    assert name in {None, called}


@pytest.mark.parametrize(
    ("component", "keys", "kind"),
    [
        (component_that_fails("no luck"), {}, PluginFailedError),
        (component_that_traps(), {}, PluginTrapError),
        (component_that_loops(), {"compute": 0.2}, PluginLimitError),
        (make_wasm("a module, not a component"), {}, PluginRefusedError),
        (component_that_returns_ok(), {"files": ("../secret",)}, PluginRefusedError),
        (component_that_returns_ok(), {"sha256": "00" * 32}, PluginRefusedError),
    ],
)
async def test_every_ending_has_its_error(
    tmp_path: Path, network: MemoryNetwork, component_cache: Path, component: bytes, keys: dict[str, object], kind: type[SandboxError]
) -> None:
    """A plugin that fails, traps, reaches a limit or is refused ends the deploy with that, at the step's place."""
    project = make(tmp_path, component, **keys)

    with pytest.raises(kind) as caught:
        await deploy(session(project, network, component_cache))

    assert caught.value.span is not None
    assert network.calls == []


async def test_a_rejected_call_is_the_plugins_error(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """The plugin learns why the network refused, and may decide what that means."""

    def reject(method: str, _canister: Principal) -> None:
        if method == "store":
            raise RejectError("not today", reject_code=4, error_code="IC0406")

    network.before = reject
    with pytest.raises(PluginFailedError) as caught:
        await deploy(session(make(tmp_path, component_that_calls("store", b"x")), network, component_cache))

    said = "canister call failed: The replica returned a rejection error: reject code CanisterReject, reject message not today, "
    assert said + 'error code Some("IC0406")' in caught.value.summary


async def test_unchanged_steps_are_left_out(tmp_path: Path, network: MemoryNetwork, component_cache: Path, recording: Recording) -> None:
    """With `run: changed` a second deploy sends nothing at all, and the verb `sync` runs the step all the same."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("one")
    project = make(tmp_path, component_that_calls("store", b"x"), dirs=("site",), run="changed")
    await deploy(session(project, network, component_cache))
    sent = len(network.updates)

    await deploy(session(project, network, component_cache, recording))
    assert len(network.updates) == sent
    assert len(recording.of("nothing-changed")) == 1

    await sync(session(project, network, component_cache))
    assert network.methods[sent:] == ["store"]


@pytest.mark.parametrize("what", ["content", "component", "key", "module", "proxy", "force", "reinstall"])
async def test_what_makes_a_step_run_again(tmp_path: Path, network: MemoryNetwork, component_cache: Path, what: str) -> None:
    """Everything that the step can see counts: contents, component, keys, module, proxy; force and a wiped state too."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("one")
    component = component_that_calls("store", b"x")
    project = make(tmp_path, component, dirs=("site",), run="changed")
    await deploy(session(project, network, component_cache))
    network.calls.clear()
    options, changes = Options(), dict[str, object]()
    match what:
        case "content":
            (tmp_path / "site" / "index.html").write_text("two")
        case "component":
            project = make(tmp_path, component_that_calls("store", b"y"), dirs=("site",), run="changed")
        case "key":
            project = make(tmp_path, component, dirs=("site",), run="changed", max_cycles=5)
        case "module":
            (tmp_path / "api.wasm").write_bytes(make_wasm("api 2"))
        case "proxy":
            changes["proxy"] = str(PROXY)
        case "force":
            options = Options(force=True)
        case _:
            options = Options(mode="reinstall")

    async def yes(_plan: object) -> bool:
        return True

    await deploy(session(project, network, component_cache, None, **changes), options=options, consent=yes)

    assert [call.method for call in network.calls] == ["store"]


async def test_what_changes_while_a_step_runs_is_synced_next_time(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A file that is edited during the run may not have been seen: the step runs once more."""
    (tmp_path / "site").mkdir()
    page = tmp_path / "site" / "index.html"
    page.write_text("one")
    project = make(tmp_path, component_that_calls("store", b"x"), dirs=("site",), run="changed")

    def edit(method: str, _canister: Principal) -> None:
        if method == "store":
            page.write_text("two")

    network.before = edit
    await deploy(session(project, network, component_cache))
    network.calls.clear()

    await deploy(session(project, network, component_cache))

    assert [call.method for call in network.calls] == ["store"]


async def test_a_failed_step_runs_again(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """Only a success is remembered."""
    project = make(tmp_path, component_that_calls("store", b"x"), run="changed")

    def reject(method: str, _canister: Principal) -> None:
        if method == "store":
            raise RejectError("not today", reject_code=4)

    network.before = reject
    with pytest.raises(PluginFailedError):
        await deploy(session(project, network, component_cache))
    network.before = None
    network.calls.clear()

    await deploy(session(project, network, component_cache))

    assert [call.method for call in network.calls] == ["store"]


@pytest.mark.parametrize(
    ("step", "flag", "environment", "direct", "expected"),
    [
        ("default", None, None, False, None),
        ("default", None, str(PROXY), False, PROXY),
        ("default", str(PROXY), None, False, PROXY),
        ("none", str(PROXY), str(PROXY), False, None),
        (str(PROXY), "none", None, False, PROXY),
        ("default", str(PROXY), None, True, None),
    ],
)
async def test_routing_is_most_specific_first(
    tmp_path: Path,
    network: MemoryNetwork,
    component_cache: Path,
    step: str,
    flag: str | None,
    environment: str | None,
    *,
    direct: bool,
    expected: Principal | None,
) -> None:
    """The call's `direct`, then the step, then the flag, then the environment decide where an update goes."""
    project = make(tmp_path, component_that_calls("store", b"x", direct=direct, cycles=7), proxy=step)
    placed = replace(project.environments["local"], proxy=environment)
    project = replace(project, environments={"local": placed})

    await deploy(session(project, network, component_cache, proxy=flag))

    assert [(call.proxy, call.cycles) for call in network.calls] == [(expected, 7 if expected else 0)]


async def test_cycles_are_bounded(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """All calls of a step together attach no more than `max_cycles`."""
    project = make(tmp_path, component_that_calls("store", b"x", cycles=40, times=3), proxy=str(PROXY), max_cycles=100)

    with pytest.raises(PluginFailedError) as caught:
        await deploy(session(project, network, component_cache))

    assert "only 20 are left" in caught.value.summary
    assert len(network.calls) == 2


async def test_a_proxy_that_is_not_deployed_is_refused(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A proxy given by name must have an id."""
    with pytest.raises(DeployError) as caught:
        await deploy(session(make(tmp_path, component_that_returns_ok(), proxy="elsewhere"), network, component_cache))

    assert caught.value.slug == "deploy/unknown-proxy"


@pytest.mark.slow
async def test_the_compute_limit_of_the_environment_counts(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """icp-cli's variable, which has whole seconds, limits a plugin that computes for ever, whatever the step says."""
    project = make(tmp_path, component_that_loops(), compute=1000.0)
    environ = {"ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS": "1"}

    with pytest.raises(PluginLimitError):
        await deploy(session(project, network, component_cache, environ=environ))

    assert network.calls == []
