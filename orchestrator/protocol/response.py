"""Signatures of query replies: which node answered, and that it belongs to the canister's subnet.

Source: the interface specification, section "Request: Query call" (`verify_node_signatures`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, SignatureError
from orchestrator.protocol.certificate import MAX_CERTIFICATE_SKEW_NS, Certificate, decode_ranges, subnet_of
from orchestrator.protocol.hash_tree import Found
from orchestrator.protocol.keys import verify_signature
from orchestrator.protocol.request_id import hash_of_map

__all__ = ["RESPONSE_SEPARATOR", "SubnetNodes", "read_subnet_nodes", "response_message", "verify_response"]

RESPONSE_SEPARATOR = b"\x0bic-response"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetNodes:
    """The certified node keys of a subnet: node -> DER-encoded Ed25519 key."""

    subnet_id: Principal
    keys: Mapping[Principal, bytes]
    time_ns: int


def read_subnet_nodes(certificate: Certificate, *, root_key_der: bytes, canister_id: Principal) -> SubnetNodes:
    """Read the node keys of the canister's subnet from a verified certificate of `/subnet`.

    A certificate without delegation speaks for the root subnet, and must show that it hosts the canister.
    Raises `CertificateError`.
    """
    subnet = subnet_of(certificate, root_key_der)
    if certificate.delegation is None:
        ranges = decode_ranges(certificate.lookup(["subnet", subnet.raw, "canister_ranges"]))
        if not any(low <= canister_id.raw <= high for low, high in ranges):
            raise CertificateError(
                "a certificate is of a subnet that does not host the canister",
                slug="protocol/canister-range",
                detail=f"{canister_id} is not in the ranges of the root subnet {subnet}",
            )
    keys: dict[Principal, bytes] = {}
    for node in certificate.list_labels(["subnet", subnet.raw, "node"]):
        key = certificate.lookup(["subnet", subnet.raw, "node", node, "public_key"])
        if isinstance(key, Found):
            keys[Principal(node)] = key.value
    return SubnetNodes(subnet_id=subnet, keys=keys, time_ns=certificate.time_ns)


def response_message(response: Mapping[str, object], *, timestamp_ns: int, request_id: bytes) -> bytes:
    """Return what a node signs for a query's reply or reject, domain separator included."""
    names = ("status", "reply") if response.get("status") == "replied" else ("status", "reject_code", "reject_message", "error_code")
    fields = {name: response[name] for name in names if response.get(name) is not None}
    return RESPONSE_SEPARATOR + hash_of_map({**fields, "timestamp": timestamp_ns, "request_id": request_id})


def verify_response(
    response: Mapping[str, object],
    *,
    request_id: bytes,
    nodes: SubnetNodes,
    now_ns: int,
    max_skew_ns: int = MAX_CERTIFICATE_SKEW_NS,
) -> None:
    """Return if every signature of a query's reply or reject is by a node of the subnet and recent.

    Raises `SignatureError`; with slug `protocol/unknown-node` when the node is not among `nodes`, which may
    only mean that the keys were read before the node joined.
    """
    signatures = response.get("signatures")
    if not isinstance(signatures, list) or not signatures:
        raise SignatureError("a query's reply is not signed", slug="protocol/unsigned-reply")
    for entry in signatures:
        match entry:
            case {"timestamp": int(timestamp), "signature": bytes(signature), "identity": bytes(identity)}:
                _verify_one(
                    response_message(response, timestamp_ns=timestamp, request_id=request_id), signature, _node_key(identity, nodes)
                )
                if abs(timestamp - now_ns) > max_skew_ns:
                    raise SignatureError(
                        "a query's reply was signed too long ago, or by a clock far from this one",
                        slug="protocol/reply-time",
                        detail=f"signed at {timestamp} ns since 1970; the clock here says {now_ns}",
                        hint="set this machine's clock, or try again",
                    )
            case _:
                raise SignatureError("a query's signature is malformed", slug="protocol/unsigned-reply")


def _node_key(identity: bytes, nodes: SubnetNodes) -> bytes:
    key = nodes.keys.get(Principal(identity)) if len(identity) <= 29 else None
    if key is None:
        raise SignatureError(
            "a query was answered by a node that is not of the canister's subnet",
            slug="protocol/unknown-node",
            detail=f"node {identity.hex()}, subnet {nodes.subnet_id}",
        )
    return key


def _verify_one(message: bytes, signature: bytes, key: bytes) -> None:
    try:
        verify_signature(key, message, signature)
    except SignatureError as error:
        raise SignatureError(
            "a query's reply does not verify under its node's key", slug="protocol/reply-signature", detail=error.detail
        ) from error
