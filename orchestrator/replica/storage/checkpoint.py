"""Saving a running network: what has changed goes into a journal, about every second and before a new id is told.

`state.cbor`, the base, names the journal that goes on from it. When the journal has become long, a new base and a new
journal take the place of both, in one step: whatever happens in between, the directory holds one consistent state.
Nothing is removed before what replaces it is on the disk.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.replica.replica import Replica
from orchestrator.replica.storage import codec
from orchestrator.replica.storage.canister_files import CanisterFiles, SavedRecord, StorageLimits
from orchestrator.replica.storage.content import encode_frame, encode_request
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.storage.journal import Journal
from orchestrator.replica.storage.loading import STATE_FIELDS, LoadedState, load_state
from orchestrator.store.atomic import PRIVATE_MODE, write_atomic

__all__ = ["Checkpoints", "LoadedState", "StorageLimits", "load_state"]


class Checkpoints:
    """Keeps a replica's state on disk; implements the driver's `Persistence`. Runs on the canisters' thread.

    Raises `OrchestratorError` or OSError when the disk refuses. The state on disk is then the one before, and the next
    attempt saves what this one could not.
    """

    def __init__(
        self,
        replica: Replica,
        directory: StateDirectory,
        *,
        loaded: LoadedState | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        limits: StorageLimits | None = None,
    ) -> None:
        """Take the replica and, if its state was loaded, what of it is on disk already."""
        self._replica = replica
        self._directory = directory
        self._monotonic = monotonic
        self._limits = limits or StorageLimits()
        self._saved_activity = -1 if loaded is None else replica.activity
        self._files = CanisterFiles(directory, loaded.memories if loaded else {}, loaded.in_journal if loaded else (), self._limits)
        self._records: dict[bytes, SavedRecord] = {}
        self._gone: set[bytes] = set()
        self._rest: dict[str, bytes] = {}
        self._journal = Journal(directory.root / loaded.journal, loaded.journal_bytes) if loaded else None
        self._number = _number(loaded.journal) if loaded else 0

    def checkpoint(self) -> float:
        """Save what has changed, if something may have; returns the seconds it took."""
        activity = self._replica.activity
        if activity == self._saved_activity and not self._replica.state.created:
            return 0.0
        started = self._monotonic()
        self._save(self._limits.journal)
        self._saved_activity = activity
        return self._monotonic() - started

    def save_created(self) -> None:
        """Save everything as it is: the ids of new canisters, and what was paid for them, must outlive this process."""
        self._save(self._limits.journal)

    def finish(self) -> None:
        """Save a last time, so that the next start has little to read."""
        if self._replica.activity != self._saved_activity or self._replica.state.created:
            self._save(self._limits.stopped_journal)
        elif self._journal is not None and self._journal.size > self._limits.stopped_journal:
            self._rebase()
        if self._journal is not None:
            self._journal.close()

    def _save(self, max_journal_bytes: int) -> None:
        journal = self._journal
        if journal is None or not journal.is_there():
            self._start_over()
        elif journal.size > max_journal_bytes + self._replaceable_bytes():
            self._rebase()
        else:
            self._append(journal)

    def _replaceable_bytes(self) -> int:
        """Return how large the memories are that a new base would write whole."""
        canisters = (self._replica.state.canisters.get(canister_id) for canister_id in self._files.in_journal)
        return sum(canister.instance.memory_bytes for canister in canisters if canister is not None and canister.instance is not None)

    def _start_over(self) -> None:
        """Write all there is, because nothing is on the disk, or not any more; first of all that this is a state."""
        self._files.forget()
        self._records.clear()
        if not self._directory.state.exists():
            self._write_base(_frame({}, {}, {}))
        self._rebase()

    def _rebase(self) -> None:
        """Write a base with everything, and begin an empty journal."""
        changed = self._collect(whole=True)
        requests = {record.request_id: encode_request(record) for record in self._replica.state.requests.all()}
        records = {**self._records, **changed}
        canisters = {canister_id: saved.encoded for canister_id, saved in records.items()}
        rest = self._encode_rest()
        self._write_base(_frame(rest, canisters, requests, pages=self._files.take_pending(self._replica.state.canisters)))
        self._files.in_journal.clear()
        self._note_saved(changed, rest)

    def _append(self, journal: Journal) -> None:
        """Add what changed since the last frame to the journal."""
        changed = self._collect(whole=False)
        state = self._replica.state
        known = {request_id: state.requests.get(request_id) for request_id in state.requests.unsaved}
        rest = self._encode_rest()
        frame = _frame(
            {name: part for name, part in rest.items() if self._rest.get(name) != part},
            {canister_id: saved.encoded for canister_id, saved in changed.items()},
            {request_id: encode_request(record) for request_id, record in known.items() if record is not None},
            removed=self._gone - state.canisters.keys(),
            forgotten=[request_id for request_id, record in known.items() if record is None],
            pages=self._files.take_pending(state.canisters),
        )
        journal.append(encode_frame(frame))
        self._note_saved(changed, rest)

    def _collect(self, *, whole: bool) -> dict[bytes, SavedRecord]:
        """Write the files that changed; returns the records that did. Canisters that are gone are noted."""
        state = self._replica.state
        self._gone.update(canister_id for canister_id in self._records if canister_id not in state.canisters)
        for canister_id in self._gone:
            self._records.pop(canister_id, None)
        changed = {}
        for canister in state.canisters.values():
            saved = self._files.save(canister, self._records.get(canister.id), whole=whole)
            if saved is not None:
                changed[canister.id] = saved
        return changed

    def _encode_rest(self) -> dict[str, bytes]:
        rest = {name: codec.dump_part(getattr(self._replica.state, name)) for name in STATE_FIELDS}
        clock = self._replica.clock
        return {**rest, "time": codec.dump_part(clock.last), "time_offset": codec.dump_part(clock.offset)}

    def _write_base(self, frame: dict[str, Any]) -> None:
        """Put a base and its empty journal in the place of what was there."""
        before = self._journal
        self._number += 1
        journal = Journal(self._directory.root / f"journal-{self._number}")
        try:
            journal.create()
            write_atomic(self._directory.state, codec.dump({**frame, "journal": journal.path.name}), PRIVATE_MODE)
        except (OrchestratorError, OSError):
            journal.remove()
            raise
        self._journal = journal
        if before is not None:
            before.remove()

    def _note_saved(self, changed: dict[bytes, SavedRecord], rest: dict[str, bytes]) -> None:
        """Take in that what was collected is on the disk; only now may what it replaces go."""
        state = self._replica.state
        self._records.update(changed)
        self._rest = rest
        self._files.note_journaled()
        state.requests.unsaved.clear()
        state.created.clear()
        if changed or self._gone:
            self._files.collect_garbage(saved.record for saved in self._records.values())
        self._gone.clear()


def _frame(
    rest: dict[str, bytes],
    canisters: dict[bytes, bytes],
    requests: dict[bytes, bytes],
    *,
    removed: Iterable[bytes] = (),
    forgotten: Iterable[bytes] = (),
    pages: dict[bytes, dict[str, object]] | None = None,
) -> dict[str, Any]:
    return {
        "rest": rest,
        "canisters": canisters,
        "requests": requests,
        "removed": list(removed),
        "forgotten": list(forgotten),
        "pages": pages or {},
    }


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
