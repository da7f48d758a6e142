"""The DER wrapping that all public keys share: an algorithm's object identifier, and the key as a bit string.

Source: RFC 5280, `SubjectPublicKeyInfo`; the interface specification, section "Signatures".
"""

__all__ = ["CANISTER_SIGNATURE_OID", "COSE_OID", "unwrap_key", "wrap_key"]

COSE_OID = bytes.fromhex("2b0601040183b8430101")
"""1.3.6.1.4.1.56387.1.1: the key is a COSE key, as authenticators of the web make them."""
CANISTER_SIGNATURE_OID = bytes.fromhex("2b0601040183b8430102")
"""1.3.6.1.4.1.56387.1.2: the key is a canister's id and a seed."""

_SEQUENCE, _BIT_STRING, _OBJECT_IDENTIFIER = 0x30, 0x03, 0x06
_LONG_FORM = 0x80
_MAX_LENGTH_BYTES = 4
_NO_UNUSED_BITS = b"\x00"


def wrap_key(oid: bytes, key: bytes) -> bytes:
    """Wrap a key of the algorithm whose encoded object identifier is `oid`; there are no parameters."""
    return _element(_SEQUENCE, _algorithm(oid) + _element(_BIT_STRING, _NO_UNUSED_BITS + key))


def unwrap_key(oid: bytes, der: bytes) -> bytes | None:
    """Return the key that is wrapped for this algorithm, or None when `der` is anything else."""
    if oid not in der:
        return None
    body = _content(_SEQUENCE, der)
    if body is None or not body.startswith(_algorithm(oid)):
        return None
    bits = _content(_BIT_STRING, body[len(_algorithm(oid)) :])
    return bits[1:] if bits is not None and bits.startswith(_NO_UNUSED_BITS) else None


def _algorithm(oid: bytes) -> bytes:
    return _element(_SEQUENCE, _element(_OBJECT_IDENTIFIER, oid))


def _element(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _length(len(content)) + content


def _length(size: int) -> bytes:
    if size < _LONG_FORM:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([_LONG_FORM | len(digits)]) + digits


def _content(tag: int, data: bytes) -> bytes | None:
    """Return what an element holds that fills `data` and has its length in the shortest form."""
    if len(data) < 2 or data[0] != tag:
        return None
    digits = data[1] - _LONG_FORM if data[1] >= _LONG_FORM else 0
    if digits > _MAX_LENGTH_BYTES:
        return None
    content = data[2 + digits :]
    return content if data.startswith(bytes([tag]) + _length(len(content))) else None
