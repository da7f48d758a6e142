"""Who may change what: consent, protection, the lock, and plans that are applied as they were read."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.plan import Plan
from orchestrator.core.principal import ANONYMOUS
from orchestrator.core.project import Project
from orchestrator.engine.lifecycle import stop_canisters
from orchestrator.engine.planner import Options
from orchestrator.engine.verbs import apply, deploy, plan
from orchestrator.errors import ConsentError, DeployError, IdentityError, LockHeldError
from orchestrator.store import EnvironmentLock
from tests.support.memory_network import IDENTITY, MemoryNetwork
from tests.support.projects import connected, make_canister, make_project, make_wasm, memory_session

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


async def test_anonymous_changes_no_connected_network(tmp_path: Path, network: MemoryNetwork) -> None:
    """On a network that is not ours, nobody's canisters would be everybody's."""
    network.managed, network.identity = False, ANONYMOUS
    project = make_project(tmp_path, [make_canister(tmp_path, "api")], network=connected())

    with pytest.raises(IdentityError) as caught:
        await deploy(memory_session(project, network))

    assert caught.value.slug == "identity/anonymous"
    assert network.updates == []


async def test_a_protected_environment_wants_its_name(project: Project, network: MemoryNetwork) -> None:
    """Consent in general is not enough: the environment's name has to be typed, for every verb that changes something."""
    protected = replace(project.environments["local"], protected=True)
    project = replace(project, environments={"local": protected})

    async def yes(_plan: Plan) -> bool:
        return True

    with pytest.raises(ConsentError) as caught:
        await deploy(memory_session(project, network), consent=yes)
    assert caught.value.hint == "run again with `--confirm local` to change it"
    assert network.updates == []

    await deploy(replace(memory_session(project, network), confirmed="local"))
    assert network.methods.count("install") == 2
    with pytest.raises(ConsentError):
        await stop_canisters(memory_session(project, network), ["api"])
    assert (await deploy(memory_session(project, network))).mutates is False


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
    assert str(IDENTITY) in str(caught.value.detail)
