"""What an interrupted run left open is resolved by evidence, and what stays unclear stops the next run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.core.project import Project
from orchestrator.engine.ports import RequestFate
from orchestrator.engine.session import Session
from orchestrator.engine.settle import KEPT_RUNS, settle
from orchestrator.engine.stores import open_stores
from orchestrator.engine.verbs import deploy
from orchestrator.errors import OutcomeUnknownError
from orchestrator.events import OperationSettled
from orchestrator.store import InstallRecord, Journal, load_records, open_operations
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import Recording, connected, make_canister, make_project, memory_session

pytestmark = pytest.mark.anyio
LATER = datetime(2200, 1, 1, tzinfo=UTC)
CANISTER = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x07\x01\x01")
CREATION: Mapping[str, str | None] = {"created_at_ns": "1", "creation": '{"amounts": {}, "log_visibility": null}'}
REQUEST_ID = "ab" * 32


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A project whose last run left one operation open."""

    session: Session
    network: MemoryNetwork
    recording: Recording
    journal: Path

    async def settle(self) -> OperationSettled:
        """Settle, and return the one thing that was settled."""
        async with self.network.connect(self.session) as connection:
            await settle(self.session, connection, open_stores(self.session, connection))
        (event,) = self.recording.of("operation-settled")
        assert isinstance(event, OperationSettled)
        assert open_operations(load_records(self.journal)) == ()
        return event


def interrupt(project: Project, network: MemoryNetwork, step: str, facts: Mapping[str, str | None], *, sent: bool = True) -> Interrupted:
    """Write the journal of a run that ended in the middle of a step."""
    recording = Recording()
    session = replace(memory_session(project, network, recording), now=lambda: LATER)
    journal = session.files.journal("20200101T000000.000Z-0000")
    journal.parent.mkdir(parents=True)
    place = {"operation": "01", "canister": "api", "step": step, "instance_id": "aa" if network.managed else None}
    records: list[Mapping[str, object]] = [{"phase": "before", **place, **facts}]
    if sent:
        request = {"request_id": REQUEST_ID, "expiry_ns": "1", "effective_canister_id": str(CANISTER), "method": step}
        records.append({"phase": "request", "operation": "01", **request})
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    return Interrupted(session=session, network=network, recording=recording, journal=journal)


async def test_a_creation_that_was_never_sent(project: Project, network: MemoryNetwork) -> None:
    """Without a request there is no canister."""
    settled = await interrupt(project, network, "create", CREATION, sent=False).settle()

    assert (settled.took_effect, settled.evidence) == (False, "no request was sent")


async def test_a_creation_that_was_rejected(project: Project, network: MemoryNetwork) -> None:
    """The network's certified reject is the end of it."""
    network.fates[bytes.fromhex(REQUEST_ID)] = RequestFate(status="rejected")

    settled = await interrupt(project, network, "create", CREATION).settle()

    assert (settled.took_effect, settled.evidence) == (False, "the network rejected the request")


async def test_a_creation_nobody_knows_about_on_a_network_that_costs(tmp_path: Path) -> None:
    """The cycles ledger is asked for the same creation again, and the id is kept."""
    network = MemoryNetwork(managed=False)
    project = make_project(tmp_path, [make_canister(tmp_path, "api")], network=connected("local"))
    interrupted = interrupt(project, network, "create", CREATION)

    settled = await interrupted.settle()

    assert settled.took_effect is True
    assert "cycles ledger" in settled.evidence
    assert network.methods == ["create"]
    await deploy(replace(interrupted.session, run="later"))
    assert network.methods.count("create") == 1


@pytest.mark.parametrize("status", ["unknown", "done"])
async def test_a_creation_through_a_proxy_that_is_unclear(tmp_path: Path, status: str) -> None:
    """Nobody can be asked again: the run ends with the facts, and the journal stays open."""
    network = MemoryNetwork(managed=False, proxy=CANISTER)
    network.fates[bytes.fromhex(REQUEST_ID)] = RequestFate(status=status)  # type: ignore[arg-type]  # one of its words
    project = make_project(tmp_path, [make_canister(tmp_path, "api")], network=connected("local"))
    interrupted = interrupt(project, network, "create", CREATION)

    with pytest.raises(OutcomeUnknownError) as caught:
        await interrupted.settle()

    assert REQUEST_ID in str(caught.value.detail)
    assert len(open_operations(load_records(interrupted.journal))) == 1
    assert network.updates == []


@pytest.mark.parametrize("step", ["settings", "start", "stop"])
async def test_what_can_be_compared_again_needs_no_verdict(project: Project, network: MemoryNetwork, step: str) -> None:
    """The next plan looks at live state anyway."""
    settled = await interrupt(project, network, step, {"canister_id": str(CANISTER)}).settle()

    assert settled.took_effect is None
    assert network.updates == []


async def test_an_install_on_a_canister_that_is_gone(project: Project, network: MemoryNetwork) -> None:
    """A canister that was deleted meanwhile has nothing installed."""
    facts: Mapping[str, str | None] = {
        "canister_id": str(CANISTER),
        "module_hash": "aa",
        "argument_hash": "bb",
        "previous_module_hash": None,
    }

    settled = await interrupt(project, network, "install", facts).settle()

    assert (settled.took_effect, settled.evidence) == (False, "the canister does not exist any more")


@pytest.mark.parametrize(("status", "took_effect"), [("replied", True), ("unknown", None)])
async def test_an_upgrade_to_the_same_module(project: Project, network: MemoryNetwork, status: str, took_effect: bool | None) -> None:  # noqa: FBT001  # a table's column
    """The module's hash proves nothing then; only the network's word about the request does."""
    await deploy(memory_session(project, network))
    canister_id, live = next(iter(network.canisters.items()))
    network.fates[bytes.fromhex(REQUEST_ID)] = RequestFate(status=status)  # type: ignore[arg-type]  # one of its words
    facts: Mapping[str, str | None] = {
        "canister_id": str(canister_id),
        "module_hash": live.module_hash,
        "previous_module_hash": live.module_hash,
    }
    interrupted = interrupt(project, network, "upgrade", {"argument_hash": "cc", **facts})
    for path in interrupted.session.files.runs.glob("2*/journal.jsonl"):
        if path != interrupted.journal:
            path.unlink()

    settled = await interrupted.settle()

    assert settled.took_effect is took_effect
    async with network.connect(interrupted.session) as connection:
        record = open_stores(interrupted.session, connection).records.load()["api"]
    assert isinstance(record, InstallRecord)
    assert (record.argument_hash == "cc") is bool(took_effect)


async def test_an_interrupted_run_is_found_behind_later_ones(project: Project, network: MemoryNetwork) -> None:
    """A run that began early can be the last to hold the lock: a later name does not hide what it left open."""
    interrupted = interrupt(project, network, "create", CREATION, sent=False)
    later = interrupted.session.files.journal("20210101T000000.000Z-0000")
    later.parent.mkdir()
    later.write_text("")

    settled = await interrupted.settle()

    assert settled.operation == "01"


async def test_old_journals_of_our_networks_go(project: Project, network: MemoryNetwork) -> None:
    """A developer's thousandth deploy does not read a thousand journals; the last ones stay."""
    session = memory_session(project, network)
    for number in range(KEPT_RUNS + 5):
        with Journal(session.files.journal(f"run-{number:03}")) as journal:
            journal.finish(journal.begin({}), {})

    await deploy(session)
    await deploy(memory_session(project, network))

    kept = sorted(path.name for path in session.files.runs.iterdir())
    assert len(kept) == KEPT_RUNS
    assert kept[-1] == f"run-{KEPT_RUNS + 4:03}"


async def test_journals_of_other_networks_stay(tmp_path: Path, network: MemoryNetwork) -> None:
    """What was done where it costs is kept for good."""
    network.managed = False
    session = memory_session(make_project(tmp_path, [make_canister(tmp_path, "api")], network=connected()), network)
    for number in range(KEPT_RUNS + 5):
        with Journal(session.files.journal(f"run-{number:03}")) as journal:
            journal.finish(journal.begin({}), {})

    await deploy(session)

    assert len(list(session.files.runs.iterdir())) == KEPT_RUNS + 6
