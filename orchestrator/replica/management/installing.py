"""Installing code, from one message or from stored chunks: all of it takes effect, or none.

Source: the IC interface specification, sections "IC method install_code" and "Canister upgrades".
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from orchestrator.candid import Variant
from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, Change, ChangeKind
from orchestrator.replica.charging import require_cycles
from orchestrator.replica.execution import rejection_of
from orchestrator.replica.fees import CHUNK_INSTRUCTIONS, code_bytes, frozen_cycles, memory_usage
from orchestrator.replica.management.context import (
    Answer,
    Argument,
    Context,
    change_by,
    check_replaceable,
    check_room,
    chunk_error,
    controlled_canister,
    pay_instructions,
)
from orchestrator.replica.messages import Call
from orchestrator.replica.rejects import Reason, RejectedError, reject
from orchestrator.replica.vm.interface import START, Instance, InvalidModuleError, Message, MessageKind, Module, Outcome
from orchestrator.replica.vm.limits import INSTRUCTION_LIMITS

__all__ = ["clear_chunk_store", "install_chunked_code", "install_code", "stored_chunks", "upload_chunk"]

_ORTHOGONAL_PERSISTENCE = "enhanced-orthogonal-persistence"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installation:
    """One installation: where, what, and how; `change` is its entry in the history.

    `keep_memory` is None when the request does not say.
    """

    canister: Canister
    caller: bytes
    change: Change
    mode: str
    wasm: bytes
    arg: bytes
    now: int
    skip_pre_upgrade: bool = False
    keep_memory: bool | None = None


def install_code(context: Context, call: Call, argument: Argument) -> Answer:
    """Install the module in the message."""
    canister = controlled_canister(context, call, argument)
    _install(context, _read(context, call, canister, argument, cast("bytes", argument["wasm_module"])))
    return Answer()


def install_chunked_code(context: Context, call: Call, argument: Argument) -> Answer:
    """Install the module that stored chunks make up."""
    canister = controlled_canister(context, call, argument, name="target_canister")
    store = canister
    if argument.get("store_canister") is not None:
        store = controlled_canister(context, call, argument, name="store_canister", or_itself=True)
    hashes = cast("Sequence[Mapping[str, bytes]]", argument["chunk_hashes_list"])
    if len(hashes) > limits.MAX_CHUNKS:
        raise chunk_error(f"A module has at most {limits.MAX_CHUNKS} chunks, and {len(hashes)} are listed")
    parts = []
    for chunk in hashes:
        part = store.chunks.get(chunk["hash"])
        if part is None:
            raise chunk_error(f"Chunk hash {chunk['hash'].hex()} was not found")
        parts.append(part)
    wasm = b"".join(parts)
    wanted = cast("bytes", argument["wasm_module_hash"])
    if hashlib.sha256(wasm).digest() != wanted:
        raise chunk_error(f"Wasm module hash {hashlib.sha256(wasm).hexdigest()} does not match given hash {wanted.hex()}")
    _install(context, _read(context, call, canister, argument, wasm))
    return Answer()


def upload_chunk(context: Context, call: Call, argument: Argument) -> Answer:
    """Store a chunk of at most 1 MiB and return its hash."""
    canister = controlled_canister(context, call, argument, or_itself=True)
    chunk = cast("bytes", argument["chunk"])
    if len(chunk) > limits.MAX_CHUNK_BYTES:
        raise chunk_error(f"Wasm chunk size {len(chunk)} exceeds the maximum chunk size of {limits.MAX_CHUNK_BYTES}")
    digest = hashlib.sha256(chunk).digest()
    if digest not in canister.chunks and len(canister.chunks) >= limits.MAX_CHUNKS:
        raise chunk_error(f"Wasm chunk store has already reached maximum capacity of {limits.MAX_CHUNKS * limits.MAX_CHUNK_BYTES} bytes")
    check_room(context, canister, 0 if digest in canister.chunks else limits.MAX_CHUNK_BYTES)
    pay_instructions(context, canister, CHUNK_INSTRUCTIONS)
    canister.chunks[digest] = bytes(chunk)
    return Answer(({"hash": digest},))


def clear_chunk_store(context: Context, call: Call, argument: Argument) -> Answer:
    """Forget all stored chunks."""
    controlled_canister(context, call, argument, or_itself=True).chunks = {}
    return Answer()


def stored_chunks(context: Context, call: Call, argument: Argument) -> Answer:
    """List the hashes of the stored chunks."""
    canister = controlled_canister(context, call, argument, or_itself=True)
    return Answer(([{"hash": digest} for digest in canister.chunks],))


def _read(context: Context, call: Call, canister: Canister, argument: Argument, wasm: bytes) -> _Installation:
    mode = cast("Variant", argument["mode"])
    options = cast("Mapping[str, object]", mode.value or {}) if mode.label == "upgrade" else {}
    persistence = cast("Variant | None", options.get("wasm_memory_persistence"))
    now = context.execution.now()
    change = change_by(call, argument, now=now, version=canister.version + 1, kind=ChangeKind.CODE_DEPLOYMENT)
    return _Installation(
        canister=canister,
        caller=call.caller,
        change=replace(change, mode=str(mode.label), module_hash=hashlib.sha256(wasm).digest()),
        mode=str(mode.label),
        wasm=bytes(wasm),
        arg=bytes(cast("bytes", argument["arg"])),
        now=now,
        skip_pre_upgrade=bool(options.get("skip_pre_upgrade")),
        keep_memory=None if persistence is None else persistence.label == "keep",
    )


def _install(context: Context, work: _Installation) -> None:
    canister = work.canister
    check_replaceable(canister)
    if work.mode == "install" and canister.instance is not None:
        raise RejectedError(reject(Reason.NOT_EMPTY, canister=canister.id))
    if work.mode == "upgrade" and canister.instance is None:
        raise RejectedError(reject(Reason.NO_MODULE, canister=canister.id))
    fees, previous = context.environment.fees, canister.instance
    longest = fees.execution(INSTRUCTION_LIMITS[MessageKind.INIT], wide=False)
    require_cycles(canister, longest, fees, reason=Reason.OUT_OF_CYCLES_TO_INSTALL)
    try:
        module = context.environment.machine.load(work.wasm)
        if work.mode == "upgrade" and previous is not None:
            _check_persistence(work, previous.module, module)
            instance, outcomes = _upgrade(context, work, previous, module)
        else:
            instance, outcomes = _start(context, work, context.environment.machine.instantiate(module), entry="canister_init")
    except InvalidModuleError as error:  # it does not compile, or its segments or memory do not fit
        raise RejectedError(reject(Reason.INVALID_MODULE, canister=canister.id, detail=str(error))) from error
    _check_growth(context, work, instance, outcomes)
    _take_over(context, work, instance, outcomes)
    if previous is not None:
        previous.close()


def _check_growth(context: Context, work: _Installation, instance: Instance, outcomes: Sequence[Outcome]) -> None:
    """Refuse code that needs more memory than its canister can keep for its freezing threshold."""
    canister = work.canister
    grown = code_bytes(instance, work.wasm) - code_bytes(canister.instance, canister.wasm)
    balance = canister.cycles + sum(outcome.balance_change for outcome in outcomes)
    frozen = frozen_cycles(canister, context.environment.fees, memory_bytes=memory_usage(canister) + grown)
    if grown > 0 and balance < frozen and not canister.is_free:
        instance.rollback()
        instance.close()
        raise RejectedError(reject(Reason.GROWTH_CYCLES, size=grown, missing=f"{frozen - balance:_}"))


def _check_persistence(work: _Installation, old: Module, new: Module) -> None:
    """Refuse an upgrade that would drop, or cannot keep, a main memory that is meant to persist."""
    if _ORTHOGONAL_PERSISTENCE in old.info.metadata and work.keep_memory is None:
        raise RejectedError(reject(Reason.EOP_OPTION_MISSING))
    if work.keep_memory and _ORTHOGONAL_PERSISTENCE not in new.info.metadata:
        raise RejectedError(reject(Reason.EOP_NOT_SUPPORTED))


def _upgrade(context: Context, work: _Installation, previous: Instance, module: Module) -> tuple[Instance, list[Outcome]]:
    """Run pre_upgrade on the old code and post_upgrade on the new; a trap leaves the old code as it was."""
    outcomes: list[Outcome] = []
    try:
        if not work.skip_pre_upgrade and work.canister.exports("canister_pre_upgrade"):
            outcomes.append(_run(context, work, previous, "canister_pre_upgrade", MessageKind.PRE_UPGRADE))
            outcomes[-1].global_timer = None  # an upgrade stops the timer; only the new code sets it
        instance = context.environment.machine.instantiate(module, previous=previous, keep_memory=bool(work.keep_memory))
        burned = sum(outcome.burned for outcome in outcomes)
        instance, started = _start(context, work, instance, entry="canister_post_upgrade", burned=burned)
    except Exception:  # whatever it was: what pre_upgrade wrote must not be kept
        previous.rollback()
        raise
    return instance, outcomes + started


def _start(context: Context, work: _Installation, instance: Instance, *, entry: str, burned: int = 0) -> tuple[Instance, list[Outcome]]:
    """Run the start function, which cannot burn cycles, and the given entry point, where they exist."""
    outcomes: list[Outcome] = []
    kind = MessageKind.INIT if entry == "canister_init" else MessageKind.POST_UPGRADE
    try:
        if instance.module.info.has_start:
            outcomes.append(_run(context, work, instance, START, MessageKind.START))
        if entry in instance.module.info.exports:
            outcomes.append(_run(context, work, instance, entry, kind, burned=burned))
    except RejectedError:
        instance.rollback()
        instance.close()
        raise
    return instance, outcomes


def _run(context: Context, work: _Installation, instance: Instance, entry: str, kind: MessageKind, *, burned: int = 0) -> Outcome:
    """Run a hook that sees the balance without what the hook before it burned, which is taken only if all succeed."""
    message = Message(kind=kind, now=work.now, caller=work.caller, arg=work.arg, responded=True)
    work.canister.cycles -= burned
    try:
        outcome = context.execution.run_logged(work.canister, instance, entry, message)
    finally:
        work.canister.cycles += burned
    if outcome.trap is not None:
        raise RejectedError(rejection_of(work.canister.id, outcome.trap))
    return outcome


def _take_over(context: Context, work: _Installation, instance: Instance, outcomes: Sequence[Outcome]) -> None:
    """Make the new code the canister's; timers do not survive, certified data survives upgrades only."""
    canister = work.canister
    if work.mode != "upgrade":
        canister.certified_data = b""
    if work.mode == "reinstall":
        canister.clear_logs(before=work.now)
    canister.instance = instance
    canister.wasm, canister.module_hash = work.wasm, work.change.module_hash
    canister.global_timer, canister.installed_at = 0, work.now
    for outcome in outcomes:
        context.execution.charging.apply(canister, outcome)
        canister.certified_data = canister.certified_data if outcome.certified_data is None else outcome.certified_data
        canister.global_timer = outcome.global_timer or canister.global_timer
    instance.commit()
    canister.version = work.change.version
    canister.memory_version += 1
    canister.record(work.change)
    context.state.touched.add(canister.id)
