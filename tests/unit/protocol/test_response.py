"""Query replies: a node of the canister's subnet signed exactly this reply to exactly this request."""

import hashlib

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, SignatureError
from orchestrator.protocol.certificate import MAX_CERTIFICATE_SKEW_NS, verify_certificate
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.protocol.response import SubnetNodes, read_subnet_nodes, response_message, verify_response
from tests.support.authority import Authority

NOW = 1_700_000_000_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
REQUEST = hashlib.sha256(b"request").digest()
AUTHORITY = Authority()
NODE = AUTHORITY.application.node
REPLIED: dict[str, object] = {"status": "replied", "reply": {"arg": b"DIDL\x00\x00"}}
REJECTED: dict[str, object] = {"status": "rejected", "reject_code": 4, "reject_message": "no", "error_code": "IC0406"}


def nodes(*, root: bool = False) -> SubnetNodes:
    """Return the certified nodes of the application subnet, or of the root subnet."""
    subnet = AUTHORITY.root if root else AUTHORITY.application
    data = subnet.certify(subnet.labels(NOW), delegation=None if root else AUTHORITY.delegate(NOW))
    certificate = verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER)
    return read_subnet_nodes(certificate, root_key_der=AUTHORITY.root_key, canister_id=CANISTER)


def signed(response: dict[str, object], *, signer: Ed25519Identity = NODE, timestamp_ns: int = NOW) -> dict[str, object]:
    """Return a response with a node's signature."""
    message = response_message(response, timestamp_ns=timestamp_ns, request_id=REQUEST)
    entry = {"timestamp": timestamp_ns, "signature": signer.sign(message), "identity": signer.principal.raw}
    return {**response, "signatures": [entry]}


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("response", [REPLIED, REJECTED, {**REJECTED, "error_code": None}])
def test_signed_replies_and_rejects_verify(response: dict[str, object], *, root: bool) -> None:
    """Replies and rejects verify, with and without an error code, by nodes of either subnet."""
    answer = signed(response)
    verify_response(answer, request_id=REQUEST, nodes=nodes(root=root), now_ns=NOW)
    assert answer["signatures"]


@pytest.mark.parametrize(
    "change",
    [
        {"reply": {"arg": b"DIDL\x00\x01"}},
        {"status": "rejected", "reject_code": 4, "reject_message": "no"},
    ],
)
def test_a_changed_reply_is_refused(change: dict[str, object]) -> None:
    """A signature is for one reply: another one, or a reject in its place, is refused."""
    with pytest.raises(SignatureError) as caught:
        verify_response({**signed(REPLIED), **change}, request_id=REQUEST, nodes=nodes(), now_ns=NOW)
    assert caught.value.slug == "protocol/reply-signature"


@pytest.mark.parametrize("change", [{"reject_code": 5}, {"reject_message": "yes"}, {"error_code": "IC0000"}, {"error_code": None}])
def test_a_changed_reject_is_refused(change: dict[str, object]) -> None:
    """Every field of a reject is signed."""
    with pytest.raises(SignatureError):
        verify_response({**signed(REJECTED), **change}, request_id=REQUEST, nodes=nodes(), now_ns=NOW)


def test_a_reply_to_another_request_is_refused() -> None:
    """A recorded reply cannot be replayed for another request."""
    with pytest.raises(SignatureError):
        verify_response(signed(REPLIED), request_id=bytes(32), nodes=nodes(), now_ns=NOW)


def test_an_unknown_node_is_refused() -> None:
    """A node that is not certified for the subnet may sign what it likes."""
    stranger = Ed25519Identity.generate()
    with pytest.raises(SignatureError) as caught:
        verify_response(signed(REPLIED, signer=stranger), request_id=REQUEST, nodes=nodes(), now_ns=NOW)
    assert caught.value.slug == "protocol/unknown-node"


@pytest.mark.parametrize("offset", [-MAX_CERTIFICATE_SKEW_NS - 1, MAX_CERTIFICATE_SKEW_NS + 1])
def test_old_signatures_are_refused(offset: int) -> None:
    """A reply signed long ago, or ahead of time, is refused."""
    with pytest.raises(SignatureError) as caught:
        verify_response(signed(REPLIED, timestamp_ns=NOW + offset), request_id=REQUEST, nodes=nodes(), now_ns=NOW)
    assert caught.value.slug == "protocol/reply-time"


@pytest.mark.parametrize("signatures", [None, [], {}, [{}], [{"timestamp": NOW, "signature": b"", "identity": "x"}]])
def test_unsigned_replies_are_refused(signatures: object) -> None:
    """No signature, or something else in its place, is not good enough."""
    with pytest.raises(SignatureError) as caught:
        verify_response({**REPLIED, "signatures": signatures}, request_id=REQUEST, nodes=nodes(), now_ns=NOW)
    assert caught.value.slug == "protocol/unsigned-reply"


def test_one_bad_signature_among_good_ones_is_refused() -> None:
    """All signatures have to verify, as the specification asks."""
    answer = signed(REPLIED)
    assert isinstance(answer["signatures"], list)
    answer["signatures"].append({"timestamp": NOW, "signature": bytes(64), "identity": NODE.principal.raw})
    with pytest.raises(SignatureError):
        verify_response(answer, request_id=REQUEST, nodes=nodes(), now_ns=NOW)


def test_the_root_subnet_must_host_the_canister() -> None:
    """The root subnet's nodes do not answer for canisters of other subnets."""
    data = AUTHORITY.root.certify(AUTHORITY.root.labels(NOW))
    stranger = Principal(b"\x01" * 8 + b"\x01\x01")
    certificate = verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=stranger)
    with pytest.raises(CertificateError) as caught:
        read_subnet_nodes(certificate, root_key_der=AUTHORITY.root_key, canister_id=stranger)
    assert caught.value.slug == "protocol/canister-range"
