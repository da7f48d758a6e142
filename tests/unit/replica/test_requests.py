"""The store of requests: what is remembered, for how long, and how much of it."""

from orchestrator.replica import limits
from orchestrator.replica.rejects import Reason, reject
from orchestrator.replica.requests import RequestRecord, RequestState, RequestStore
from orchestrator.replica.vm.interface import Reply

EXPIRY = 1_000 * limits.NANOSECONDS
LATER = EXPIRY + limits.REQUEST_STATUS_RETENTION_NS


def record(number: int, *, expiry: int = EXPIRY) -> RequestRecord:
    """Make a request that was just received."""
    return RequestRecord(request_id=bytes([number]) * 32, sender=b"s", receiver=b"r", effective_id=b"r", expiry=expiry)


def answered(store: RequestStore, number: int, size: int) -> bytes:
    """Let a request come in and end with a reply of so many bytes; returns its id."""
    made = record(number)
    store.put(made)
    store.begin(made.request_id)
    store.finish(made.request_id, Reply(bytes(size)))
    return made.request_id


def state(store: RequestStore, request_id: bytes) -> RequestState:
    """Return a request's status."""
    found = store.get(request_id)
    assert found is not None
    return found.state


def test_the_oldest_responses_are_forgotten_when_there_are_too_many() -> None:
    """The requests stay known, as done, so that nobody can run them again; the newest response is always kept."""
    store = RequestStore(max_response_bytes=100)
    first, second, third = (answered(store, number, 40) for number in (1, 2, 3))
    assert [state(store, one) for one in (first, second, third)] == [RequestState.DONE, RequestState.REPLIED, RequestState.REPLIED]
    large = answered(store, 4, 1000)
    assert [state(store, one) for one in (second, third, large)] == [RequestState.DONE, RequestState.DONE, RequestState.REPLIED]
    forgotten = store.get(first)
    assert forgotten is not None
    assert (forgotten.is_done, forgotten.response) == (True, None)
    assert first in store.changed


def test_rejections_count_as_well() -> None:
    """What a rejection says takes memory like a reply."""
    store = RequestStore(max_response_bytes=10)
    made = record(1)
    store.put(made)
    store.finish(made.request_id, reject(Reason.STOP_TIMED_OUT))
    answered(store, 2, 1)
    assert state(store, made.request_id) is RequestState.DONE


def test_what_is_forgotten_makes_room() -> None:
    """Pruned responses no longer count."""
    store = RequestStore(max_response_bytes=100)
    answered(store, 1, 90)
    assert store.prune(LATER + 1) == 1
    second, third = answered(store, 2, 50), answered(store, 3, 50)
    assert [state(store, one) for one in (second, third)] == [RequestState.REPLIED] * 2


def test_requests_are_pruned_when_they_ended_and_expired() -> None:
    """Not a moment before, and never while they are under way."""
    store = RequestStore()
    open_request, late = record(1), record(2, expiry=EXPIRY + 1)
    store.put(open_request)
    store.put(late)
    ended = answered(store, 3, 1)
    store.finish(late.request_id, Reply(b""))
    assert store.prune(LATER) == 0
    store.changed.clear()
    assert store.prune(LATER + 1) == 1
    assert store.changed == {ended}
    assert store.get(ended) is None
    store.finish(open_request.request_id, Reply(b""))
    assert store.prune(LATER + 2) == 2
    assert store.all() == []


def test_too_many_requests_are_pruned_when_they_expire() -> None:
    """Polling clients can wait, memory cannot; a request that has not expired is never forgotten."""
    store = RequestStore(max_late_requests=2)
    for number in range(4):
        answered(store, number, 1)
    assert store.prune(EXPIRY) == 0
    assert store.prune(EXPIRY + 1) == 2
    assert len(store.all()) == 2
    assert store.prune(LATER + 1) == 2


def test_each_end_is_told_once() -> None:
    """Whoever asks for ends hears of those since the last time."""
    store = RequestStore(max_response_bytes=1)
    first = answered(store, 1, 10)
    assert store.take_ended() == [first]
    second = answered(store, 2, 10)
    assert store.take_ended() == [second]
    assert store.take_ended() == []


def test_requests_are_pruned_a_few_at_a_time() -> None:
    """However many are due, nobody waits while all of them are forgotten; the oldest go first."""
    store = RequestStore()
    kept = [answered(store, number, 1) for number in range(5)]
    assert store.prune(LATER + 1, at_most=2) == 2
    assert [record.request_id for record in store.all()] == kept[2:]
    assert store.prune(LATER + 1) == 3
