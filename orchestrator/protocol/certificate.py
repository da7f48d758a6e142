"""Certificates: what a subnet signed about the state tree, and for which canisters it may speak.

Source: the interface specification, page "Certification" and section "Canister ranges"; both layouts of ranges
are read, `/canister_ranges/<subnet>/<shard>` and the older `/subnet/<subnet>/canister_ranges`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.errors import CertificateError, ProtocolError
from orchestrator.protocol import bls, cbor, hash_tree
from orchestrator.protocol.hash_tree import Found, Lookup

__all__ = [
    "MAINNET_ROOT_KEY",
    "MAX_CERTIFICATE_SKEW_NS",
    "MAX_DELEGATION_AGE_NS",
    "STATE_ROOT_SEPARATOR",
    "WRONG_KEY",
    "WRONG_TIME",
    "Certificate",
    "Delegation",
    "certificate_message",
    "check_certificate_time",
    "decode_leb128",
    "decode_ranges",
    "encode_certificate",
    "read_certificate",
    "render_time",
    "subnet_of",
    "verify_certificate",
]

STATE_ROOT_SEPARATOR = b"\x0dic-state-root"
MAINNET_ROOT_KEY = bls.der_encode(
    bytes.fromhex(
        "814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc534"
        "1583bf4b4392e467db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae"
    )
)
"""The DER-encoded root key of the Internet Computer; no other network is trusted by default."""
MAX_CERTIFICATE_SKEW_NS = 5 * 60 * 1_000_000_000
"""How far a certificate's time may be from this machine's clock, in nanoseconds."""
MAX_DELEGATION_AGE_NS = 30 * 24 * 3600 * 1_000_000_000
"""How old a delegation may be, in nanoseconds; the mainnet renews them about weekly."""

WRONG_KEY = "protocol/certificate-signature"
"""The slug of a certificate that was made under another root key."""
WRONG_TIME = "protocol/certificate-time"
"""The slug of a certificate whose time is far from the clock."""

_MAX_LEB128_BYTES = 10
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """The root subnet's word, as a certificate of its own, that a subnet has the key that signed."""

    subnet_id: Principal
    certificate: "Certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A part of the state tree and its signature; only `verify_certificate` returns one that proves anything.

    `time_ns` is the certified time in nanoseconds since 1970.
    """

    tree: hash_tree.Tree
    signature: bytes
    time_ns: int
    delegation: Delegation | None = None

    def lookup(self, path: Iterable[bytes | str]) -> Lookup:
        """Return what the tree proves about a path; texts stand for their UTF-8 bytes."""
        return hash_tree.lookup(self.tree, _labels(path))

    def list_labels(self, path: Iterable[bytes | str] = ()) -> list[bytes]:
        """Return the labels shown directly below a path."""
        return hash_tree.list_labels(self.tree, _labels(path))


def _labels(path: Iterable[bytes | str]) -> list[bytes]:
    return [label.encode("utf-8") if isinstance(label, str) else label for label in path]


def certificate_message(root_hash: bytes) -> bytes:
    """Return what a subnet signs: the domain separator and the tree's root hash."""
    return STATE_ROOT_SEPARATOR + root_hash


def encode_certificate(
    tree: hash_tree.Tree, signature: bytes, *, subnet_id: Principal | None = None, delegation: bytes | None = None
) -> bytes:
    """Encode a certificate; a delegation is the subnet and the root subnet's certificate for it."""
    fields: dict[str, object] = {"tree": tree, "signature": signature}
    if subnet_id is not None and delegation is not None:
        fields["delegation"] = {"subnet_id": subnet_id.raw, "certificate": delegation}
    return cbor.dumps(fields)


def decode_leb128(data: bytes) -> int:
    """Decode a natural number that fills `data`; raise `CertificateError` for anything else."""
    value = 0
    for index, byte in enumerate(data[:_MAX_LEB128_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if index + 1 == len(data):
                return value
            break
    raise _malformed("a natural number is not valid LEB128")


def read_certificate(data: bytes) -> Certificate:
    """Decode a certificate and check its form, not its signature. Raises `CertificateError`."""
    return _read(data, may_delegate=True)


def _read(data: bytes, *, may_delegate: bool) -> Certificate:
    try:
        fields = cbor.loads(data)
    except ProtocolError as error:
        raise _malformed(error.detail or error.summary) from error
    match fields:
        case {"tree": list(tree), "signature": bytes(signature), **rest}:
            hash_tree.check_well_formed(tree)
            time = hash_tree.lookup(tree, [b"time"])
            if not isinstance(time, Found):
                raise _malformed("it does not show the time")
            delegation = _read_delegation(rest.get("delegation"), may_delegate=may_delegate)
            return Certificate(tree=tree, signature=signature, time_ns=decode_leb128(time.value), delegation=delegation)
    raise _malformed("it is not a map with a tree and a signature")


def _read_delegation(fields: object, *, may_delegate: bool) -> Delegation | None:
    match fields:
        case None:
            return None
        case {"subnet_id": bytes(subnet_id), "certificate": bytes(certificate)} if may_delegate:
            return Delegation(subnet_id=_principal(subnet_id), certificate=_read(certificate, may_delegate=False))
    raise _malformed("its delegation is not a subnet and a certificate without a delegation")


def _principal(raw: bytes) -> Principal:
    try:
        return Principal(raw)
    except ValueError as error:
        raise _malformed(str(error)) from error


def verify_certificate(
    data: bytes,
    *,
    root_key_der: bytes,
    now_ns: int | None,
    canister_id: Principal | None = None,
    subnet_id: Principal | None = None,
    max_skew_ns: int = MAX_CERTIFICATE_SKEW_NS,
    max_delegation_age_ns: int | None = MAX_DELEGATION_AGE_NS,
) -> Certificate:
    """Check a certificate against a root key and return it; raise `CertificateError` if it proves nothing.

    Exactly one of `canister_id` (which must be in the delegation's ranges; the management canister stands for
    any) and `subnet_id` (which must be the signer) says for whom the certificate has to speak. `now_ns` is the
    local clock; None skips the check of age, for certificates that are read long after they were made.
    """
    if (canister_id is None) == (subnet_id is None):
        raise CertificateError("a certificate is checked for one canister or one subnet", slug="protocol/certificate-scope")
    certificate = read_certificate(data)
    signer = Principal.self_authenticating(root_key_der)
    key = bls.der_decode(root_key_der)
    if certificate.delegation is not None:
        signer = certificate.delegation.subnet_id
        key = _verify_delegation(certificate.delegation, key, now_ns, max_delegation_age_ns)
        if canister_id is not None:
            _check_ranges(certificate.delegation, canister_id)
    _verify_signature(certificate, key)
    if subnet_id is not None and subnet_id != signer:
        raise CertificateError("a certificate is of another subnet", detail=f"signed for {signer}, asked for {subnet_id}")
    if now_ns is not None:
        check_certificate_time(certificate, now_ns=now_ns, max_skew_ns=max_skew_ns)
    return certificate


def check_certificate_time(certificate: Certificate, *, now_ns: int, max_skew_ns: int = MAX_CERTIFICATE_SKEW_NS) -> None:
    """Raise `CertificateError` when a certificate's time is further from the clock than `max_skew_ns` nanoseconds."""
    if abs(certificate.time_ns - now_ns) > max_skew_ns:
        raise _wrong_time(certificate.time_ns, now_ns)


def _verify_signature(certificate: Certificate, public_key: bytes) -> None:
    if not bls.verify(public_key, certificate.signature, certificate_message(hash_tree.digest(certificate.tree))):
        raise CertificateError(
            "a certificate's signature does not verify",
            slug=WRONG_KEY,
            detail="it was not made under the root key that this network is known by",
            hint="check the network's root key; if it is right, whoever answered is not to be trusted",
        )


def _verify_delegation(delegation: Delegation, root_key: bytes, now_ns: int | None, max_age_ns: int | None) -> bytes:
    _verify_signature(delegation.certificate, root_key)
    if now_ns is not None and max_age_ns is not None and now_ns - delegation.certificate.time_ns > max_age_ns:
        raise CertificateError("a certificate's delegation is too old", detail=f"made at {render_time(delegation.certificate.time_ns)}")
    key = delegation.certificate.lookup(["subnet", delegation.subnet_id.raw, "public_key"])
    if not isinstance(key, Found):
        raise CertificateError("a certificate's delegation shows no key", detail=f"for subnet {delegation.subnet_id}")
    return bls.der_decode(key.value)


def _check_ranges(delegation: Delegation, canister_id: Principal) -> None:
    if canister_id == MANAGEMENT_CANISTER:
        return
    for low, high in _list_ranges(delegation):
        if low <= canister_id.raw <= high:
            return
    raise CertificateError(
        "a certificate is of a subnet that does not host the canister",
        slug="protocol/canister-range",
        detail=f"{canister_id} is not in the ranges of subnet {delegation.subnet_id}",
    )


def _list_ranges(delegation: Delegation) -> list[tuple[bytes, bytes]]:
    certificate, subnet = delegation.certificate, delegation.subnet_id.raw
    ranges: list[tuple[bytes, bytes]] = []
    for shard in certificate.list_labels(["canister_ranges", subnet]):
        ranges.extend(decode_ranges(certificate.lookup(["canister_ranges", subnet, shard])))
    return ranges or decode_ranges(certificate.lookup(["subnet", subnet, "canister_ranges"]))


def decode_ranges(value: Lookup) -> list[tuple[bytes, bytes]]:
    """Decode the closed intervals of canister ids of one looked-up value; what is not shown has none."""
    if not isinstance(value, Found):
        return []
    try:
        ranges = cbor.loads(value.value)
    except ProtocolError as error:
        raise _malformed("canister ranges are not CBOR") from error
    if not isinstance(ranges, list):
        raise _malformed("canister ranges are not a list")
    return [_interval(entry) for entry in ranges]


def _interval(entry: object) -> tuple[bytes, bytes]:
    match entry:
        case [bytes(low), bytes(high)]:
            return low, high
    raise _malformed("a canister range is not a pair of principals")


def subnet_of(certificate: Certificate, root_key_der: bytes) -> Principal:
    """Return the subnet that signed: the delegation's, or the root subnet."""
    return certificate.delegation.subnet_id if certificate.delegation else Principal.self_authenticating(root_key_der)


def render_time(nanoseconds: int) -> str:
    """Write a time in nanoseconds since 1970 as a date, or as the number that it is when no calendar has it."""
    try:
        return datetime.fromtimestamp(nanoseconds // _SECOND_NS, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{nanoseconds} ns since 1970"


def _wrong_time(certified_ns: int, now_ns: int) -> CertificateError:
    return CertificateError(
        "a certificate's time is far from this machine's clock",
        slug=WRONG_TIME,
        detail=f"certified at {render_time(certified_ns)}, while the clock here says {render_time(now_ns)}",
        hint="set this machine's clock; if it is right, the network answers with old state: try again or use another endpoint",
    )


def _malformed(reason: str) -> CertificateError:
    return CertificateError("a certificate is malformed", detail=reason)
