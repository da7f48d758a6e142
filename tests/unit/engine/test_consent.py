"""Who may change what: consent, protection, the lock, and plans that are applied as they were read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from orchestrator.core.plan import Plan
from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.core.project import Project
from orchestrator.core.rollout import Approvers
from orchestrator.engine.calls import call
from orchestrator.engine.lifecycle import start_canisters, stop_canisters
from orchestrator.engine.planner import Options
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import apply, deploy, plan, sync
from orchestrator.errors import ConsentError, DeployError, IdentityError, LockHeldError, OutcomeUnknownError
from orchestrator.store import EnvironmentLock
from tests.support.memory_network import IDENTITY, MemoryNetwork
from tests.support.projects import connected, make_canister, make_project, make_wasm, memory_session, script

pytestmark = pytest.mark.anyio


async def test_reinstalling_needs_consent(project: Project, network: MemoryNetwork) -> None:
    """Without a yes nothing is sent; with one the canister is reinstalled."""
    await deploy(memory_session(project, network))
    sent = len(network.updates)
    asked: list[Plan] = []

    async def no(proposed: Plan) -> bool:
        asked.append(proposed)
        return False

    async def yes(proposed: Plan) -> bool:
        asked.append(proposed)
        return True

    for consent in (None, no):
        with pytest.raises(ConsentError):
            await deploy(memory_session(project, network), ["api"], options=Options(mode="reinstall"), consent=consent)
    assert len(network.updates) == sent

    await deploy(memory_session(project, network), ["api"], options=Options(mode="reinstall"), consent=yes)

    assert network.methods[sent:] == ["stop", "reinstall", "start"]
    assert len(asked) == 2


async def test_a_harmless_plan_is_not_asked_about(project: Project, network: MemoryNetwork) -> None:
    """Creating and upgrading lose nothing."""

    async def never(_plan: Plan) -> bool:
        raise AssertionError

    result = await deploy(memory_session(project, network), consent=never)

    assert result.destructive == ()


async def _yes(_plan: Plan) -> bool:
    return True


async def _upgrade(session: Session) -> None:
    await deploy(session, options=Options(force=True), consent=_yes)


async def _apply(session: Session) -> None:
    await apply(session, await plan(session, options=Options(force=True)))


async def _call(session: Session) -> None:
    await call(session, "api", "change", "()", query=False)


MUTATING: Mapping[str, Callable[[Session], Awaitable[object]]] = {
    "deploy": _upgrade,
    "apply": _apply,
    "sync": sync,
    "canister start": partial(start_canisters, names=["api"]),
    "canister stop": partial(stop_canisters, names=["api"]),
    "canister call": _call,
}
"""Every verb that changes something on a network, with something to change."""


@pytest.fixture
async def deployed(tmp_path: Path, network: MemoryNetwork) -> Project:
    """Return a project that is deployed to a network that is not ours."""
    canister = make_canister(tmp_path, "api", sync=(script("true"),))
    project = make_project(tmp_path, [canister], network=connected())
    network.managed = False
    await deploy(memory_session(project, network))
    network.updates.clear()
    return project


def _protected(project: Project) -> Project:
    return replace(project, environments={"local": replace(project.environments["local"], protected=True)})


@pytest.mark.parametrize("verb", MUTATING)
async def test_anonymous_changes_no_connected_network(deployed: Project, network: MemoryNetwork, verb: str) -> None:
    """On a network that is not ours, nobody's canisters would be everybody's: no verb changes anything."""
    network.identity = ANONYMOUS

    with pytest.raises(IdentityError) as caught:
        await MUTATING[verb](memory_session(deployed, network))

    assert caught.value.slug == "identity/anonymous"
    assert network.updates == []


@pytest.mark.parametrize("verb", MUTATING)
@pytest.mark.parametrize("confirmed", [None, "production"])
async def test_a_protected_environment_wants_its_name(deployed: Project, network: MemoryNetwork, verb: str, confirmed: str | None) -> None:
    """Consent in general is not enough, nor is another name, for any verb that changes something."""
    session = memory_session(_protected(deployed), network)

    with pytest.raises(ConsentError) as caught:
        await MUTATING[verb](replace(session, confirmed=confirmed))

    assert caught.value.slug == "deploy/protected"
    assert caught.value.hint == "run again with `--confirm local` to change it"
    assert network.updates == []


@pytest.mark.parametrize("verb", MUTATING)
async def test_a_protected_environment_is_changed_by_its_name(deployed: Project, network: MemoryNetwork, verb: str) -> None:
    """With its name every verb does what it does anywhere else."""
    session = replace(memory_session(_protected(deployed), network), confirmed="local")

    await MUTATING[verb](session)

    assert list(session.files.runs.glob("*/journal.jsonl")) or network.updates


async def test_the_name_can_be_typed_when_asked(deployed: Project, network: MemoryNetwork) -> None:
    """Somebody who is asked and types the name has confirmed; anything else is a refusal."""
    asked: list[str] = []

    async def type_wrong(name: str) -> str:
        asked.append(name)
        return "y"

    async def type_right(name: str) -> str:
        return name

    session = memory_session(_protected(deployed), network)
    with pytest.raises(ConsentError):
        await stop_canisters(replace(session, ask_name=type_wrong), ["api"])
    assert (asked, network.updates) == (["local"], [])

    await stop_canisters(replace(session, ask_name=type_right), ["api"])

    assert network.methods == ["stop"]


async def test_an_unchanged_protected_environment_asks_nothing(deployed: Project, network: MemoryNetwork) -> None:
    """A deploy that has nothing to change needs no name."""
    without_sync = replace(deployed.canisters[0], sync=())
    project = make_project(deployed.directory, [without_sync], network=connected())

    assert (await deploy(memory_session(_protected(project), network))).mutates is False


async def test_an_interrupted_run_is_not_settled_without_the_name(project: Project, network: MemoryNetwork) -> None:
    """What settling sends, such as the start of a canister left stopped, is a change like any other."""
    await deploy(memory_session(project, network))
    (project.directory / "api.wasm").write_bytes(make_wasm("second"))

    def lose_contact(method: str, _canister: Principal) -> None:
        if method == "upgrade":
            raise OutcomeUnknownError("the network is gone")

    network.after = lose_contact
    with pytest.raises(OutcomeUnknownError):
        await deploy(memory_session(project, network), ["api"])
    network.after = None
    network.updates.clear()

    with pytest.raises(ConsentError):
        await deploy(memory_session(_protected(project), network), ["api"])

    assert network.updates == []


async def test_the_interface_of_the_old_module_is_kept(tmp_path: Path, network: MemoryNetwork) -> None:
    """An upgrade that takes a method away from callers is asked about, and says which."""
    canister = make_canister(tmp_path, "api")
    (tmp_path / "api.wasm").write_bytes(make_wasm("api", service="service : { a : () -> (); b : () -> () }"))
    project = make_project(tmp_path, [canister])
    await deploy(memory_session(project, network))
    (canister_id,) = network.canisters
    network.metadata[canister_id, "candid:service"] = b"service : { a : () -> (); b : () -> () }"
    (tmp_path / "api.wasm").write_bytes(make_wasm("api 2", service="service : { a : () -> () }"))
    sent = len(network.updates)

    with pytest.raises(ConsentError) as caught:
        await deploy(memory_session(project, network))

    assert "breaks callers" in str(caught.value.detail)
    assert len(network.updates) == sent


async def test_a_held_lock_ends_the_run(project: Project, network: MemoryNetwork) -> None:
    """Two runs never change one environment at the same time."""
    session = memory_session(project, network)

    with EnvironmentLock(session.files.lock, environment="local", command="test"), pytest.raises(LockHeldError):
        await deploy(session)

    assert network.updates == []


async def test_a_plan_is_applied_verbatim(project: Project, network: MemoryNetwork) -> None:
    """What was planned is what happens, and planning sends nothing."""
    proposed = await plan(memory_session(project, network, verb="plan"))
    assert network.updates == []

    applied = await apply(memory_session(project, network, verb="apply"), proposed)

    assert applied.digest == proposed.digest
    assert network.methods.count("install") == 2


async def test_a_stale_plan_is_refused(project: Project, network: MemoryNetwork) -> None:
    """A plan of a network that has changed since is not applied."""
    proposed = await plan(memory_session(project, network, verb="plan"))
    await deploy(memory_session(project, network))
    sent = len(network.updates)

    with pytest.raises(DeployError) as caught:
        await apply(memory_session(project, network, verb="apply"), proposed)

    assert caught.value.slug == "deploy/stale-plan"
    assert len(network.updates) == sent


async def test_a_status_that_may_not_be_read_is_explained(project: Project, network: MemoryNetwork) -> None:
    """An identity that controls nothing is told which canister, and as whom it asked."""
    await deploy(memory_session(project, network))

    network.refuse_status = "only controllers"
    with pytest.raises(DeployError) as caught:
        await deploy(memory_session(project, network))

    assert caught.value.slug == "deploy/not-controller"
    assert all(str(IDENTITY) in str(each.detail) for each in caught.value.diagnostics)


async def stop_api(session: Session) -> None:
    """Stop the canister."""
    await stop_canisters(session, ["api"])


@pytest.mark.parametrize("verb", [deploy, sync, stop_api])
async def test_an_environment_with_approvers_is_not_changed(
    verb: Callable[[Session], Awaitable[object]], tmp_path: Path, network: MemoryNetwork
) -> None:
    """Nothing asks those who must approve yet: whatever would change the environment is refused, and a plan is made."""
    project = make_project(tmp_path, [make_canister(tmp_path, "api")])
    await deploy(memory_session(project, network))
    network.updates.clear()
    guarded = replace(project.environments["local"], approvers=Approvers(principals=(network.identity,)))
    session = memory_session(replace(project, environments={"local": guarded}), network)

    with pytest.raises(ConsentError) as caught:
        await verb(replace(session, confirmed="local"))

    assert caught.value.slug == "deploy/approvers"
    assert network.updates == []
    assert not (await plan(session)).mutates
