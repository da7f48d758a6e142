"""Plugin steps among the other steps of a deploy: what waits for what, what is prepared, what is refused early, what is told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep, Project
from orchestrator.engine import preparing
from orchestrator.engine.preparing import Preparation, prepare_plugins
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import deploy, sync
from orchestrator.errors import DeployError, RejectError, UsageError
from tests.support.components import (
    BatchCall,
    component_that_calls,
    component_that_fails,
    component_that_prints,
    component_that_reports_batch,
    component_that_reports_options,
    component_that_returns_ok,
)
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import Recording, make_project, make_wasm, memory_session, prebuilt

pytestmark = pytest.mark.anyio
PROXY = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x63\x01\x01")
SOMEBODY = Principal.self_authenticating(b"somebody")
LINES = 10_000


def step(directory: Path, component: bytes, **keys: object) -> PluginStep:
    """Write a component and return the step that runs it."""
    path = directory / f"plugin-{len(list(directory.iterdir()))}.wasm"
    path.write_bytes(component)
    return PluginStep(path=path, **keys)  # type: ignore[arg-type]  # the test's choice


def canister(directory: Path, name: str, *steps: PluginStep, depends_on: Sequence[str] = ()) -> Canister:
    """Return a canister with these sync steps."""
    return Canister(name=name, directory=directory, build=(prebuilt(directory, name),), sync=steps, depends_on=tuple(depends_on))


def session(project: Project, network: MemoryNetwork, cache: Path, recording: Recording | None = None, **changes: object) -> Session:
    """Return a session with a place for compiled components."""
    return replace(memory_session(project, network, recording), cache_directory=cache, **changes)  # type: ignore[arg-type]  # its own fields


async def test_the_end_names_each_failure_with_its_cause(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """Two canisters fail and a third goes on; the error says of each what went wrong."""
    adds = component_that_calls("add", b"x")
    project = make_project(
        tmp_path,
        [
            canister(tmp_path, "a", step(tmp_path, component_that_fails("no luck")), step(tmp_path, adds)),
            canister(tmp_path, "b", step(tmp_path, component_that_fails("no time"))),
            canister(tmp_path, "c", step(tmp_path, adds)),
        ],
    )

    with pytest.raises(DeployError) as caught:
        await deploy(session(project, network, component_cache))

    assert caught.value.summary == "failed: `a`, `b`"
    assert caught.value.detail == "`a`: plugin returned error: no luck\n`b`: plugin returned error: no time"
    assert [call.method for call in network.calls] == ["add"]


async def test_a_proxy_is_installed_before_its_users_sync(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A step whose calls go through a canister of the project waits for that, without a dependency of its own."""
    project = make_project(
        tmp_path,
        [
            canister(tmp_path, "user", step(tmp_path, component_that_calls("add", b"x"), proxy="gate")),
            canister(tmp_path, "base"),
            canister(tmp_path, "gate", depends_on=("base",)),
        ],
    )

    await deploy(session(project, network, component_cache))

    assert network.methods.index("add") > max(index for index, method in enumerate(network.methods) if method == "install")
    assert [call.proxy is not None for call in network.calls] == [True]


async def test_the_users_of_a_failed_proxy_do_not_sync(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """They are said to be skipped, and why; canisters that do not use it go on."""
    project = make_project(
        tmp_path,
        [
            canister(tmp_path, "gate"),
            canister(tmp_path, "user", step(tmp_path, component_that_calls("add", b"x"), proxy="gate")),
        ],
    )
    recording = Recording()

    def refuse(method: str, called: Principal) -> None:
        if (method, called) == ("install", network.updates[0][1]):
            raise RejectError("no room", reject_code=2)

    network.before = refuse
    with pytest.raises(DeployError) as caught:
        await deploy(session(project, network, component_cache, recording))

    assert "failed: `gate`" in caught.value.summary
    assert "not tried: `user` (it calls through `gate`, which failed)" in str(caught.value.detail)
    assert network.calls == []
    assert [getattr(event, "canister", None) for event in recording.of("step-skipped")] == ["user"]


@pytest.mark.parametrize("verb", [deploy, sync])
async def test_an_impossible_limit_is_refused_before_anything_is_sent(
    tmp_path: Path, network: MemoryNetwork, component_cache: Path, verb: object
) -> None:
    """A malformed variable ends the command, not the step."""
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_returns_ok()))])
    if verb is sync:
        await deploy(session(project, network, component_cache))
    sent = len(network.updates)

    opened = session(project, network, component_cache, environ={"ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS": "many"})
    with pytest.raises(UsageError) as caught:
        await (deploy(opened) if verb is deploy else sync(opened))

    assert caught.value.slug == "plugin/compute-limit"
    assert len(network.updates) == sent


@pytest.mark.parametrize(
    ("controllers", "slug"), [(frozenset({SOMEBODY}), "deploy/proxy-control"), (None, "deploy/unknown-proxy")], ids=["foreign", "absent"]
)
async def test_a_proxy_that_does_not_serve_is_refused_before_the_plugin(
    tmp_path: Path, network: MemoryNetwork, component_cache: Path, controllers: frozenset[Principal] | None, slug: str
) -> None:
    """Who is none of its controllers is told so, and what would help, instead of what the plugin makes of it."""
    network.controllers = {PROXY: controllers} if controllers is not None else {}
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_calls("add", b"x"), proxy=str(PROXY)))])

    with pytest.raises(DeployError) as caught:
        await deploy(session(project, network, component_cache))

    assert caught.value.slug == slug
    assert network.calls == []


async def test_options_make_a_step_run_again(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """What the command line passes on is something that a step with `run: changed` could see."""
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_calls("add", b"x"), run="changed"))])
    for options in ((), (("mode", "full"),), (("mode", "full"),)):
        await deploy(session(project, network, component_cache, plugin_options=options))

    assert [call.method for call in network.calls] == ["add", "add"]


async def test_options_reach_the_plugin_in_order(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A plugin that asks gets every pair as it was given, the same key twice as well."""
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_reports_options()))])
    given = (("mode", "full"), ("filter", "a=b c"), ("mode", ""))

    await deploy(session(project, network, component_cache, plugin_options=given))

    assert [pair for pair in network.queries if pair[0] in {"mode", "filter"}] == [(key, value.encode()) for key, value in given]


async def test_a_batch_attaches_no_more_than_the_step_may(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """Calls that are made at the same time share the step's cycles, and each is written down."""
    batch = component_that_reports_batch([BatchCall(method=b"add", arg=b"x", cycles=40) for _ in range(5)])
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, batch, proxy=str(PROXY), max_cycles=100))])
    opened = session(project, network, component_cache)

    await deploy(opened)

    paid = [call for call in network.calls if call.method == "add"]
    assert [call.cycles for call in paid] == [40, 40]
    assert opened.files.journal(opened.run).read_text().count('"method": "add"') == 2


async def test_no_line_of_a_burst_is_lost(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """Ten thousand lines written at once are ten thousand events, in order."""
    recording = Recording()
    lines = b"".join(b"line %d\n" % index for index in range(LINES))
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_prints(stdout=lines)))])

    await deploy(session(project, network, component_cache, recording))

    assert [getattr(event, "line", None) for event in recording.of("step-output")] == [f"line {index}" for index in range(LINES)]


async def test_components_are_compiled_ahead(tmp_path: Path, network: MemoryNetwork) -> None:
    """When the last canister is installed, the component of a step that will run is in the cache, or on its way."""
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_returns_ok()))])
    opened = session(project, network, tmp_path / "cache")
    steps = preparing.plugin_steps(project.canisters[0], [1])

    async with prepare_plugins(opened) as preparation:
        preparation.expect(steps)
        preparation.expect(steps)
        await preparation.wait_all()

    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) > 0
    assert network.updates == []


async def test_nothing_is_prepared_where_nothing_will_run(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A deploy that changes nothing compiles nothing: an emptied cache stays empty."""
    project = make_project(tmp_path, [canister(tmp_path, "a", step(tmp_path, component_that_calls("add", b"x"), run="changed"))])
    await deploy(session(project, network, component_cache))

    await deploy(session(project, network, tmp_path / "cache"))

    assert not (tmp_path / "cache").exists()


async def test_what_cannot_be_prepared_is_told_by_the_step(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A preparation that fails is no error of its own."""
    broken = step(tmp_path, make_wasm("a module, not a component"))
    project = make_project(tmp_path, [canister(tmp_path, "a", broken)])

    async with prepare_plugins(session(project, network, component_cache)) as preparation:
        preparation.expect([(project.canisters[0], broken)])
        await preparation.wait_all()

    assert isinstance(preparation, Preparation)
