"""Resolving what an interrupted run left open, before anything new is changed.

Every apply holds the environment's lock and settles first. The evidence is, in this order: files of ours (an id that was assigned), live state (a module hash), certified request
status (the network tells what became of a request for some minutes after it was sent). A request that nobody has seen
can still arrive until it expires; only after that is its absence an answer.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.principal import Principal
from orchestrator.engine.commits import Commits
from orchestrator.engine.consent import require_confirmation
from orchestrator.engine.ports import Connection, RequestFate
from orchestrator.engine.recorder import Recorder
from orchestrator.engine.session import Session
from orchestrator.engine.steps.create import repeat_creation
from orchestrator.engine.stores import Stores
from orchestrator.errors import OutcomeUnknownError
from orchestrator.events import OperationSettled, StepKind, Waiting
from orchestrator.store import InstallRecord, Journal, load_records, open_operations

__all__ = ["KEPT_RUNS", "MAX_REQUEST_AGE_SECONDS", "settle"]

# Journals that are kept of an environment on a network that is ours; those of other networks are all kept.
KEPT_RUNS = 50
# The longest that a request can be pending: the specification's ingress expiry, and clock differences.
MAX_REQUEST_AGE_SECONDS = 6 * 60
_POLL_SECONDS = 1.0
_INSTALLS = frozenset({"install", "upgrade", "reinstall"})

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """An update call that an open operation sent, as journaled; `answered` when its outcome was known."""

    request_id: bytes
    expiry_ns: int
    canister_id: Principal
    method: str
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What resolving needs; the recorder writes into the interrupted run's own journal."""

    session: Session
    connection: Connection
    stores: Stores
    recorder: Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """Whether an operation took effect (`None`: it does not matter, it is compared again) and how that is known."""

    took_effect: bool | None
    evidence: str


async def settle(session: Session, connection: Connection, stores: Stores) -> None:
    """Close every open operation of earlier runs, and start canisters that an upgrade left stopped.

    Raises `OutcomeUnknownError` when a canister may have been created on a network where that costs, and nothing tells.
    """
    for path, records in _interrupted_runs(session.files.runs):
        await require_confirmation(session)
        await _settle_run(session, connection, stores, path, records)
    if connection.managed:
        _forget_old_runs(session.files.runs)


def _interrupted_runs(runs: Path) -> list[tuple[Path, Sequence[Record]]]:
    """Return the journals with open operations, and their records.

    All are looked at: a run's name tells when it began, not when it held the lock, and clocks are set back.
    """
    journals = [(path, load_records(path)) for path in sorted(runs.glob("*/journal.jsonl"))]
    return [(path, records) for path, records in journals if open_operations(records)]


async def _settle_run(session: Session, connection: Connection, stores: Stores, path: Path, records: Sequence[Record]) -> None:
    with Journal(path, clock=session.now) as journal:
        case = _Case(session=session, connection=connection, stores=stores, recorder=_recorder(session, connection, journal))
        for operation in open_operations(records):
            verdict = await _resolve(case, operation, _requests(records, str(operation["operation"])))
            outcome = {True: "done", False: "void", None: "superseded"}[verdict.took_effect]
            journal.finish(str(operation["operation"]), {"outcome": outcome, "settled": True, "evidence": verdict.evidence})
            session.emit(_event(operation, verdict))


def _forget_old_runs(runs: Path) -> None:
    """Delete all but the last runs of a network that is ours, none of which has anything open."""
    for old in sorted(runs.glob("*"))[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)


def _requests(records: Sequence[Record], operation: str) -> tuple[_Request, ...]:
    mine = [record for record in records if record.get("operation") == operation]
    answered = {record.get("request_id") for record in mine if record.get("phase") == "answer"}
    return tuple(
        _Request(
            request_id=bytes.fromhex(str(record["request_id"])),
            expiry_ns=int(str(record["expiry_ns"])),
            canister_id=Principal.from_text(str(record["effective_canister_id"])),
            method=str(record["method"]),
            answered=record.get("request_id") in answered,
        )
        for record in mine
        if record.get("phase") == "request"
    )


async def _resolve(case: _Case, operation: Record, requests: Sequence[_Request]) -> _Verdict:
    step, canister = str(operation["step"]), str(operation["canister"])
    if operation.get("instance_id") != case.connection.instance_id:
        return _Verdict(took_effect=None, evidence="it was on a network whose state is gone")
    if step == "create":
        return await _resolve_creation(case, operation, requests)
    fates = [await _fate(case, canister, request) for request in requests if not request.answered]
    if step in _INSTALLS:
        return await _resolve_install(case, operation, fates)
    if step.startswith("sync-"):
        return _Verdict(took_effect=None, evidence="its pending calls have ended; the step runs again, whole")
    return _Verdict(took_effect=None, evidence="live state is compared again")


async def _resolve_creation(case: _Case, operation: Record, requests: Sequence[_Request]) -> _Verdict:
    """Find the canister that a creation made: by its id on disk, the request's reply, or by asking the ledger again."""
    canister = str(operation["canister"])
    if canister in case.stores.ids.load():
        return _Verdict(took_effect=True, evidence="its id is on disk")
    if not requests:
        return _Verdict(took_effect=False, evidence="no request was sent")
    fate = await _fate(case, canister, requests[-1])
    if fate.status == "rejected":
        return _Verdict(took_effect=False, evidence="the network rejected the request")
    principal = case.connection.reader.created(fate.reply) if fate.reply is not None else None
    if principal is not None:
        case.stores.ids.assign(canister, principal)
        return _Verdict(took_effect=True, evidence=f"the network's reply names {principal}")
    if case.connection.managed:
        return _Verdict(took_effect=False, evidence="the network does not know the request; an unused canister costs nothing here")
    if not case.connection.repeatable_creation or fate.status == "processing":
        raise _creation_unknown(case, canister, requests[-1])
    return await _repeat(case, operation, canister)


async def _repeat(case: _Case, operation: Record, canister: str) -> _Verdict:
    """Ask for the same creation again: the ledger remembers it by its time, so there is one canister either way."""
    created_at_ns, creation = int(str(operation["created_at_ns"])), str(operation["creation"])
    log = case.recorder.reopen(str(operation["operation"]))
    port = case.connection.open_port(log)
    principal = await repeat_creation(port, case.stores, canister, created_at_ns=created_at_ns, creation=creation)
    return _Verdict(took_effect=True, evidence=f"the cycles ledger, asked again, names {principal}")


def _creation_unknown(case: _Case, canister: str, request: _Request) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"nothing tells whether canister `{canister}` was created",
        detail=f"request {request.request_id.hex()} was sent and its fate is not known to the network",
        hint=f"if it exists, write its id into `{case.session.files.ids}`; if not, remove `{case.recorder.journal.path}`",
    )


async def _resolve_install(case: _Case, operation: Record, fates: Sequence[RequestFate]) -> _Verdict:
    """Compare the installed module with the operation's; start the canister if the upgrade left it stopped."""
    canister, principal = str(operation["canister"]), Principal.from_text(str(operation["canister_id"]))
    live = await case.connection.reader.status(principal)
    if live is None:
        return _Verdict(took_effect=False, evidence="the canister does not exist any more")
    if live.state != "running":
        await _start(case, canister, principal)
    if live.module_hash != operation["module_hash"]:
        return _Verdict(took_effect=False, evidence="another module is installed")
    confirmed = operation["module_hash"] != operation.get("previous_module_hash") or any(fate.status == "replied" for fate in fates)
    if not confirmed:
        return _Verdict(took_effect=None, evidence="the module was the same before; it is upgraded again")
    record = InstallRecord(
        canister_id=str(principal), module_hash=str(operation["module_hash"]), argument_hash=str(operation["argument_hash"])
    )
    case.stores.records.write(canister, record)
    if operation["step"] != "upgrade":
        case.stores.sync_records.forget(canister)
    return _Verdict(took_effect=True, evidence="its module is installed")


async def _start(case: _Case, canister: str, principal: Principal) -> None:
    """Start a canister that an interrupted upgrade stopped: a change like any other, journaled."""
    with case.recorder.operation(canister, "start", canister_id=str(principal)) as operation:
        await case.connection.open_port(operation).start(principal)


async def _fate(case: _Case, canister: str, request: _Request) -> RequestFate:
    """Ask until the answer is final: a request not seen can still arrive until it expires, unless the network is local."""
    waited = 0.0
    while True:
        fate = await case.connection.reader.fate(request.request_id, request.canister_id)
        expired = case.session.now_ns() > request.expiry_ns
        final = fate.status in {"replied", "rejected", "done"} or (fate.status == "unknown" and (expired or case.connection.managed))
        if final or waited > MAX_REQUEST_AGE_SECONDS:
            return fate
        case.session.emit(Waiting(what=f"`{request.method}` of an interrupted run to end", seconds=waited, canister=canister))
        await case.session.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS


def _recorder(session: Session, connection: Connection, journal: Journal) -> Recorder:
    return Recorder(commits=Commits(journal), run=session.run, instance_id=connection.instance_id)


def _event(operation: Record, verdict: _Verdict) -> OperationSettled:
    step: StepKind = str(operation["step"])  # type: ignore[assignment]  # the recorder wrote a StepKind
    return OperationSettled(
        canister=str(operation["canister"]),
        step=step,
        operation=str(operation["operation"]),
        took_effect=verdict.took_effect,
        evidence=verdict.evidence,
        name=name if isinstance(name := operation.get("name"), str) else None,
    )
