"""The requests that users submitted and what became of them.

A request that is known is never executed again: its id stays until well past its expiry. Its response may go
before: when all responses together are too large, the oldest ones are forgotten, and their requests are `done`.
Source: the IC interface specification, sections "Overview of canister calling" and "Request status".
"""

import heapq
from collections import deque
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
    DONE = "done"


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
        """Say if there was a response; it may be forgotten by now."""
        return self.response is not None or self.state is RequestState.DONE

    @property
    def response_bytes(self) -> int:
        """How much memory the response takes, about."""
        if self.response is None:
            return 0
        return len(self.response.message if isinstance(self.response, Rejection) else self.response.data)


class RequestStore:
    """Requests by id. `changed` collects the ids whose certified status is out of date, `unsaved` those to be saved."""

    def __init__(self, *, max_response_bytes: int = limits.MAX_RESPONSES_BYTES, max_late_requests: int = limits.MAX_LATE_REQUESTS) -> None:
        """Keep responses of up to so many bytes together, and expired requests only while there are no more than this."""
        self._records: dict[bytes, RequestRecord] = {}
        self._max_response_bytes = max_response_bytes
        self._max_late_requests = max_late_requests
        self._response_bytes = 0
        self._answered: deque[bytes] = deque()
        self._expiring: list[tuple[int, bytes]] = []
        self._ended: list[bytes] = []
        self.changed: set[bytes] = set()
        self.unsaved: set[bytes] = set()

    def get(self, request_id: bytes) -> RequestRecord | None:
        """Return a request, or None when it is unknown or forgotten."""
        return self._records.get(request_id)

    def put(self, record: RequestRecord) -> None:
        """Add or replace a request."""
        before = self._records.get(record.request_id)
        self._records[record.request_id] = record
        self.changed.add(record.request_id)
        self.unsaved.add(record.request_id)
        self._response_bytes += record.response_bytes - (before.response_bytes if before is not None else 0)
        if record.is_done and (before is None or not before.is_done):
            heapq.heappush(self._expiring, (record.expiry, record.request_id))
            self._answered.append(record.request_id)
            self._ended.append(record.request_id)
            self._forget_responses()

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

    @property
    def has_ended(self) -> bool:
        """Say if requests have ended since `take_ended` was called last."""
        return bool(self._ended)

    def take_ended(self) -> list[bytes]:
        """Return the requests that have ended since the last time this was asked."""
        ended, self._ended = self._ended, []
        return ended

    def prune(self, now: int, *, at_most: int = limits.MAX_PRUNED_REQUESTS) -> int:
        """Forget some of what ended and expired long enough ago, or just now when there is too much of it; returns how many."""
        pruned = 0
        while pruned < at_most and self._expiring and self._expiring[0][0] + self._retention() < now:
            request_id = heapq.heappop(self._expiring)[1]
            self._response_bytes -= self._records.pop(request_id).response_bytes
            self.changed.add(request_id)
            self.unsaved.add(request_id)
            pruned += 1
        while self._answered and self._answered[0] not in self._records:
            self._answered.popleft()
        return pruned

    def _retention(self) -> int:
        return limits.REQUEST_STATUS_RETENTION_NS if len(self._records) <= self._max_late_requests else 0

    def _forget_responses(self) -> None:
        """Keep all responses together below the limit; the newest is kept in any case, because its caller waits for it."""
        while self._response_bytes > self._max_response_bytes and len(self._answered) > 1:
            record = self._records.get(self._answered.popleft())
            if record is not None:
                self.put(replace(record, state=RequestState.DONE, response=None))
