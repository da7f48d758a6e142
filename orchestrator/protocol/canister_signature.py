"""Canister signatures: a canister signs by certifying a tree that holds the hash of what it signs.

The public key is the canister's id and a seed, so that one canister has as many keys as it likes; this is how
Internet Identity signs for its users.
Source: the interface specification, section "Canister signatures".
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from orchestrator.core.principal import MAX_PRINCIPAL_BYTES, Principal
from orchestrator.errors import CertificateError, ProtocolError, SignatureError
from orchestrator.protocol import cbor, hash_tree
from orchestrator.protocol.certificate import Certificate, subnet_of, verify_certificate
from orchestrator.protocol.der import CANISTER_SIGNATURE_OID, unwrap_key, wrap_key
from orchestrator.protocol.hash_tree import Found

__all__ = ["MAX_REMEMBERED_BYTES", "CanisterKey", "encode_canister_signature", "verify_canister_signature"]

MAX_REMEMBERED_BYTES = 16 * 1024
"""Certificates up to this size are remembered once they have verified, in bytes: a session sends the same one again and again."""
_REMEMBERED = 256
_FOREIGN_SUBNET_TYPE = b"cloud_engine"


@dataclass(frozen=True, slots=True)
class CanisterKey:
    """One of the public keys of a canister."""

    canister_id: Principal
    seed: bytes

    def to_der(self) -> bytes:
        """Return the DER-encoded key, of which the principal is made."""
        raw = self.canister_id.raw
        return wrap_key(CANISTER_SIGNATURE_OID, bytes([len(raw)]) + raw + self.seed)

    @classmethod
    def from_der(cls, der: bytes) -> Self | None:
        """Read a key; None when `der` is a key of another scheme. Raises `SignatureError` when it names no canister."""
        content = unwrap_key(CANISTER_SIGNATURE_OID, der)
        if content is None:
            return None
        size = content[0] if content else MAX_PRINCIPAL_BYTES + 1
        if size > MAX_PRINCIPAL_BYTES or len(content) <= size:
            raise SignatureError("a public key cannot be used", slug="protocol/public-key", detail="it names no signing canister")
        return cls(Principal(content[1 : 1 + size]), content[1 + size :])


def encode_canister_signature(certificate: bytes, tree: hash_tree.Tree) -> bytes:
    """Encode the two parts of a signature: the certificate of the canister's data, and the tree that this is the hash of."""
    return cbor.dumps({"certificate": certificate, "tree": tree})


def verify_canister_signature(key: CanisterKey, message: bytes, signature: bytes, *, root_keys: Iterable[bytes]) -> None:
    """Return if a canister signed a message, by the word of a network with one of these DER-encoded root keys.

    The certificate may be of any age. Raises `SignatureError`.
    """
    try:
        fields = cbor.loads(signature)
    except ProtocolError as error:
        raise _refused("it is not CBOR") from error
    match fields:
        case {"certificate": bytes(certificate), "tree": list(tree)}:
            try:
                hash_tree.check_well_formed(tree)
                digest = hash_tree.digest(tree)
                signed = hash_tree.lookup(tree, [b"sig", hashlib.sha256(key.seed).digest(), hashlib.sha256(message).digest()])
            except CertificateError as error:
                raise _refused(f"its tree is malformed: {error.detail}") from error
        case _:
            raise _refused("it is not a map of `certificate` and `tree`")
    if signed != Found(b""):
        raise _refused("its tree does not hold the message")
    if _certified_data(key.canister_id, certificate, tuple(root_keys)) != digest:
        raise _refused("its certificate is about another tree")


def _certified_data(canister_id: Principal, certificate: bytes, root_keys: tuple[bytes, ...]) -> bytes:
    if len(certificate) > MAX_REMEMBERED_BYTES:
        return _verify(canister_id, certificate, root_keys)
    return _verify_once(canister_id, certificate, root_keys)


def _verify(canister_id: Principal, certificate: bytes, root_keys: tuple[bytes, ...]) -> bytes:
    """Return the data that a certificate proves a canister to have; raises `SignatureError`."""
    verified, root_key = _verify_under_any(canister_id, certificate, root_keys)
    if verified.delegation is not None:
        subnet = subnet_of(verified, root_key)
        kind = verified.delegation.certificate.lookup(["subnet", subnet.raw, "type"])
        if not isinstance(kind, Found) or kind.value == _FOREIGN_SUBNET_TYPE:
            raise _refused("the type of the canister's subnet is not shown, or its canisters cannot sign")
    data = verified.lookup(["canister", canister_id.raw, "certified_data"])
    if not isinstance(data, Found):
        raise _refused(f"its certificate shows no data of {canister_id}")
    return data.value


_verify_once = lru_cache(maxsize=_REMEMBERED)(_verify)


def _verify_under_any(canister_id: Principal, certificate: bytes, root_keys: tuple[bytes, ...]) -> tuple[Certificate, bytes]:
    problem: CertificateError | None = None
    for root_key in root_keys:
        try:
            return verify_certificate(certificate, root_key_der=root_key, now_ns=None, canister_id=canister_id), root_key
        except CertificateError as error:
            problem = problem or error
    raise _refused(f"its certificate does not verify: {problem.summary if problem else 'no root key is trusted'}") from problem


def _refused(reason: str) -> SignatureError:
    return SignatureError("a canister signature does not verify", detail=reason)
