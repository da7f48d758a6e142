"""A deploy changes what differs, in the right order, and nothing twice."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.core.project import Arguments, Project, Settings
from orchestrator.engine.lifecycle import start_canisters, stop_canisters
from orchestrator.engine.planner import Options
from orchestrator.engine.verbs import deploy, sync
from orchestrator.errors import DeployError, OrchestratorError, RejectError, UsageError
from orchestrator.events import OperationSettled, StepFailed, StepSkipped
from orchestrator.store import IdStore, Layout
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import Recording, make_canister, make_project, make_wasm, memory_session, script

pytestmark = pytest.mark.anyio


async def test_a_first_deploy_creates_and_installs(project: Project, network: MemoryNetwork) -> None:
    """Canisters are created together, told of each other, and installed in dependency order."""
    recording = Recording()

    await deploy(memory_session(project, network, recording))

    assert network.methods == ["create", "create", "update_settings", "update_settings", "install", "install"]
    assert recording.names[0] == "run-started"
    assert recording.names[-1] == "run-finished"
    assert [getattr(event, "canister", None) for event in recording.of("step-started") if getattr(event, "step", None) == "install"] == [
        "api",
        "web",
    ]
    variables = [canister.settings.environment_variables for canister in network.canisters.values()]
    assert variables[0] == variables[1]
    assert set(variables[0]) == {"PUBLIC_CANISTER_ID:api", "PUBLIC_CANISTER_ID:web"}


async def test_creations_of_one_moment_are_told_apart(project: Project, network: MemoryNetwork) -> None:
    """A ledger knows a creation by its time: two canisters that are created at once, by a coarse clock, are two."""
    network.managed = False
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    await deploy(replace(memory_session(project, network), now=lambda: moment))

    assert len(network.canisters) == len(network.creations) == 2
    assert all(0 <= int(moment.timestamp()) * 10**9 - key[0] < 10**9 for key in network.creations)  # type: ignore[index]


async def test_a_second_deploy_sends_nothing(project: Project, network: MemoryNetwork) -> None:
    """What is as it should be is left alone, and the run says so."""
    await deploy(memory_session(project, network))
    sent = len(network.updates)
    recording = Recording()

    result = await deploy(memory_session(project, network, recording))

    assert len(network.updates) == sent
    assert not result.mutates
    assert len(recording.of("nothing-changed")) == 1
    assert recording.of("step-started") == []


async def test_a_changed_module_is_upgraded(project: Project, network: MemoryNetwork, tmp_path: Path) -> None:
    """Only the canister whose module changed is touched: stopped, upgraded, started."""
    await deploy(memory_session(project, network))
    network.updates.clear()
    (tmp_path / "api.wasm").write_bytes(make_wasm("api 2"))

    await deploy(memory_session(project, network))

    assert network.methods == ["stop", "upgrade", "start"]


async def test_changed_arguments_upgrade(tmp_path: Path, network: MemoryNetwork) -> None:
    """Other arguments are a reason to upgrade, and the upgrade has its own."""
    canister = make_canister(tmp_path, "api", init_args=Arguments(content=b"one", format="bin"))
    await deploy(memory_session(make_project(tmp_path, [canister]), network))
    network.updates.clear()
    changed = replace(canister, init_args=Arguments(content=b"two", format="bin"), upgrade_args=Arguments(content=b"three", format="bin"))

    await deploy(memory_session(make_project(tmp_path, [changed]), network))
    await deploy(memory_session(make_project(tmp_path, [changed]), network))

    assert network.methods == ["stop", "upgrade", "start"]
    assert list(network.arguments.values()) == [b"three"]


async def test_changed_settings_are_sent_alone(tmp_path: Path, network: MemoryNetwork) -> None:
    """A settings change costs one update call."""
    canister = make_canister(tmp_path, "api")
    await deploy(memory_session(make_project(tmp_path, [canister]), network))
    network.updates.clear()

    changed = replace(canister, settings=Settings(freezing_threshold=99, environment_variables={"A": "1"}))
    await deploy(memory_session(make_project(tmp_path, [changed]), network))

    assert network.methods == ["update_settings"]
    (live,) = network.canisters.values()
    assert live.settings.freezing_threshold == 99
    assert live.settings.environment_variables["A"] == "1"


async def test_a_failed_upgrade_starts_the_canister_again(project: Project, network: MemoryNetwork, tmp_path: Path) -> None:
    """A canister that was stopped for an upgrade runs again although the upgrade failed; dependents are not tried."""
    await deploy(memory_session(project, network))
    network.updates.clear()
    for name in ("api", "web"):
        (tmp_path / f"{name}.wasm").write_bytes(make_wasm(f"{name} 2"))

    def fail(method: str, _canister: object) -> None:
        if method == "upgrade":
            raise RejectError("it trapped", reject_code=5)

    network.before = fail
    recording = Recording()

    with pytest.raises(DeployError) as caught:
        await deploy(memory_session(project, network, recording))

    assert network.methods == ["stop", "upgrade", "start"]
    assert all(live.state == "running" for live in network.canisters.values())
    assert "api" in caught.value.summary
    (failed,) = recording.of("step-failed")
    assert isinstance(failed, StepFailed)
    assert (failed.canister, failed.step) == ("api", "upgrade")
    (skipped,) = recording.of("step-skipped")
    assert isinstance(skipped, StepSkipped)
    assert skipped.reason == "it depends on `api`, which failed"


async def test_independent_canisters_go_on(tmp_path: Path, network: MemoryNetwork) -> None:
    """One canister's failure, told by its name, does not keep the others from being deployed and listed; ids are kept."""
    project = make_project(tmp_path, [make_canister(tmp_path, name) for name in ("a", "b")])
    failing = {"left": 1}

    def fail(method: str, _canister: object) -> None:
        if method == "install" and failing["left"]:
            failing["left"] -= 1
            raise RejectError("no", reject_code=5)

    network.before = fail
    recording = Recording()
    with pytest.raises(RejectError, match=r"^canister `[ab]`: the network rejected the call: no$") as caught:
        await deploy(memory_session(project, network, recording))
    told = [getattr(event, "canister", "") for event in recording.of("canister-url")]
    assert told == ["b" if "`a`" in str(caught.value) else "a"]
    installed = [live for live in network.canisters.values() if live.module_hash]
    assert len(installed) == 1

    await deploy(memory_session(project, network))

    assert network.methods.count("create") == 2
    assert network.methods.count("install") == 3


async def test_force_upgrades_the_unchanged(project: Project, network: MemoryNetwork) -> None:
    """Force never reinstalls."""
    await deploy(memory_session(project, network))
    network.updates.clear()

    await deploy(memory_session(project, network), options=Options(force=True))

    assert network.methods == ["stop", "upgrade", "start"] * 2


async def test_canisters_are_stopped_and_started(project: Project, network: MemoryNetwork) -> None:
    """One step each, journaled like any other; what is as asked is left alone."""
    await deploy(memory_session(project, network))
    network.updates.clear()

    await stop_canisters(memory_session(project, network, verb="canister stop"), ["api"])
    await stop_canisters(memory_session(project, network, verb="canister stop"), ["api"])
    await start_canisters(memory_session(project, network, verb="canister start"), ["api", "web"])

    assert network.methods == ["stop", "start"]


async def test_memory_is_kept_where_the_module_keeps_it(project: Project, network: MemoryNetwork, tmp_path: Path) -> None:
    """A module with orthogonal persistence is upgraded with its main memory."""
    await deploy(memory_session(project, network))
    first = next(iter(network.canisters))
    network.metadata[first, "enhanced-orthogonal-persistence"] = b""
    (tmp_path / "api.wasm").write_bytes(make_wasm("api 2"))

    await deploy(memory_session(project, network))

    assert network.kept_memory[first] is True


async def test_a_new_canister_is_announced(tmp_path: Path, network: MemoryNetwork) -> None:
    """Deploying one new canister tells those that exist its id."""
    old, new = make_canister(tmp_path, "old"), make_canister(tmp_path, "new")
    await deploy(memory_session(make_project(tmp_path, [old]), network))
    project = make_project(tmp_path, [old, new])

    await deploy(memory_session(project, network), ["new"])

    first = next(iter(network.canisters.values()))
    assert "PUBLIC_CANISTER_ID:new" in first.settings.environment_variables


async def test_names_are_checked_first(project: Project, network: MemoryNetwork) -> None:
    """A typing mistake is told with the names there are, before anything is built."""
    recording = Recording()

    with pytest.raises(UsageError) as caught:
        await deploy(memory_session(project, network, recording), ["apy"])

    assert caught.value.hint == "did you mean `api`? canisters of `local`: api, web"
    assert recording.events == []


async def test_a_plan_that_fails_lists_no_canisters(project: Project, network: MemoryNetwork) -> None:
    """When nothing was deployed, nothing is said to be."""
    await deploy(memory_session(project, network))
    network.refuse_status = "only controllers may ask"
    recording = Recording()

    with pytest.raises(OrchestratorError):
        await deploy(memory_session(project, network, recording))

    assert recording.of("canister-url") == []


async def test_a_canister_that_is_gone_is_told(project: Project, network: MemoryNetwork) -> None:
    """An id without a canister is never silently replaced."""
    await deploy(memory_session(project, network))
    network.canisters.pop(next(iter(network.canisters)))

    with pytest.raises(DeployError) as caught:
        await deploy(memory_session(project, network))

    assert caught.value.slug == "deploy/canister-gone"


async def test_script_steps_know_where_they_are(tmp_path: Path, network: MemoryNetwork) -> None:
    """A sync script sees its canister's id, everybody's ids, the network and the environment."""
    line = script('echo "$ICP_CLI_ENVIRONMENT $ICP_CLI_NETWORK $ICP_CLI_CID $ICP_CLI_CID_MY_API"')
    project = make_project(tmp_path, [make_canister(tmp_path, "my-api", sync=(line,))])
    recording = Recording()

    await deploy(memory_session(project, network, recording))

    (output,) = recording.of("step-output")
    (canister_id,) = network.canisters
    assert getattr(output, "line", None) == f"local local {canister_id} {canister_id}"


async def test_a_stopped_canister_is_started_to_sync(tmp_path: Path, network: MemoryNetwork) -> None:
    """Deploy starts what it has to sync; the verb `sync` refuses, with the command that helps."""
    project = make_project(tmp_path, [make_canister(tmp_path, "api", sync=(script("true"),))])
    await deploy(memory_session(project, network))
    network.updates.clear()
    (canister_id, live) = next(iter(network.canisters.items()))
    network.canisters[canister_id] = replace(live, state="stopped")

    with pytest.raises(DeployError) as caught:
        await sync(memory_session(project, network, verb="sync"))
    assert caught.value.hint == "run `orchestrator canister start api --env local`, then sync again"
    assert network.updates == []

    await deploy(memory_session(project, network))
    assert network.methods == ["start"]


async def test_sync_needs_a_deployed_canister(tmp_path: Path, network: MemoryNetwork) -> None:
    """The verb `sync` never creates."""
    project = make_project(tmp_path, [make_canister(tmp_path, "api", sync=(script("true"),))])

    with pytest.raises(DeployError) as caught:
        await sync(memory_session(project, network, verb="sync"))

    assert caught.value.slug == "sync/not-deployed"


async def test_ids_are_on_disk(project: Project, network: MemoryNetwork) -> None:
    """After a deploy the ids are where icp-cli and the network's state want them."""
    await deploy(memory_session(project, network))

    files = Layout(project.directory).environment(project.environments["local"])
    ids = IdStore(path=files.ids, environment="local", instance_id="aa").load()
    assert set(ids.values()) == set(network.canisters)


async def test_what_a_killed_run_created_is_found_again(tmp_path: Path, network: MemoryNetwork) -> None:
    """A run that died between a creation and its id on disk does not cost a second canister."""
    project = make_project(tmp_path, [make_canister(tmp_path, "api")])
    session = memory_session(project, network)
    await deploy(session)
    files = session.files
    journal = files.journal(session.run)
    lines = journal.read_text().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if '"answer"' in line)
    journal.write_text("".join(lines[:cut]))
    files.ids.unlink()
    recording = Recording()

    await deploy(memory_session(project, network, recording))

    (settled,) = recording.of("operation-settled")
    assert isinstance(settled, OperationSettled)
    assert (settled.step, settled.took_effect) == ("create", True)
    assert len(network.canisters) == 1
    assert network.methods.count("create") == 1


async def test_an_upgrade_that_was_killed_is_settled(project: Project, network: MemoryNetwork, tmp_path: Path) -> None:
    """A canister that a killed run left stopped is started, and its new module is not installed twice."""
    await deploy(memory_session(project, network))
    (tmp_path / "api.wasm").write_bytes(make_wasm("api 2"))
    session = memory_session(project, network)
    await deploy(session)
    journal = session.files.journal(session.run)
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"after"' not in line and '"start"' not in line))
    session.files.records.unlink()
    canister_id = next(iter(network.canisters))
    network.canisters[canister_id] = replace(network.canisters[canister_id], state="stopped")
    network.updates.clear()
    recording = Recording()

    await deploy(memory_session(project, network, recording), ["api"])

    assert network.methods == ["start"]
    assert [getattr(event, "took_effect", None) for event in recording.of("operation-settled")] == [True]
    await deploy(memory_session(project, network, recording), ["api"])
    assert len(recording.of("operation-settled")) == 1
