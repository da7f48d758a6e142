"""Representation-independent hashing and request ids.

Source: the interface specification, sections "Representation-independent hashing of structured data" and
"Request ids".
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from orchestrator.core.principal import Principal
from orchestrator.errors import ProtocolError

__all__ = ["MAX_VALUE_DEPTH", "encode_leb128", "hash_of_map", "hash_of_value", "request_id"]

MAX_VALUE_DEPTH = 32
"""The deepest nesting of maps and arrays that is hashed; requests and replies have at most four."""
_NAMES_KEPT = 256
_MAX_KNOWN_NAME = 64


def encode_leb128(value: int) -> bytes:
    """Encode a natural number in the shortest unsigned LEB128 form."""
    if value < 0:
        raise ProtocolError("a natural number is negative", detail=f"{value} has no unsigned LEB128 form")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _encode_signed_leb128(value: int) -> bytes:
    out = bytearray()
    while not -0x40 <= value <= 0x3F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def _hash_text(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


_hash_known_name = lru_cache(maxsize=_NAMES_KEPT)(_hash_text)


def _hash_of_name(name: str) -> bytes:
    """Return a field name's hash; names are few, so those of an ordinary length are remembered."""
    return _hash_known_name(name) if len(name) <= _MAX_KNOWN_NAME else _hash_text(name)


def hash_of_value(value: object, *, depth: int = 0) -> bytes:
    """Return the 32-byte hash of one field's value: bytes, text, whole number, principal, list or map."""
    if depth > MAX_VALUE_DEPTH:
        raise ProtocolError("a request is nested too deeply", detail=f"more than {MAX_VALUE_DEPTH} levels")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return hashlib.sha256(value).digest()
    if isinstance(value, str):
        return _hash_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return hashlib.sha256(encode_leb128(value) if value >= 0 else _encode_signed_leb128(value)).digest()
    if isinstance(value, Principal):
        return hashlib.sha256(value.raw).digest()
    if isinstance(value, Mapping):
        return hash_of_map(value, depth=depth)
    if isinstance(value, Sequence):
        return hashlib.sha256(b"".join(hash_of_value(item, depth=depth + 1) for item in value)).digest()
    raise ProtocolError("a request holds a value that cannot be hashed", detail=f"{type(value).__name__} has no hash")


def hash_of_map(mapping: Mapping[str, object], *, depth: int = 0) -> bytes:
    """Return the 32-byte representation-independent hash of a map; leave omitted fields out of it."""
    pairs = sorted([_hash_of_name(str(name)) + hash_of_value(value, depth=depth + 1) for name, value in mapping.items()])
    return hashlib.sha256(b"".join(pairs)).digest()


def request_id(content: Mapping[str, object]) -> bytes:
    """Return the 32-byte id of a request from its content map."""
    return hash_of_map(content)
