"""HTTP answers that are no answers: each as an error with a slug, the server's words and what to do."""

import pytest

from orchestrator.agent.answers import FORBIDDEN, decode_map, http_error
from orchestrator.agent.rejects import make_reject, read_reject
from orchestrator.agent.transport import TRANSIENT_SLUGS, HttpAnswer
from orchestrator.errors import TransportError
from orchestrator.protocol import cbor

URL = "http://network.test/api/v4/x"
NOW = 1_700_000_000_000_000_000


def answer(status: int, body: bytes = b"", date_ns: int | None = None) -> HttpAnswer:
    """Return an answer."""
    return HttpAnswer(status=status, body=body, url=URL, date_ns=date_ns)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_told_apart(status: int) -> None:
    """Busy and broken servers are worth another attempt."""
    error = http_error(answer(status, b"later"), NOW)
    assert error.slug in TRANSIENT_SLUGS
    assert "later" in str(error.detail)
    assert URL in str(error.detail)


@pytest.mark.parametrize(
    ("status", "slug"), [(302, "agent/http-status"), (400, "agent/http-status"), (403, FORBIDDEN), (413, "agent/http-status")]
)
def test_what_will_not_pass_has_a_hint(status: int, slug: str) -> None:
    """Refusals are final, and say what to look at."""
    error = http_error(answer(status), NOW)
    assert (error.slug, error.slug in TRANSIENT_SLUGS) == (slug, False)
    assert error.hint


@pytest.mark.parametrize(
    ("date", "words"),
    [
        (None, "the clock here says 2023-11-14"),
        (NOW - 90 * 10**9, "the network's clock is 1 min 30 s behind"),
        (NOW + 90 * 10**9, "the network's clock is 1 min 30 s ahead"),
    ],
)
def test_a_wrong_clock_is_measured(date: int | None, words: str) -> None:
    """Where the server tells its time, the error says by how much the clocks differ, and in which direction."""
    error = http_error(answer(400, b"Specified ingress_expiry not within expected range", date), NOW)
    assert error.slug == "agent/clock-skew"
    assert words in str(error.detail)


@pytest.mark.parametrize(
    ("url", "moved"), [("http://127.0.0.1:8000/api", True), ("http://x.localhost:8000/api", True), ("https://icp-api.io/api", False)]
)
def test_the_window_of_a_refusal_tells_the_networks_time(url: str, *, moved: bool) -> None:
    """The network's own words count for more than the date of the server; only a network of the machine may have been moved."""
    body = (
        b"Invalid request expiry: Specified ingress_expiry not within expected range: Minimum allowed expiry: 2023-11-14 23:13:20 UTC, "
        b"Maximum allowed expiry: 2023-11-14 23:18:50 UTC, Provided expiry: 2023-11-14 22:17:20 UTC"
    )
    error = http_error(HttpAnswer(status=400, body=body, url=url, date_ns=NOW - 10**9), NOW)
    assert str(error.detail).startswith("the network's clock is 1 h ahead: it says 2023-11-14 23:13:20 UTC, the clock here says")
    assert ("timedatectl" not in str(error.hint)) is moved
    assert ("`orchestrator network reset`" in str(error.hint)) is moved


@pytest.mark.parametrize("words", [b"Minimum allowed expiry: 2023-99-99 00:00:00 UTC", b"Minimum allowed expiry: tomorrow"])
def test_a_window_that_is_none_leaves_the_servers_date(words: bytes) -> None:
    """What is no time is passed over."""
    error = http_error(answer(400, b"not within expected range: " + words, NOW + 60 * 10**9), NOW)
    assert "1 min ahead" in str(error.detail)


def test_long_and_dangerous_bodies_are_shortened() -> None:
    """A body is quoted on one line, without control characters, and not in full."""
    detail = str(http_error(answer(500, b"\x1b]0;title\x07\r\n" + b"x" * 100_000), NOW).detail)
    assert "\x1b" not in detail
    assert "\n" not in detail
    assert len(detail) < 400


@pytest.mark.parametrize("body", [b"", b"<html>", cbor.dumps([1]), b"\xa1\x61"])
def test_other_bodies_are_not_cbor(body: bytes) -> None:
    """A 200 with another body names the URL as the suspect."""
    with pytest.raises(TransportError) as caught:
        decode_map(answer(200, body))
    assert caught.value.slug == "agent/not-cbor"
    assert "URL" in str(caught.value.hint)
    with pytest.raises(TransportError):
        decode_map(answer(204))


def test_rejects_have_hints_by_code() -> None:
    """A known error code has its own hint, an unknown one that of its class, and some have none."""
    for code in ("IC0512", "IC0541", "IC0542"):
        assert "--identity" in str(make_reject(5, "no", code).hint)
    assert "try again later" in str(make_reject(2, "busy", "IC9999").hint)
    refused = "Panicked at 'RTS error: Memory-incompatible program upgrade'"
    assert "--mode reinstall" in str(make_reject(5, refused, "IC0503").hint)
    assert make_reject(5, "no", None).hint is None


@pytest.mark.parametrize("fields", [{}, {"reject_code": "4", "reject_message": "no"}, {"reject_code": 4}])
def test_what_is_no_reject_is_not_read_as_one(fields: dict[str, object]) -> None:
    """Fields that are not a reject raise `TransportError`."""
    with pytest.raises(TransportError):
        read_reject(fields)
