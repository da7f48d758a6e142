"""The requests that users submitted and what became of them.

A request that is known is never executed again: its id stays until well past its expiry.
Source: the IC interface specification, section "Request status".
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.replica import limits
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection

__all__ = ["RequestRecord", "RequestState", "RequestStore"]


class RequestState(StrEnum):
    """The certified status of a request."""

    RECEIVED = "received"
    PROCESSING = "processing"
    REPLIED = "replied"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request: `receiver` is whom it calls, `effective_id` the canister (or subnet) of its URL.

    `expiry` is in nanoseconds; `is_queued` once it was given to the scheduler.
    """

    request_id: bytes
    sender: bytes
    receiver: bytes
    effective_id: bytes
    expiry: int
    state: RequestState = RequestState.RECEIVED
    response: Response | None = None
    is_queued: bool = False

    @property
    def is_done(self) -> bool:
        """Say if the response is there."""
        return self.response is not None


class RequestStore:
    """Requests by id. `changed` collects the ids whose certified status is out of date."""

    def __init__(self) -> None:
        self._records: dict[bytes, RequestRecord] = {}
        self.changed: set[bytes] = set()

    def get(self, request_id: bytes) -> RequestRecord | None:
        """Return a request, or None when it is unknown or forgotten."""
        return self._records.get(request_id)

    def put(self, record: RequestRecord) -> None:
        """Add or replace a request."""
        self._records[record.request_id] = record
        self.changed.add(record.request_id)

    def all(self) -> list[RequestRecord]:
        """Return every known request."""
        return list(self._records.values())

    def begin(self, request_id: bytes) -> None:
        """Note that execution started."""
        record = self._records.get(request_id)
        if record is not None and record.state is RequestState.RECEIVED:
            self.put(replace(record, state=RequestState.PROCESSING))

    def finish(self, request_id: bytes, response: Response) -> None:
        """Note the response; a request that was forgotten meanwhile stays forgotten."""
        record = self._records.get(request_id)
        if record is not None:
            state = RequestState.REJECTED if isinstance(response, Rejection) else RequestState.REPLIED
            self.put(replace(record, state=state, response=response))

    def prune(self, now: int) -> int:
        """Forget what ended and expired long enough ago; returns how many."""
        old = [
            record.request_id
            for record in self._records.values()
            if record.is_done and record.expiry + limits.REQUEST_STATUS_RETENTION_NS < now
        ]
        for request_id in old:
            del self._records[request_id]
            self.changed.add(request_id)
        return len(old)
