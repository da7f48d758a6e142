"""Envelopes: requests as they travel, signed by the client and checked by the replica.

Source: the interface specification, sections "Authentication" and "Request: Call", "Request: Read state",
"Request: Query call"; the predicate `verify_envelope` of "Abstract behavior".
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.principal import ANONYMOUS, MAX_PRINCIPAL_BYTES, Principal
from orchestrator.errors import ProtocolError, SignatureError
from orchestrator.protocol import cbor
from orchestrator.protocol.keys import Identity, SignedDelegation, verify_signature
from orchestrator.protocol.request_id import hash_of_map, request_id

__all__ = [
    "DELEGATION_SEPARATOR",
    "INGRESS_WINDOW_NS",
    "MAX_CLOCK_DRIFT_NS",
    "MAX_DELEGATIONS",
    "MAX_DELEGATION_TARGETS",
    "MAX_NONCE_BYTES",
    "MAX_PATHS",
    "MAX_PATH_LABELS",
    "NONCE_BYTES",
    "REQUEST_SEPARATOR",
    "AuthenticatedRequest",
    "SignedRequest",
    "sign_call",
    "sign_delegation",
    "sign_query",
    "sign_read_state",
    "verify_envelope",
]

REQUEST_SEPARATOR = b"\x0aic-request"
DELEGATION_SEPARATOR = b"\x1aic-request-auth-delegation"
NONCE_BYTES = 16
MAX_NONCE_BYTES = 32
MAX_DELEGATIONS = 20
MAX_DELEGATION_TARGETS = 1000
MAX_PATHS = 1000
MAX_PATH_LABELS = 127
INGRESS_WINDOW_NS = 5 * 60 * 1_000_000_000
"""How far ahead of the replica's time a request may expire, in nanoseconds."""
MAX_CLOCK_DRIFT_NS = 60 * 1_000_000_000
"""What a replica adds to the window because clocks differ, in nanoseconds."""

_REQUEST_TYPES = frozenset({"call", "query", "read_state"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request that was signed once: `body` may be sent again as it is until `expiry_ns`.

    `body` is the tagged CBOR envelope, `request_id` its 32-byte id, `expiry_ns` nanoseconds since 1970.
    """

    request_id: bytes
    body: bytes
    expiry_ns: int
    sender: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedRequest:
    """A request whose sender is proven; `targets` limits the canisters it may be used at (None: any)."""

    sender: Principal
    request_id: bytes
    content: Mapping[str, object]
    request_type: str
    expiry_ns: int
    targets: frozenset[Principal] | None = None


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


def verify_envelope(envelope: object, *, now_ns: int) -> AuthenticatedRequest:
    """Check a decoded envelope as a replica does: shape, sender, delegations, signature and expiry.

    Anonymous queries and state reads may carry any expiry. Whether the request may be used at its canister
    (`targets`) is left to the caller, who knows the effective canister. Raises `SignatureError` for what is
    not proven and `ProtocolError` for what is malformed or expired (`protocol/ingress-expiry`).
    """
    if not isinstance(envelope, dict) or not isinstance(envelope.get("content"), dict):
        raise _malformed("an envelope is a map with a `content` map")
    content: dict[str, object] = envelope["content"]
    kind, sender, expiry_ns = _read_common(content)
    identifier = request_id(content)
    if sender == ANONYMOUS:
        if any(envelope.get(name) is not None for name in ("sender_pubkey", "sender_sig", "sender_delegation")):
            raise SignatureError("an anonymous request carries a signature")
        targets = None
    else:
        targets = _verify_sender(envelope, sender, identifier, kind, now_ns)
    if sender != ANONYMOUS or kind == "call":
        _check_expiry(expiry_ns, now_ns)
    return AuthenticatedRequest(
        sender=sender, request_id=identifier, content=content, request_type=kind, expiry_ns=expiry_ns, targets=targets
    )


def _read_common(content: Mapping[str, object]) -> tuple[str, Principal, int]:
    kind, sender, expiry, nonce = (content.get(name) for name in ("request_type", "sender", "ingress_expiry", "nonce"))
    if not isinstance(kind, str) or kind not in _REQUEST_TYPES:
        raise _malformed("`request_type` is not call, query or read_state")
    if not isinstance(sender, bytes) or len(sender) > MAX_PRINCIPAL_BYTES:
        raise _malformed("`sender` is not a principal")
    if not isinstance(expiry, int) or isinstance(expiry, bool) or expiry < 0:
        raise _malformed("`ingress_expiry` is not a time in nanoseconds")
    if nonce is not None and (not isinstance(nonce, bytes) or len(nonce) > MAX_NONCE_BYTES):
        raise _malformed(f"`nonce` is not at most {MAX_NONCE_BYTES} bytes")
    if kind == "read_state":
        _check_paths(content.get("paths"))
    else:
        _check_call(content)
    return kind, Principal(sender), expiry


def _check_call(content: Mapping[str, object]) -> None:
    canister_id = content.get("canister_id")
    if not isinstance(canister_id, bytes) or len(canister_id) > MAX_PRINCIPAL_BYTES:
        raise _malformed("`canister_id` is not a principal")
    if not isinstance(content.get("method_name"), str) or not isinstance(content.get("arg"), bytes):
        raise _malformed("`method_name` is not a text, or `arg` is not a blob")


def _check_paths(paths: object) -> None:
    if not isinstance(paths, list) or len(paths) > MAX_PATHS:
        raise _malformed(f"`paths` is not a list of at most {MAX_PATHS} paths")
    for path in paths:
        if not isinstance(path, list) or len(path) > MAX_PATH_LABELS or not all(isinstance(label, bytes) for label in path):
            raise _malformed(f"a path is not a list of at most {MAX_PATH_LABELS} blobs")


def _check_expiry(expiry_ns: int, now_ns: int) -> None:
    latest = now_ns + INGRESS_WINDOW_NS + MAX_CLOCK_DRIFT_NS
    if not now_ns <= expiry_ns <= latest:
        raise ProtocolError(
            "invalid request expiry",
            slug="protocol/ingress-expiry",
            detail=f"ingress_expiry {expiry_ns} is not between {now_ns} and {latest} (nanoseconds since 1970)",
            hint="check the clock of the machine that signed the request",
        )


def _verify_sender(
    envelope: Mapping[str, object], sender: Principal, identifier: bytes, kind: str, now_ns: int
) -> frozenset[Principal] | None:
    public_key, signature = envelope.get("sender_pubkey"), envelope.get("sender_sig")
    if not isinstance(public_key, bytes) or not isinstance(signature, bytes):
        raise SignatureError("a request is not signed", detail=f"its sender {sender} is not anonymous")
    if Principal.self_authenticating(public_key) != sender:
        raise SignatureError("a request is signed by somebody else", detail=f"its public key does not belong to {sender}")
    signer, targets = _verify_delegations(public_key, envelope.get("sender_delegation"), kind, now_ns)
    verify_signature(signer, REQUEST_SEPARATOR + identifier, signature)
    return targets


def _verify_delegations(public_key: bytes, entries: object, kind: str, now_ns: int) -> tuple[bytes, frozenset[Principal] | None]:
    """Follow the chain from the sender's key; return the key that signs and the canisters all links allow."""
    if entries is None:
        return public_key, None
    if not isinstance(entries, list) or len(entries) > MAX_DELEGATIONS:
        raise SignatureError("a delegation chain is malformed", detail=f"it is not a list of at most {MAX_DELEGATIONS}")
    seen = {public_key}
    targets: frozenset[Principal] | None = None
    for entry in entries:
        link = SignedDelegation.from_envelope(entry)
        _check_link(link, kind, now_ns)
        verify_signature(public_key, DELEGATION_SEPARATOR + hash_of_map(entry["delegation"]), link.signature)
        public_key = link.public_key_der
        if public_key in seen:
            raise SignatureError("a delegation chain has a cycle", slug="protocol/delegation")
        seen.add(public_key)
        if link.targets is not None:
            allowed = frozenset(link.targets)
            targets = allowed if targets is None else targets & allowed
    return public_key, targets


def _check_link(link: SignedDelegation, kind: str, now_ns: int) -> None:
    if link.expiration_ns < now_ns:
        raise SignatureError("a delegation has expired", slug="protocol/delegation", detail=f"at {link.expiration_ns} ns since 1970")
    if link.targets is not None and len(link.targets) > MAX_DELEGATION_TARGETS:
        raise SignatureError("a delegation names too many targets", slug="protocol/delegation")
    if link.permissions not in {None, "all", "queries"}:
        raise SignatureError("a delegation has unknown permissions", slug="protocol/delegation", detail=f"`{link.permissions}`")
    if link.permissions == "queries" and kind == "call":
        raise SignatureError("a delegation permits queries only", slug="protocol/delegation")


def _malformed(reason: str) -> ProtocolError:
    return ProtocolError("a request is malformed", slug="protocol/envelope", detail=reason)
