"""Settings that take something away, and settings that a network may not have."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings
from orchestrator.engine.verbs import deploy
from orchestrator.errors import ConsentError
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import Recording, make_canister, make_project, memory_session

pytestmark = pytest.mark.anyio
FRIEND = Principal(b"\x01friend\x02")


async def agree(_plan: object) -> bool:
    """Consent to everything."""
    return True


async def test_removing_controllers_takes_consent(tmp_path: Path, network: MemoryNetwork) -> None:
    """Nobody loses a canister without a yes; with it, the list is what is left, and the next deploy finds nothing to do."""
    canister = make_canister(tmp_path, "api", settings=Settings(controllers=(str(FRIEND),)))
    await deploy(memory_session(make_project(tmp_path, [canister]), network))
    network.updates.clear()
    alone = replace(canister, settings=Settings(controllers=(str(network.identity),), controllers_exact=True))
    project = make_project(tmp_path, [alone])

    with pytest.raises(ConsentError):
        await deploy(memory_session(project, network))
    assert network.updates == []
    await deploy(memory_session(project, network), consent=agree)
    await deploy(memory_session(project, network))

    assert network.methods == ["update_settings"]
    assert [live.settings.controllers for live in network.canisters.values()] == [frozenset({network.identity})]


async def test_who_deploys_stays_and_is_told(tmp_path: Path, network: MemoryNetwork) -> None:
    """A list without who deploys removes the others only, and says so each time, from the first one on."""
    settings = Settings(controllers=(str(FRIEND),), controllers_exact=True)
    project = make_project(tmp_path, [make_canister(tmp_path, "api", settings=settings)])
    first, recording = Recording(), Recording()
    await deploy(memory_session(project, network, first))
    network.updates.clear()

    await deploy(memory_session(project, network, recording))

    assert network.updates == []
    for told in (first, recording):
        assert [getattr(event, "slug", None) for event in told.of("warning")] == ["deploy/own-controller"]
    assert [live.settings.controllers for live in network.canisters.values()] == [frozenset({network.identity, FRIEND})]


async def test_an_empty_list_means_who_deploys(tmp_path: Path, network: MemoryNetwork) -> None:
    """Nobody else is left, and that is no surprise to whoever wrote it."""
    canister = make_canister(tmp_path, "api", settings=Settings(controllers=(str(FRIEND),)))
    await deploy(memory_session(make_project(tmp_path, [canister]), network))
    alone = replace(canister, settings=Settings(controllers=(), controllers_exact=True))
    recording = Recording()

    await deploy(memory_session(make_project(tmp_path, [alone]), network, recording), consent=agree)

    assert recording.of("warning") == []
    assert [live.settings.controllers for live in network.canisters.values()] == [frozenset({network.identity})]


async def test_what_the_ledger_does_not_take_is_set_afterwards(tmp_path: Path, network: MemoryNetwork) -> None:
    """Creation by the cycles ledger takes some settings; the others come with the first update, not with the next deploy."""
    network.managed, network.ledger = False, True
    settings = Settings(wasm_memory_limit=1_000_000, freezing_threshold=5, status_visibility="public", log_visibility="public")
    project = make_project(tmp_path, [make_canister(tmp_path, "api", settings=settings)])

    await deploy(memory_session(project, network))
    (live,) = network.canisters.values()
    network.updates.clear()
    await deploy(memory_session(project, network))

    assert (live.settings.wasm_memory_limit, live.settings.status_visibility, live.settings.log_visibility) == (
        1_000_000,
        "public",
        "public",
    )
    assert network.updates == []


async def test_a_network_without_a_setting_is_not_asked_again(tmp_path: Path, network: MemoryNetwork) -> None:
    """Where a network does not tell a visibility, it is left out with a warning, and every further deploy sends nothing."""
    network.lacking = ("snapshot_visibility",)
    settings = Settings(snapshot_visibility="public", status_visibility="public")
    project = make_project(tmp_path, [make_canister(tmp_path, "api", settings=settings)])
    await deploy(memory_session(project, network))
    network.updates.clear()
    recording = Recording()

    await deploy(memory_session(project, network, recording))

    assert network.updates == []
    assert [getattr(event, "slug", None) for event in recording.of("warning")] == ["deploy/unknown-setting"]
