"""Networks that lie: nothing that does not verify is ever returned, and what was sent is never called a success."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.agent.transport import HttpAnswer
from orchestrator.errors import CertificateError, OutcomeUnknownError, ProtocolError, SignatureError, TransportError
from orchestrator.protocol import bls, cbor, hash_tree
from orchestrator.protocol.authentication import verify_envelope
from orchestrator.protocol.certificate import MAX_CERTIFICATE_SKEW_NS, certificate_message, encode_certificate
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.protocol.request_id import encode_leb128
from tests.support.authority import Authority, Labels, Subnet
from tests.support.fake_network import CANISTER, SECOND, FakeNetwork, Post

pytestmark = pytest.mark.anyio

Lie = Callable[[FakeNetwork, Labels], bytes]
STRANGER = Authority(root=Subnet(bls.SecretKey.from_seed(b"liar" * 8)))
ELSEWHERE = ((b"\x01" * 10, b"\x02" * 10),)


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines on asyncio, as the command does."""
    return "asyncio"


@pytest.fixture
def network() -> FakeNetwork:
    """Return a network with one method that greets."""
    fake = FakeNetwork()
    fake.methods["greet"] = lambda arg: b"hello " + arg
    return fake


def forged(network: FakeNetwork, labels: Labels) -> bytes:
    """Return a certificate whose signature is of another tree."""
    fields = cbor.loads(network.certify(labels))
    assert isinstance(fields, dict)
    other = cbor.loads(network.certify({b"other": b"tree"}))
    assert isinstance(other, dict)
    return cbor.dumps({**fields, "signature": other["signature"]})


def foreign(network: FakeNetwork, labels: Labels) -> bytes:
    """Return a certificate of another network."""
    return STRANGER.certify(labels, network.time_ns)


def undelegated(network: FakeNetwork, labels: Labels) -> bytes:
    """Return a certificate by the subnet's key that leaves the delegation out."""
    fields = cbor.loads(network.certify(labels))
    assert isinstance(fields, dict)
    return cbor.dumps({name: fields[name] for name in ("tree", "signature")})


def elsewhere(network: FakeNetwork, labels: Labels) -> bytes:
    """Return a certificate of a subnet of the same network that does not host the canister."""
    other = replace(network.authority, application=Subnet(bls.SecretKey.from_seed(b"other" * 8), ranges=ELSEWHERE))
    return other.certify(labels, network.time_ns)


def stale(network: FakeNetwork, labels: Labels) -> bytes:
    """Return a genuine certificate that is too old."""
    return network.authority.certify(labels, network.time_ns - MAX_CERTIFICATE_SKEW_NS - SECOND)


def unsigned(network: FakeNetwork, labels: Labels) -> bytes:
    """Return a certificate with the identity element as signature."""
    fields = cbor.loads(network.certify(labels))
    assert isinstance(fields, dict)
    return encode_certificate(fields["tree"], bytes([0xC0]) + bytes(47))


def truncated(network: FakeNetwork, labels: Labels) -> bytes:
    """Return half a certificate."""
    data = network.certify(labels)
    return data[: len(data) // 2]


LIES: list[Lie] = [forged, foreign, undelegated, elsewhere, stale, unsigned, truncated]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_a_false_certificate_of_a_call_is_not_believed(network: FakeNetwork, lie: Lie) -> None:
    """When every certificate is false, a call that was sent ends as unknown (exit 6), with the reason as its cause."""

    def answer(posted: Post) -> HttpAnswer:
        envelope = cbor.loads(posted.body)
        request = verify_envelope(envelope, now_ns=network.time_ns)
        identifier = request.request_id if posted.operation == "call" else next(iter(network.statuses), bytes(32))
        network.statuses.setdefault(identifier, {b"status": b"replied", b"reply": b"lie"})
        return network.cbor({"status": "replied", "certificate": lie(network, {b"request_status": network.statuses})})

    network.script.extend([answer] * 50)
    with pytest.raises(OutcomeUnknownError) as caught:
        await network.client().update(CANISTER, "greet", b"")
    assert isinstance(caught.value.__cause__, CertificateError)
    assert "do not verify" in str(caught.value.detail)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_one_lying_node_is_survived(network: FakeNetwork, lie: Lie) -> None:
    """A false certificate is passed over: the reply comes from a node whose certificate verifies."""

    def answer(posted: Post) -> HttpAnswer:
        network.answer(posted)
        return network.cbor({"status": "replied", "certificate": lie(network, {b"request_status": network.statuses})})

    network.script.append(answer)
    assert await network.client().update(CANISTER, "greet", b"x") == b"hello x"


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_a_false_certificate_of_a_read_is_refused(network: FakeNetwork, lie: Lie) -> None:
    """A read whose certificate is false raises `CertificateError`."""
    network.canister_labels[CANISTER.raw] = {b"metadata": {b"name": b"lie"}}
    network.script.append(lambda _: network.cbor({"certificate": lie(network, {b"canister": network.canister_labels})}))
    with pytest.raises(CertificateError):
        await network.client().read_metadata(CANISTER, "name")


async def test_a_reply_to_another_request_is_not_taken(network: FakeNetwork) -> None:
    """A genuine certificate about another call proves nothing about this one: the call is polled for."""
    client = network.client()
    other = client.prepare_update(CANISTER, "greet", b"other")
    await client.submit(other, CANISTER)

    def answer(posted: Post) -> HttpAnswer:
        network.answer(posted)
        return network.cbor(
            {
                "status": "replied",
                "certificate": network.certify({b"request_status": {other.request_id: network.statuses[other.request_id]}}),
            }
        )

    network.script.append(answer)
    assert await client.update(CANISTER, "greet", b"mine") == b"hello mine"


async def test_a_pruned_reply_is_not_taken_for_absence(network: FakeNetwork) -> None:
    """A certificate that hides what was asked for is an error, not "there is none"."""
    tree: list[object] = [1, [2, b"canister", [4, hashlib.sha256(b"").digest()]], [2, b"time", [3, encode_leb128(network.time_ns)]]]
    subnet = network.authority.application
    data = encode_certificate(
        tree,
        subnet.key.sign(certificate_message(hash_tree.digest(tree))),
        subnet_id=subnet.principal,
        delegation=network.authority.delegate(network.time_ns),
    )
    network.script.append(network.cbor({"certificate": data}))
    with pytest.raises(CertificateError) as caught:
        await network.client().read_metadata(CANISTER, "name")
    assert caught.value.slug == "protocol/certificate-pruned"


async def test_a_query_signed_by_an_unknown_node_is_refused(network: FakeNetwork) -> None:
    """An invented node key is refused: node keys come from certified state only."""
    impostor = Ed25519Identity.generate()

    def answer(posted: Post) -> HttpAnswer:
        return network.query(verify_envelope(cbor.loads(posted.body), now_ns=network.time_ns), signer=impostor)

    network.script.append(answer)
    with pytest.raises(SignatureError) as caught:
        await network.client().query(CANISTER, "greet", b"")
    assert caught.value.slug == "protocol/unknown-node"


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_node_keys_with_a_false_certificate_are_refused(network: FakeNetwork, lie: Lie) -> None:
    """A boundary that invents a node and a certificate for it does not get its reply accepted."""
    liar = replace(network.authority, application=replace(network.authority.application, node=Ed25519Identity.generate()))

    def query(posted: Post) -> HttpAnswer:
        return network.query(verify_envelope(cbor.loads(posted.body), now_ns=network.time_ns), signer=liar.application.node)

    def keys(_: Post) -> HttpAnswer:
        return network.cbor({"certificate": lie(network, {b"subnet": liar.application.labels(network.time_ns)[b"subnet"]})})

    network.script.extend([query, keys])
    with pytest.raises(CertificateError):
        await network.client().query(CANISTER, "greet", b"")


@pytest.mark.parametrize(
    "change",
    [
        {"reply": {"arg": b"lie"}},
        {"signatures": []},
        {"signatures": None},
        {"status": "rejected", "reject_code": 4, "reject_message": "lie"},
    ],
)
async def test_a_changed_query_reply_is_refused(network: FakeNetwork, change: dict[str, object]) -> None:
    """A boundary that changes a node's reply, or strips its signature, is noticed."""

    def answer(posted: Post) -> HttpAnswer:
        fields = cbor.loads(network.answer(posted).body)
        assert isinstance(fields, dict)
        return network.cbor({**fields, **change})

    network.script.append(answer)
    with pytest.raises(SignatureError):
        await network.client().query(CANISTER, "greet", b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><html><body>Welcome to the hotel</body></html>",
        b"\x81" * 100_000,
        bytes.fromhex("bf"),
        cbor.dumps([]),
        cbor.dumps({}),
        cbor.dumps({1: 2}),
        cbor.dumps({"status": "replied"}),
        cbor.dumps({"status": "replied", "reply": {"arg": "text"}, "signatures": []}),
        cbor.dumps({"status": "rejected", "reject_code": "4", "reject_message": 4}),
        cbor.dumps({"certificate": "text"}),
        cbor.dumps({"certificate": b""}),
    ],
)
async def test_nonsense_is_an_error_of_ours(network: FakeNetwork, body: bytes) -> None:
    """Whatever bytes come back, reads raise an error that names what came, and nothing else."""
    answer = replace(network.http(200), body=body)
    client = network.client()
    network.script.extend([answer] * 4)
    with pytest.raises((TransportError, ProtocolError)):
        await client.query(CANISTER, "greet", b"")
    network.script.clear()
    network.script.extend([answer] * 4)
    with pytest.raises((TransportError, ProtocolError)):
        await client.read_metadata(CANISTER, "name")


async def test_an_html_page_is_quoted(network: FakeNetwork) -> None:
    """An HTML page instead of CBOR is shown in the error, shortened and harmless to a terminal."""
    page = b"<html>\x1b[2J" + b"x" * 10_000
    network.script.extend([replace(network.http(502), body=page)] * 4)
    with pytest.raises(TransportError) as caught:
        await network.client().query(CANISTER, "greet", b"")
    assert caught.value.slug == "agent/unavailable"
    assert "<html> [2Jxxx" in str(caught.value.detail)
    assert len(str(caught.value.detail)) < 400


async def test_a_subnet_cannot_answer_for_another_ones_canister(network: FakeNetwork) -> None:
    """A genuine node of another subnet cannot answer a query for a canister that it does not host."""
    other = replace(network.authority, application=Subnet(bls.SecretKey.from_seed(b"other" * 8), ranges=ELSEWHERE))
    network.authority = other
    with pytest.raises(CertificateError) as caught:
        await network.client().query(CANISTER, "greet", b"")
    assert caught.value.slug == "protocol/canister-range"
    assert str(CANISTER) in str(caught.value.detail)
