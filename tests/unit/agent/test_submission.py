"""Submitting: one signature, one request id, and certainty about the outcome or an honest doubt."""

import pytest

from orchestrator.agent.state import INGRESS_EXPIRY_NS
from orchestrator.agent.submission import PROCESSING_LIMIT_SECONDS, RESEND_SECONDS
from orchestrator.errors import ExitCode, OutcomeUnknownError, RejectError, TransportError
from tests.support.fake_network import CANISTER, NOW, SECOND, FakeNetwork, Post, RefusalError, broken

pytestmark = pytest.mark.anyio


def calls(network: FakeNetwork) -> list[Post]:
    """Return the posted calls."""
    return [post for post in network.record if post.operation == "call"]


@pytest.mark.parametrize("slug", ["agent/disconnected", "agent/timeout"])
async def test_a_lost_answer_is_found_by_polling(network: FakeNetwork, slug: str) -> None:
    """When the connection breaks after the call arrived, its reply is read from certified state."""
    network.lose_answers = 1
    network.lost_as = slug
    assert await network.client().update(CANISTER, "greet", b"x") == b"hello x"
    assert len(network.executed) == 1


async def test_a_lost_call_is_sent_again_as_it_was(network: FakeNetwork) -> None:
    """When the connection broke before the call arrived, identical bytes are sent: one request id, one execution."""
    network.script.append(broken())
    network.deaf_before_ns = NOW + int(RESEND_SECONDS * SECOND)
    assert await network.client().update(CANISTER, "greet", b"x") == b"hello x"
    assert len(calls(network)) == 2
    assert len({post.body for post in calls(network)}) == 1
    assert len(network.executed) == 1


async def test_a_resend_never_executes_twice(network: FakeNetwork) -> None:
    """However often the answer gets lost, the call is executed once."""
    network.lose_answers = 3
    network.deaf_before_ns = NOW + 35 * SECOND
    assert await network.client().update(CANISTER, "greet", b"x") == b"hello x"
    assert len(network.executed) == 1
    assert len({post.body for post in calls(network)}) == 1


async def test_an_unreachable_network_is_certainly_not_changed(network: FakeNetwork) -> None:
    """When no connection can be made, the error is exit 1: nothing was sent."""
    network.script.extend([broken("agent/unreachable")] * 20)
    with pytest.raises(TransportError) as caught:
        await network.client().update(CANISTER, "greet", b"")
    assert caught.value.slug == "agent/unreachable"
    assert caught.value.exit_code is ExitCode.FAILED
    assert len(calls(network)) == 4


async def test_an_outright_refusal_is_certain(network: FakeNetwork) -> None:
    """An HTTP 4xx to the first attempt proves that the call was not accepted."""
    network.script.append(network.http(413, b"too large"))
    with pytest.raises(TransportError) as caught:
        await network.client().update(CANISTER, "greet", b"")
    assert "2 MiB" in str(caught.value.hint)
    assert len(network.record) == 1


async def test_a_vanished_network_leaves_the_outcome_unknown(network: FakeNetwork) -> None:
    """Sent once, never answered again: exit 6 with the request's id and its expiry."""
    network.script.extend([broken()] * 2000)
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"")
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.submit(signed, CANISTER)
    error = caught.value
    assert error.exit_code is ExitCode.UNKNOWN
    assert (error.request_id, error.expiry_ns, error.certified_time_ns) == (signed.request_id, signed.expiry_ns, None)
    assert signed.request_id.hex() in str(error.detail)
    assert "before sending the call again" in str(error.hint)
    assert {post.body for post in calls(network)} == {signed.body}


async def test_an_expired_call_that_nobody_knows_is_reported_with_the_certified_time(network: FakeNetwork) -> None:
    """When certified time passes the expiry without a trace of the call, the error says so."""
    network.deaf_before_ns = NOW * 2
    network.clock.pace = 5
    network.synchronous = False
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"")
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.submit(signed, CANISTER)
    assert caught.value.certified_time_ns is not None
    assert caught.value.certified_time_ns > signed.expiry_ns
    assert "most likely it never took effect" in str(caught.value.detail)
    assert len({post.body for post in calls(network)}) == 1


async def test_an_expired_call_is_never_sent(network: FakeNetwork) -> None:
    """A call that expired before it was submitted is not sent; only its state is read."""
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"")
    network.clock.time_ns += INGRESS_EXPIRY_NS + SECOND
    with pytest.raises(OutcomeUnknownError):
        await client.submit(signed, CANISTER)
    assert calls(network) == []


async def test_a_call_of_an_earlier_run_is_found_after_its_expiry(network: FakeNetwork) -> None:
    """Submitting an executed call again, even after it expired, returns its reply and sends nothing."""
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"x")
    await client.submit(signed, CANISTER)
    network.clock.time_ns += INGRESS_EXPIRY_NS + SECOND
    network.record.clear()
    assert await client.submit(signed, CANISTER) == b"hello x"
    assert calls(network) == []


async def test_an_uncertified_refusal_of_a_resend_is_not_believed(network: FakeNetwork) -> None:
    """After a lost answer a refusal by one node does not prove that the call had no effect: certified state does."""
    network.deaf_before_ns = NOW + int(2 * RESEND_SECONDS * SECOND)
    network.lose_answers = 1
    network.refuse_resends = True
    assert await network.client().update(CANISTER, "greet", b"x") == b"hello x"
    assert len(network.executed) == 1
    assert len(calls(network)) >= 2


async def test_a_refusal_of_the_first_attempt_is_final(network: FakeNetwork) -> None:
    """A call that the first node refuses to accept is rejected at once."""

    def refuse(_: bytes) -> bytes:
        raise RefusalError(4, "not you", certified=False)

    network.methods["refuse"] = refuse
    with pytest.raises(RejectError):
        await network.client().update(CANISTER, "refuse", b"")
    assert len(network.record) == 1


async def test_a_busy_gateway_is_waited_for(network: FakeNetwork) -> None:
    """502 and 503 may pass: the same bytes are sent again."""
    network.script.append(network.http(502, b"<html>bad gateway</html>"))
    network.deaf_before_ns = NOW + int(RESEND_SECONDS * SECOND)
    assert await network.client().update(CANISTER, "greet", b"x") == b"hello x"
    assert len({post.body for post in calls(network)}) == 1


async def test_a_forgotten_reply_is_not_a_success(network: FakeNetwork) -> None:
    """`done` without a reply means executed and forgotten: exit 6."""
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"")
    network.statuses[signed.request_id] = {b"status": b"done"}
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.submit(signed, CANISTER)
    assert "forgotten its reply" in str(caught.value.detail)


async def test_a_call_under_way_is_waited_for_past_its_expiry(network: FakeNetwork) -> None:
    """A call that is being processed may take longer than its expiry; after half an hour the outcome is unknown."""
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"")
    network.statuses[signed.request_id] = {b"status": b"processing"}
    network.clock.pace = 50
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.submit(signed, CANISTER)
    assert "still being executed" in str(caught.value.detail)
    assert network.clock.time_ns >= NOW + int(PROCESSING_LIMIT_SECONDS * SECOND)
    assert len(calls(network)) == 1
