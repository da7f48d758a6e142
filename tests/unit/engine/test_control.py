"""Who controls a canister decides what can be done with it: that is found out, and said, before anything is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.agent.proxy import ProxyError
from orchestrator.core.principal import Principal
from orchestrator.core.project import Project
from orchestrator.engine.failures import name_failure
from orchestrator.engine.planner import Options
from orchestrator.engine.routing import known_proxies
from orchestrator.engine.verbs import deploy, plan, sync
from orchestrator.errors import AgentError, DeployError, OutcomeUnknownError
from tests.support.memory_network import IDENTITY, MemoryNetwork
from tests.support.projects import Recording, make_canister, make_project, memory_session, script

pytestmark = pytest.mark.anyio
PROXY = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x63\x01\x01")
OTHER = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x64\x01\x01")


def one(directory: Path, name: str = "api") -> Project:
    """Return a project of one canister with a sync step."""
    return make_project(directory, [make_canister(directory, name, sync=(script("true"),))])


async def deployed(project: Project, network: MemoryNetwork) -> Principal:
    """Deploy without a proxy, and say from then on who controls what; return the last canister's id."""
    await deploy(memory_session(project, network))
    network.controllers = {PROXY: frozenset({IDENTITY}), **dict.fromkeys(network.canisters, frozenset({IDENTITY}))}
    return list(network.canisters)[-1]


@pytest.mark.parametrize("verb", [deploy, plan], ids=["deploy", "plan"])
async def test_a_proxy_that_is_no_controller_is_refused_before_anything_is_sent(
    tmp_path: Path, network: MemoryNetwork, verb: object
) -> None:
    """A canister that exists is compared with the proxy before another is created; the error has all that is needed."""
    canister_id = await deployed(one(tmp_path), network)
    network.proxy = PROXY
    both = make_project(tmp_path, [make_canister(tmp_path, "api"), make_canister(tmp_path, "late")])
    sent = len(network.updates)

    with pytest.raises(DeployError) as caught:
        await (deploy if verb is deploy else plan)(memory_session(both, network))

    error = caught.value
    assert error.slug == "deploy/proxy-not-controller"
    assert all(text in error.summary for text in ("`api`", str(canister_id), str(PROXY)))
    assert str(IDENTITY) in str(error.detail)
    assert "`--proxy none`" in str(error.hint)
    assert len(network.updates) == sent


async def test_every_canister_out_of_the_proxys_reach_is_named(project: Project, network: MemoryNetwork) -> None:
    """Two such canisters are told at once."""
    await deployed(project, network)
    network.proxy = PROXY

    with pytest.raises(DeployError) as caught:
        await deploy(memory_session(project, network), options=Options(force=True))

    assert [diagnostic.slug for diagnostic in caught.value.diagnostics] == ["deploy/proxy-not-controller"] * 2


async def test_a_proxy_that_manages_nothing_needs_no_control(tmp_path: Path, network: MemoryNetwork) -> None:
    """Where a deploy only syncs, its proxy may be one for the plugins' calls alone."""
    await deployed(one(tmp_path), network)
    network.proxy = PROXY

    assert [change.action for change in (await deploy(memory_session(one(tmp_path), network))).changes] == ["sync"]


async def test_a_proxy_that_controls_goes_on(tmp_path: Path, network: MemoryNetwork) -> None:
    """A canister with the proxy among its controllers is changed."""
    canister_id = await deployed(one(tmp_path), network)
    network.proxy = PROXY
    assert network.controllers is not None
    network.controllers[canister_id] = frozenset({IDENTITY, PROXY})

    await deploy(memory_session(one(tmp_path), network), options=Options(force=True))

    assert "upgrade" in network.methods


async def test_a_proxy_that_does_not_serve_creates_nothing(tmp_path: Path, network: MemoryNetwork) -> None:
    """Who is none of the proxy's controllers hears it before the first creation."""
    network.proxy, network.controllers = PROXY, {PROXY: frozenset({OTHER})}

    with pytest.raises(DeployError) as caught:
        await deploy(memory_session(one(tmp_path), network))

    assert caught.value.slug == "deploy/proxy-control"
    assert network.updates == []


@pytest.mark.parametrize("verb", [deploy, sync], ids=["deploy", "sync"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_canister_of_a_proxy_names_the_option(tmp_path: Path, network: MemoryNetwork, verb: object, known: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A canister that only a proxy controls is told with `--proxy` and its id, where that proxy is known here."""
    canister_id = await deployed(one(tmp_path), network)
    assert network.controllers is not None
    network.controllers[canister_id] = frozenset({PROXY})
    network.proxies = (OTHER, PROXY) if known else (OTHER,)
    network.refuse_status = "only controllers"

    with pytest.raises(DeployError) as caught:
        await (deploy if verb is deploy else sync)(memory_session(one(tmp_path), network))

    error = caught.value
    assert error.slug == "deploy/not-controller"
    assert f"`api` ({canister_id})" in error.summary
    assert f"it is controlled by {PROXY}" in str(error.detail)
    assert (f"`--proxy {PROXY}`" in str(error.hint)) is known
    assert ("--identity NAME" in str(error.hint)) is not known


async def test_all_unreadable_canisters_are_told(project: Project, network: MemoryNetwork) -> None:
    """One canister's answer hides no other's."""
    await deployed(project, network)
    network.refuse_status = "only controllers"

    with pytest.raises(DeployError) as caught:
        await deploy(memory_session(project, network))

    assert [diagnostic.summary.split()[4] for diagnostic in caught.value.diagnostics] == ["`api`", "`web`"]


async def test_a_sync_that_cannot_look_has_its_line(tmp_path: Path, network: MemoryNetwork) -> None:
    """A canister whose sync never began is reported as failed, like any other."""
    await deployed(one(tmp_path), network)
    network.refuse_status = "only controllers"
    recording = Recording()

    with pytest.raises(DeployError):
        await sync(memory_session(one(tmp_path), network, recording))

    (failed,) = recording.of("step-failed")
    assert (getattr(failed, "canister", ""), getattr(failed, "step", "")) == ("api", "sync-script")
    assert "cannot be read" in getattr(failed, "summary", "")


async def test_a_proxys_refusal_names_the_canister(tmp_path: Path, network: MemoryNetwork) -> None:
    """What a proxy says of a call has an id at most: the error has the canister's name before it."""

    def refuse(method: str, _canister_id: Principal) -> None:
        if method == "install":
            raise ProxyError("no", hint="look")

    network.before = refuse
    with pytest.raises(AgentError) as caught:
        await deploy(memory_session(one(tmp_path), network))

    error = caught.value
    assert error.summary == "canister `api`: proxy call failed: no"
    assert (error.slug, error.hint, error.diagnostics[0].summary) == ("agent/proxy", "look", error.summary)


async def test_known_proxies(tmp_path: Path, network: MemoryNetwork) -> None:
    """They are the environment's, by id or by name, and the network's own."""
    session = memory_session(one(tmp_path), network)
    named = replace(session, environment=replace(session.environment, proxy="gate"))

    assert known_proxies(session, {}, None) == ()
    assert known_proxies(named, {}, str(PROXY)) == (PROXY,)
    assert known_proxies(named, {"gate": OTHER}, str(PROXY)) == (OTHER, PROXY)


def test_an_unknown_outcome_stays_one() -> None:
    """With the canister's name before it, it still says which request it is about, and until when."""
    error = OutcomeUnknownError("nothing tells", hint="ask")
    error.request_id, error.expiry_ns, error.certified_time_ns = b"id", 7, 5

    named = name_failure(error, "api")

    assert isinstance(named, OutcomeUnknownError)
    assert (named.summary, named.hint) == ("canister `api`: nothing tells", "ask")
    assert (named.request_id, named.expiry_ns, named.certified_time_ns) == (b"id", 7, 5)
