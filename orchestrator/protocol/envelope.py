"""Envelopes: requests as they travel, signed by the client; `authentication` is how a replica checks them.

Source: the interface specification, sections "Authentication" and "Request: Call", "Request: Read state",
"Request: Query call".
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.principal import Principal
from orchestrator.errors import SignatureError
from orchestrator.protocol import cbor
from orchestrator.protocol.keys import Identity, SignedDelegation
from orchestrator.protocol.request_id import hash_of_map, request_id

__all__ = [
    "DELEGATION_SEPARATOR",
    "NONCE_BYTES",
    "REQUEST_SEPARATOR",
    "SignedRequest",
    "sign_call",
    "sign_delegation",
    "sign_query",
    "sign_read_state",
]

REQUEST_SEPARATOR = b"\x0aic-request"
DELEGATION_SEPARATOR = b"\x1aic-request-auth-delegation"
NONCE_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request that was signed once: `body` may be sent again as it is until `expiry_ns`.

    `body` is the tagged CBOR envelope, `request_id` its 32-byte id, `expiry_ns` nanoseconds since 1970.
    """

    request_id: bytes
    body: bytes
    expiry_ns: int
    sender: Principal


def sign_call(
    identity: Identity, canister_id: Principal, method: str, arg: bytes, *, expiry_ns: int, nonce: bytes | None = None
) -> SignedRequest:
    """Sign an update call; a random nonce is added unless one is given, so that equal calls stay two calls."""
    content = _call_content("call", canister_id, method, arg)
    content["nonce"] = secrets.token_bytes(NONCE_BYTES) if nonce is None else nonce
    return _sign(identity, content, expiry_ns)


def sign_query(
    identity: Identity, canister_id: Principal, method: str, arg: bytes, *, expiry_ns: int, nonce: bytes | None = None
) -> SignedRequest:
    """Sign a query; without a nonce equal queries are one request, which is harmless and cacheable."""
    content = _call_content("query", canister_id, method, arg)
    if nonce is not None:
        content["nonce"] = nonce
    return _sign(identity, content, expiry_ns)


def sign_read_state(identity: Identity, paths: Sequence[Sequence[bytes]], *, expiry_ns: int) -> SignedRequest:
    """Sign a request for the values under some paths of the state tree."""
    content: dict[str, object] = {"request_type": "read_state", "paths": [list(path) for path in paths]}
    return _sign(identity, content, expiry_ns)


def sign_delegation(
    identity: Identity,
    public_key_der: bytes,
    *,
    expiration_ns: int,
    targets: Sequence[Principal] | None = None,
    permissions: str | None = None,
) -> SignedDelegation:
    """Let another key sign for an identity, until a time and, if given, at some canisters only."""
    unsigned = SignedDelegation(
        public_key_der=public_key_der,
        expiration_ns=expiration_ns,
        signature=b"",
        targets=None if targets is None else tuple(targets),
        permissions=permissions,
    )
    signature = identity.sign(DELEGATION_SEPARATOR + hash_of_map(unsigned.to_map()))
    if signature is None:
        raise SignatureError("the anonymous identity cannot delegate", slug="protocol/delegation")
    return SignedDelegation(
        public_key_der=public_key_der,
        expiration_ns=expiration_ns,
        signature=signature,
        targets=unsigned.targets,
        permissions=permissions,
    )


def _call_content(kind: str, canister_id: Principal, method: str, arg: bytes) -> dict[str, object]:
    return {"request_type": kind, "canister_id": canister_id.raw, "method_name": method, "arg": arg}


def _sign(identity: Identity, content: dict[str, object], expiry_ns: int) -> SignedRequest:
    content["sender"] = identity.principal.raw
    content["ingress_expiry"] = expiry_ns
    identifier = request_id(content)
    envelope: dict[str, object] = {"content": content}
    signature = identity.sign(REQUEST_SEPARATOR + identifier)
    if signature is not None:
        envelope["sender_pubkey"] = identity.public_key_der
        envelope["sender_sig"] = signature
        if identity.delegations:
            envelope["sender_delegation"] = [link.to_envelope() for link in identity.delegations]
    return SignedRequest(request_id=identifier, body=cbor.dumps(envelope), expiry_ns=expiry_ns, sender=identity.principal)
