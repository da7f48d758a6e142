"""The client against an honest network: calls, queries and reads, in every version that networks offer."""

import hashlib
from dataclasses import replace

import pytest

from orchestrator.agent.client import CanisterInfo, Client, fetch_network_status
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, RejectError, TransportError
from orchestrator.protocol import cbor
from orchestrator.protocol.keys import AnonymousIdentity, Ed25519Identity, Identity, Prime256v1Identity, Secp256k1Identity
from tests.support.fake_network import CANISTER, NOW, SECOND, FakeNetwork, RefusalError, broken

pytestmark = pytest.mark.anyio
IDENTITIES: list[Identity] = [AnonymousIdentity(), Secp256k1Identity.generate(), Prime256v1Identity.generate()]


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: type(identity).__name__)
async def test_updates_and_queries_reply(network: FakeNetwork, identity: Identity) -> None:
    """Every kind of identity gets certified replies and signed query replies."""
    client = network.client(identity)
    assert await client.update(CANISTER, "greet", b"you") == b"hello you"
    assert await client.query(CANISTER, "greet", b"me") == b"hello me"
    assert client.identity.principal == identity.principal


@pytest.mark.parametrize("sharded", [True, False])
async def test_both_layouts_of_ranges_are_read(network: FakeNetwork, *, sharded: bool) -> None:
    """Networks with sharded ranges and with the older list work alike."""
    network.sharded = sharded
    assert await network.client().update(CANISTER, "greet", b"") == b"hello "
    assert await network.client().query(CANISTER, "greet", b"") == b"hello "


async def test_the_newest_call_endpoint_is_used(network: FakeNetwork) -> None:
    """One request settles a call where the network answers synchronously."""
    await network.client().update(CANISTER, "greet", b"")
    assert [post.path for post in network.record] == [f"/api/v4/canister/{CANISTER}/call"]


async def test_old_networks_are_polled(network: FakeNetwork) -> None:
    """Without the synchronous endpoints the same bytes go to version 2, and the state is polled; this is remembered."""
    network.versions = {"call": frozenset({2}), "query": frozenset({2}), "read_state": frozenset({2})}
    client = network.client()
    assert await client.update(CANISTER, "greet", b"x") == b"hello x"
    calls = [post for post in network.record if post.operation == "call"]
    assert [post.version for post in calls] == [4, 3, 2]
    assert len({post.body for post in calls}) == 1
    assert len(network.executed) == 1
    network.record.clear()
    assert await client.update(CANISTER, "greet", b"y") == b"hello y"
    assert [post.version for post in network.record if post.operation == "call"] == [2]
    assert await client.query(CANISTER, "greet", b"z") == b"hello z"


async def test_a_slow_call_is_polled(network: FakeNetwork) -> None:
    """A 202 from the synchronous endpoint is followed by certified reads until the reply is there."""
    network.synchronous = False
    network.deaf_before_ns = NOW + 5 * SECOND
    assert await network.client().update(CANISTER, "greet", b"") == b"hello "
    assert [post.operation for post in network.record].count("call") == 1
    assert network.clock.time_ns >= NOW + 5 * SECOND


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("error_code", ["IC0503", None])
async def test_rejected_updates_say_why(network: FakeNetwork, error_code: str | None, *, certified: bool) -> None:
    """Certified rejects, and those made before the call is accepted, carry code, text and hint."""

    def refuse(_: bytes) -> bytes:
        raise RefusalError(5, "trapped", error_code, certified)

    network.methods["refuse"] = refuse
    with pytest.raises(RejectError) as caught:
        await network.client().update(CANISTER, "refuse", b"")
    assert (caught.value.reject_code, caught.value.error_code, caught.value.message) == (5, error_code, "trapped")
    assert (caught.value.hint is not None) == (error_code is not None)


async def test_rejected_queries_say_why(network: FakeNetwork) -> None:
    """A signed reject of a query is a `RejectError`, not data."""

    def refuse(_: bytes) -> bytes:
        raise RefusalError(3, "no such canister", "IC0301")

    network.methods["refuse"] = refuse
    with pytest.raises(RejectError) as caught:
        await network.client().query(CANISTER, "refuse", b"")
    assert caught.value.error_code == "IC0301"
    assert "deploy first" in str(caught.value.hint)


async def test_equal_calls_are_two_calls(network: FakeNetwork) -> None:
    """Two equal updates in the same instant are executed twice."""
    client = network.client()
    await client.update(CANISTER, "greet", b"")
    await client.update(CANISTER, "greet", b"")
    assert len(set(network.executed)) == 2


async def test_a_prepared_call_is_signed_before_it_is_sent(network: FakeNetwork) -> None:
    """What is written down beforehand is the id under which the call is executed, once however often submitted."""
    client = network.client()
    signed = client.prepare_update(CANISTER, "greet", b"x")
    assert network.record == []
    assert signed.expiry_ns > client.now_ns()
    assert await client.submit(signed, CANISTER) == b"hello x"
    assert await client.submit(signed, CANISTER) == b"hello x"
    assert network.executed == [signed.request_id]
    status = await client.fetch_request_status(signed.request_id, CANISTER)
    assert status.reply == b"hello x"


async def test_node_keys_are_read_once(network: FakeNetwork) -> None:
    """The subnet's node keys are kept for five minutes, so that a query is one request."""
    client = network.client()
    for _ in range(3):
        await client.query(CANISTER, "greet", b"")
    assert [post.operation for post in network.record].count("read_state") == 1
    network.clock.time_ns += 301 * SECOND
    await client.query(CANISTER, "greet", b"")
    assert [post.operation for post in network.record].count("read_state") == 2


async def test_reads_are_tried_again(network: FakeNetwork) -> None:
    """A query survives broken connections, time-outs and a busy gateway."""
    network.script.extend([broken(), broken("agent/timeout"), network.http(503, b"busy")])
    assert await network.client().query(CANISTER, "greet", b"x") == b"hello x"
    assert len(network.clock.waits) == 3


async def test_reads_are_not_tried_for_ever(network: FakeNetwork) -> None:
    """After four attempts the last error is reported."""
    network.script.extend([broken("agent/unreachable")] * 10)
    with pytest.raises(TransportError) as caught:
        await network.client().query(CANISTER, "greet", b"x")
    assert caught.value.slug == "agent/unreachable"
    assert len(network.record) == 4


async def test_refusals_are_not_tried_again(network: FakeNetwork) -> None:
    """An HTTP error that will not pass is reported at once, with the server's words."""
    network.script.append(network.http(400, b"malformed\x1b[31m request"))
    with pytest.raises(TransportError) as caught:
        await network.client().query(CANISTER, "greet", b"x")
    assert "malformed [31m request" in str(caught.value.detail)
    assert len(network.record) == 1


async def test_public_state_is_read(network: FakeNetwork) -> None:
    """Module hash, controllers and metadata come certified; what is certainly absent is None."""
    controllers = [Principal(b"b"), Principal(b"a")]
    network.canister_labels[CANISTER.raw] = {
        b"module_hash": hashlib.sha256(b"module").digest(),
        b"controllers": cbor.dumps([controller.raw for controller in controllers]),
        b"metadata": {b"candid:service": b"service : {}"},
    }
    client = network.client()
    assert await client.read_canister_info(CANISTER) == CanisterInfo(
        module_hash=hashlib.sha256(b"module").digest(), controllers=tuple(sorted(controllers))
    )
    assert await client.read_metadata(CANISTER, "candid:service") == b"service : {}"
    assert await client.read_metadata(CANISTER, "candid:args") is None
    other = Principal(bytes(7) + b"\x11\x01\x01")
    assert await client.read_canister_info(other) is None


async def test_a_private_section_is_none_for_others(network: FakeNetwork) -> None:
    """What may not be read is None; any other refusal stays an error."""
    network.script.append(network.http(403, b"only for controllers"))
    assert await network.client().read_metadata(CANISTER, "secret") is None
    network.script.append(network.http(400, b"bad path"))
    with pytest.raises(TransportError):
        await network.client().read_metadata(CANISTER, "secret")


@pytest.mark.parametrize("controllers", [b"garbage", cbor.dumps({}), cbor.dumps([1]), cbor.dumps([bytes(40)])])
async def test_malformed_controllers_are_refused(network: FakeNetwork, controllers: bytes) -> None:
    """Certified nonsense raises `CertificateError`."""
    network.canister_labels[CANISTER.raw] = {b"controllers": controllers}
    with pytest.raises(CertificateError):
        await network.client().read_canister_info(CANISTER)


async def test_subnets_are_read_at_their_own_endpoint(network: FakeNetwork) -> None:
    """A read for a subnet goes to the subnet's path and accepts that subnet's certificate only."""
    client, subnet = network.client(), network.authority.application.principal
    certificate = await client.read_state([[b"subnet"]], subnet_id=subnet)
    assert certificate.list_labels(["subnet"]) == [subnet.raw]
    assert network.record[-1].path == f"/api/v3/subnet/{subnet}/read_state"
    with pytest.raises(CertificateError):
        await client.read_state([[b"subnet"]], subnet_id=network.authority.root.principal)
    with pytest.raises(CertificateError):
        await client.read_state([[b"time"]])


async def test_the_status_names_the_root_key(network: FakeNetwork) -> None:
    """A local network's root key is learnt from its status, before there is a client."""
    status = await fetch_network_status(network, network.clock)
    assert (status.root_key, status.healthy, status.version) == (network.authority.root_key, True, "fake")
    network.status_fields = {"root_key": "text", "replica_health_status": 1}
    status = await network.client().status()
    assert (status.root_key, status.healthy) == (None, False)


async def test_a_wrong_clock_is_explained(network: FakeNetwork) -> None:
    """When the network refuses a request for its time, the error says how far off this machine is."""
    network.skew_ns = 1000 * SECOND
    with pytest.raises(TransportError) as caught:
        await network.client().update(CANISTER, "greet", b"")
    assert caught.value.slug == "agent/clock-skew"
    assert "the network's clock is 16 min 40 s ahead" in str(caught.value.detail)
    assert "timedatectl" in str(caught.value.hint)


async def test_a_clock_that_is_a_little_off_does_not_matter(network: FakeNetwork) -> None:
    """A minute of difference in either direction is tolerated."""
    for skew in (-50, 50):
        network.skew_ns = skew * SECOND
        assert await network.client().update(CANISTER, "greet", b"") == b"hello "


async def test_a_node_that_joined_is_looked_up(network: FakeNetwork) -> None:
    """A reply by a node that is not among the kept keys makes the client read the keys again."""
    client = network.client()
    await client.query(CANISTER, "greet", b"")
    network.authority = replace(network.authority, application=replace(network.authority.application, node=Ed25519Identity.generate()))
    assert await client.query(CANISTER, "greet", b"x") == b"hello x"
    assert [post.operation for post in network.record].count("read_state") == 2


@pytest.mark.parametrize(("url", "said"), [("http://127.0.0.1:8000", True), ("https://icp-api.io", False), ("http://network.test", False)])
async def test_a_local_network_under_another_key_may_have_been_reset(network: FakeNetwork, url: str, *, said: bool) -> None:
    """Where a developer's network answers under another root key the hint is to take the new one; elsewhere it is suspicious."""
    network.url = url
    with pytest.raises(CertificateError) as caught:
        await Client(network, None, network.authority.application.public_key_der, network.clock).read_state([[b"time"]], CANISTER)
    assert caught.value.slug == "protocol/certificate-signature"
    assert ("`orchestrator network status --json`" in str(caught.value.hint)) is said


async def test_a_local_network_with_another_time_may_have_been_moved(network: FakeNetwork) -> None:
    """A certificate from the future of a developer's network does not blame the machine's clock."""
    network.url, network.skew_ns = "http://localhost:8000", 3600 * SECOND
    with pytest.raises(CertificateError) as caught:
        await network.client(None).read_state([[b"time"]], CANISTER)
    assert caught.value.slug == "protocol/certificate-time"
    assert "unless it was moved" in str(caught.value.hint)
