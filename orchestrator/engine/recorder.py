"""The journal's view of a run: nothing is changed without a line before and a line after.

Three kinds of lines share an operation id: `before` (what is about to be done, and what the network looked like),
`request` (an update call, written before its bytes leave and again when its outcome is certain), `after`. An operation
without `after` was in flight when the run ended: `orchestrator.engine.settle` resolves it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from orchestrator.core.principal import Principal
from orchestrator.engine.commits import Commits
from orchestrator.errors import OrchestratorError, OutcomeUnknownError, StoreError
from orchestrator.events import StepKind
from orchestrator.store import Journal

__all__ = ["Operation", "Recorder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An open operation: the `RequestLog` of the calls that carry it out."""

    id: str
    commits: Commits

    async def sent(self, *, request_id: bytes, expiry_ns: int, canister_id: Principal, method: str) -> None:
        """Write that a request is about to leave, and return once that is on the disk."""
        await self.commits.append(
            {
                "phase": "request",
                "operation": self.id,
                "request_id": request_id.hex(),
                "expiry_ns": str(expiry_ns),
                "effective_canister_id": str(canister_id),
                "method": method,
            }
        )

    def answered(self, *, request_id: bytes, outcome: Literal["replied", "rejected"]) -> None:
        """Write that a request's outcome is certain.

        Nothing waits for the disk: whoever finds a request without its answer asks the network.
        """
        record = {"phase": "answer", "operation": self.id, "request_id": request_id.hex(), "outcome": outcome}
        self.commits.journal.append(record, durable=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes the operations of one run into its journal; `instance_id` is the embedded network's, whose they are."""

    commits: Commits
    run: str
    instance_id: str | None = None

    @property
    def journal(self) -> Journal:
        """Return the journal."""
        return self.commits.journal

    def reopen(self, identifier: str) -> Operation:
        """Return an operation whose line before is written already."""
        return Operation(id=identifier, commits=self.commits)

    @contextmanager
    def operation(self, canister: str, step: StepKind, **facts: str | None) -> Iterator[Operation]:
        """Write the line before, hand out the operation, and write the line after.

        An outcome that is not known leaves the operation open on purpose: so does a cancelled run, and a file of ours
        that could not be written, because then nobody knows what is on disk.
        """
        place = {"run": self.run, "instance_id": self.instance_id}
        identifier = self.journal.begin({**place, "canister": canister, "step": step, **facts})
        try:
            yield self.reopen(identifier)
        except (OutcomeUnknownError, StoreError):
            raise
        except OrchestratorError as error:
            self.journal.finish(identifier, {"outcome": "failed", "slug": error.slug, "summary": error.summary})
            raise
        self.journal.finish(identifier, {"outcome": "done"})
