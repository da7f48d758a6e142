"""Authentication: what a replica checks of a request before it looks at what is asked.

Source: the interface specification, section "Authentication", and the predicate `verify_envelope` of "Abstract
behavior".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.core.principal import ANONYMOUS, MAX_PRINCIPAL_BYTES, Principal
from orchestrator.errors import ProtocolError, SignatureError
from orchestrator.protocol.canister_signature import CanisterKey
from orchestrator.protocol.certificate import render_time
from orchestrator.protocol.envelope import DELEGATION_SEPARATOR, REQUEST_SEPARATOR
from orchestrator.protocol.keys import SignedDelegation
from orchestrator.protocol.request_id import hash_of_map, request_id
from orchestrator.protocol.senders import verify_sender_signature

__all__ = [
    "INGRESS_WINDOW_NS",
    "MAX_CLOCK_DRIFT_NS",
    "MAX_DELEGATIONS",
    "MAX_DELEGATION_TARGETS",
    "MAX_NONCE_BYTES",
    "MAX_PATHS",
    "MAX_PATH_LABELS",
    "SENDER_INFO_SEPARATOR",
    "AuthenticatedRequest",
    "SenderInfo",
    "verify_envelope",
]

SENDER_INFO_SEPARATOR = b"\x0eic-sender-info"
MAX_NONCE_BYTES = 32
MAX_DELEGATIONS = 20
MAX_DELEGATION_TARGETS = 1000
MAX_PATHS = 1000
MAX_PATH_LABELS = 127
INGRESS_WINDOW_NS = 5 * 60 * 1_000_000_000
"""How far ahead of the replica's time a request may expire, in nanoseconds."""
MAX_CLOCK_DRIFT_NS = 30 * 1_000_000_000
"""What a replica adds to the window because clocks differ, in nanoseconds."""

_REQUEST_TYPES = frozenset({"call", "query", "read_state"})
_TIME_LIMIT = 1 << 64


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What the canister that signs for a sender says about them: `signer` is that canister."""

    info: bytes
    signer: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedRequest:
    """A request whose sender is proven; `targets` limits the canisters it may be used at (None: any)."""

    sender: Principal
    request_id: bytes
    content: Mapping[str, object]
    request_type: str
    expiry_ns: int
    targets: frozenset[Principal] | None = None
    sender_info: SenderInfo | None = None


@dataclass(frozen=True, slots=True)
class _Context:
    """What every signature of one request is checked against."""

    kind: str
    now_ns: int
    root_keys: tuple[bytes, ...]


def verify_envelope(envelope: object, *, now_ns: int, root_keys: Iterable[bytes] = ()) -> AuthenticatedRequest:
    """Check a decoded envelope as a replica does: shape, sender, delegations, signature and expiry.

    Anonymous queries and state reads may carry any expiry. Canister signatures are accepted from the networks
    with these DER-encoded root keys. Whether the request may be used at its canister (`targets`) is left to the
    caller, who knows the effective canister. Raises `SignatureError` for what is not proven and `ProtocolError`
    for what is malformed or expired (`protocol/ingress-expiry`, `protocol/delegation-expiry`).
    """
    if not isinstance(envelope, dict) or not isinstance(envelope.get("content"), dict):
        raise _malformed("an envelope is a map with a `content` map")
    content: dict[str, object] = envelope["content"]
    kind, sender, expiry_ns = _read_common(content)
    identifier = request_id(content)
    if sender != ANONYMOUS or kind == "call":
        _check_expiry(expiry_ns, now_ns)
    targets, info = None, None
    if sender == ANONYMOUS:
        _check_anonymous(envelope, content)
    else:
        context = _Context(kind, now_ns, tuple(root_keys))
        targets = _verify_sender(envelope, sender, identifier, context)
        info = _verify_sender_info(envelope["sender_pubkey"], content.get("sender_info"), context)
    return AuthenticatedRequest(
        sender=sender,
        request_id=identifier,
        content=content,
        request_type=kind,
        expiry_ns=expiry_ns,
        targets=targets,
        sender_info=info,
    )


def _read_common(content: Mapping[str, object]) -> tuple[str, Principal, int]:
    kind, sender, expiry, nonce = (content.get(name) for name in ("request_type", "sender", "ingress_expiry", "nonce"))
    if not isinstance(kind, str) or kind not in _REQUEST_TYPES:
        raise _malformed("`request_type` is not call, query or read_state")
    if not isinstance(sender, bytes) or len(sender) > MAX_PRINCIPAL_BYTES:
        raise _malformed("`sender` is not a principal")
    if not isinstance(expiry, int) or isinstance(expiry, bool) or not 0 <= expiry < _TIME_LIMIT:
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
            "Invalid request expiry",  # clients look for these words, and set their clocks
            slug="protocol/ingress-expiry",
            detail=f"Specified ingress_expiry not within expected range: Minimum allowed expiry: {render_time(now_ns)}, "
            f"Maximum allowed expiry: {render_time(latest)}, Provided expiry: {render_time(expiry_ns)}",
            hint="check the clock of the machine that signed the request",
        )


def _check_anonymous(envelope: Mapping[str, object], content: Mapping[str, object]) -> None:
    if any(envelope.get(name) is not None for name in ("sender_pubkey", "sender_sig", "sender_delegation")):
        raise SignatureError("an anonymous request carries a signature")
    if content.get("sender_info") is not None:
        raise SignatureError("an anonymous request says something of its sender", slug="protocol/sender-info")


def _verify_sender(envelope: Mapping[str, object], sender: Principal, identifier: bytes, context: _Context) -> frozenset[Principal] | None:
    public_key, signature = envelope.get("sender_pubkey"), envelope.get("sender_sig")
    if not isinstance(public_key, bytes) or not isinstance(signature, bytes):
        raise SignatureError("a request is not signed", detail=f"its sender {sender} is not anonymous")
    if Principal.self_authenticating(public_key) != sender:
        raise SignatureError("a request is signed by somebody else", detail=f"its public key does not belong to {sender}")
    signer, targets = _verify_delegations(public_key, envelope.get("sender_delegation"), context)
    verify_sender_signature(signer, REQUEST_SEPARATOR + identifier, signature, root_keys=context.root_keys)
    return targets


def _verify_sender_info(public_key: bytes, told: object, context: _Context) -> SenderInfo | None:
    """Check what is said about the sender: only the canister whose key the sender's is may say anything."""
    if told is None:
        return None
    canister = CanisterKey.from_der(public_key)
    if canister is None:
        raise SignatureError("only canisters say something of a sender", slug="protocol/sender-info", detail="this sender has a key")
    match told:
        case {"info": bytes(info), "signer": bytes(signer), "sig": bytes(signature)}:
            if signer != canister.canister_id.raw:
                raise SignatureError(
                    "the word about a sender is another canister's", slug="protocol/sender-info", detail=f"not {canister.canister_id}'s"
                )
            verify_sender_signature(public_key, SENDER_INFO_SEPARATOR + info, signature, root_keys=context.root_keys)
            return SenderInfo(info, canister.canister_id)
    raise _malformed("`sender_info` is not a map of `info`, `signer` and `sig`")


def _verify_delegations(public_key: bytes, entries: object, context: _Context) -> tuple[bytes, frozenset[Principal] | None]:
    """Follow the chain from the sender's key; return the key that signs and the canisters all links allow."""
    if entries is None:
        return public_key, None
    if not isinstance(entries, list) or len(entries) > MAX_DELEGATIONS:
        raise SignatureError("a delegation chain is malformed", detail=f"it is not a list of at most {MAX_DELEGATIONS}")
    links = [SignedDelegation.from_envelope(entry) for entry in entries]
    for link in links:
        _check_link(link, context)
    if len({public_key, *(link.public_key_der for link in links)}) <= len(links):
        raise SignatureError("a delegation chain has a cycle", slug="protocol/delegation")
    targets: frozenset[Principal] | None = None
    for link, entry in zip(links, entries, strict=True):
        signed = DELEGATION_SEPARATOR + hash_of_map(entry["delegation"])
        verify_sender_signature(public_key, signed, link.signature, root_keys=context.root_keys)
        public_key = link.public_key_der
        if link.targets is not None:
            allowed = frozenset(link.targets)
            targets = allowed if targets is None else targets & allowed
    return public_key, targets


def _check_link(link: SignedDelegation, context: _Context) -> None:
    if link.expiration_ns < context.now_ns:
        raise SignatureError("a delegation has expired", slug="protocol/delegation-expiry", detail=f"at {link.expiration_ns} ns since 1970")
    if link.targets is not None and len(link.targets) > MAX_DELEGATION_TARGETS:
        raise SignatureError("a delegation names too many targets", slug="protocol/delegation")
    if link.permissions not in {None, "all", "queries"}:
        raise SignatureError("a delegation has unknown permissions", slug="protocol/delegation", detail=f"`{link.permissions}`")
    if link.permissions == "queries" and context.kind == "call":
        raise SignatureError("a delegation permits queries only", slug="protocol/delegation")


def _malformed(reason: str) -> ProtocolError:
    return ProtocolError("a request is malformed", slug="protocol/envelope", detail=reason)
