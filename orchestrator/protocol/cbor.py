"""CBOR as the Internet Computer uses it: self-described, plain values, nothing surprising.

Encoding is cbor2's. Decoding is done here, because what arrives comes from strangers: cbor2 runs the semantic
tags it knows (regular expressions, shared references, decimals of any size), keeps the last of two equal map
keys, and its two supported major versions give different containers. Here a message decodes to int, bytes, str,
bool, None, float, list and dict only, or is refused.

Source: RFC 8949; the interface specification, section "CBOR encoding of requests and responses".
"""

import struct

import cbor2

from orchestrator.errors import ProtocolError

__all__ = ["MAX_DEPTH", "MAX_MESSAGE_BYTES", "SELF_DESCRIBE_TAG", "dumps", "loads", "loads_own"]

SELF_DESCRIBE_TAG = 55799
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest message that is decoded, in bytes; replicas answer with at most about 3 MiB."""
MAX_DEPTH = 200
"""The deepest nesting of lists and maps; a certificate of a full subnet reaches about 60."""

_SELF_DESCRIBE_PREFIX = b"\xd9\xd9\xf7"
_INDEFINITE = -1
_BREAK = 0xFF
_BIGNUM_TAGS = {2: 1, 3: -1}
_MAX_BIGNUM_BYTES = 64
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


def dumps(value: object, *, tagged: bool = True) -> bytes:
    """Encode plain values (int, bytes, str, bool, None, float, list, tuple, dict); `tagged` adds tag 55799."""
    body = cbor2.dumps(value)
    return _SELF_DESCRIBE_PREFIX + body if tagged else body


def loads(data: bytes, *, max_bytes: int = MAX_MESSAGE_BYTES) -> object:
    """Decode one message, with or without the self-describe tag, that fills `data` exactly.

    Raises `ProtocolError` for anything truncated, trailing, nested deeper than `MAX_DEPTH`, longer than
    `max_bytes`, with two equal keys in a map, or with a tag that the Internet Computer does not use.
    """
    if len(data) > max_bytes:
        raise _malformed(f"{len(data)} bytes, where at most {max_bytes} are read")
    reader = _Reader(bytes(data))
    if reader.data.startswith(_SELF_DESCRIBE_PREFIX):
        reader.position = len(_SELF_DESCRIBE_PREFIX)
    value = reader.read_item(0)
    if reader.position != len(reader.data):
        raise _malformed(f"{len(reader.data) - reader.position} bytes follow the value")
    return value


def loads_own(data: bytes) -> object:
    """Decode what `dumps` made and only the user could have changed since, as a file of theirs: many times as fast.

    Raises `ProtocolError` for what is no CBOR. Whoever needs to know that a file is undamaged has to keep a checksum.
    """
    body = data.removeprefix(_SELF_DESCRIBE_PREFIX)
    try:
        value: object = cbor2.loads(body)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _malformed(str(error)) from error
    return value


def _malformed(reason: str) -> ProtocolError:
    return ProtocolError("not a valid CBOR message", slug="protocol/cbor", detail=reason)


class _Reader:
    """A position in the bytes of one message."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def read_item(self, depth: int) -> object:
        major, value = self.read_head()
        if major == 0:
            return self._definite(value)
        if major == 1:
            return -1 - self._definite(value)
        if major == 2:
            return self._read_bytes(value, major)
        if major == 3:
            return self._decode_text(self._read_bytes(value, major))
        if major == 7:
            return self._read_simple(value)
        if depth >= MAX_DEPTH:
            raise _malformed(f"nested deeper than {MAX_DEPTH} levels")
        if major == 4:
            return self._read_list(value, depth + 1)
        if major == 5:
            return self._read_map(value, depth + 1)
        return self._read_bignum(value)

    def read_head(self) -> tuple[int, int]:
        """Return the major type and its argument, or `_INDEFINITE`; for major type 7 the raw low five bits."""
        initial = self._take(1)[0]
        major, low = initial >> 5, initial & 0x1F
        if low < 24 or major == 7:
            return major, low
        if low <= 27:
            return major, int.from_bytes(self._take(1 << (low - 24)), "big")
        if low == 31 and major in {2, 3, 4, 5}:
            return major, _INDEFINITE
        raise _malformed(f"byte {initial:#04x} starts no value")

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise _malformed("the message is truncated")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def _at_break(self) -> bool:
        if self.position < len(self.data) and self.data[self.position] == _BREAK:
            self.position += 1
            return True
        return False

    @staticmethod
    def _definite(value: int) -> int:
        if value < 0:
            raise _malformed("a number of indefinite length")
        return value

    def _read_bytes(self, length: int, major: int) -> bytes:
        if length != _INDEFINITE:
            return self._take(length)
        parts: list[bytes] = []
        while not self._at_break():
            inner, size = self.read_head()
            if inner != major or size == _INDEFINITE:
                raise _malformed("a string of indefinite length holds something else")
            parts.append(self._take(size))
        return b"".join(parts)

    @staticmethod
    def _decode_text(data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _malformed("a text is not UTF-8") from error

    def _has_more(self, length: int, count: int) -> bool:
        return not self._at_break() if length == _INDEFINITE else count < length

    def _read_list(self, length: int, depth: int) -> list[object]:
        if length > len(self.data) - self.position:
            raise _malformed("the message is truncated")
        items: list[object] = []
        while self._has_more(length, len(items)):
            items.append(self.read_item(depth))
        return items

    def _read_map(self, length: int, depth: int) -> dict[str | int | bytes, object]:
        entries: dict[str | int | bytes, object] = {}
        while self._has_more(length, len(entries)):
            key = self.read_item(depth)
            if not isinstance(key, (str, int, bytes)) or isinstance(key, bool):
                raise _malformed("a map key is neither text, number nor bytes")
            if key in entries:
                raise _malformed(f"the map key {key!r:.60} appears twice")
            entries[key] = self.read_item(depth)
        return entries

    def _read_bignum(self, tag: int) -> int:
        sign = _BIGNUM_TAGS.get(tag)
        if sign is None:
            raise _malformed(f"tag {tag} has no meaning here")
        major, length = self.read_head()
        if major != 2 or not 0 <= length <= _MAX_BIGNUM_BYTES:
            raise _malformed("a big number is not a short byte string")
        magnitude = int.from_bytes(self._take(length), "big")
        return magnitude if sign > 0 else -1 - magnitude

    def _read_simple(self, low: int) -> bool | float | None:
        if low in _SIMPLE:
            return _SIMPLE[low]
        layout = _FLOATS.get(low)
        if layout is None:
            raise _malformed(f"simple value {low} has no meaning here")
        number: float = struct.unpack(layout, self._take(struct.calcsize(layout)))[0]
        return number
