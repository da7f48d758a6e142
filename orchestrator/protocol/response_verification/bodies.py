"""The hashes of a body, taken while it passes by."""

import hashlib
import zlib
from dataclasses import dataclass

from orchestrator.protocol.response_verification.failures import failure

__all__ = ["MAX_DECODED_BYTES", "BodyDigest", "BodyHasher"]

MAX_DECODED_BYTES = 1024 * 1024 * 1024
"""A compressed body that has more bytes than this when it is unpacked is refused."""
_STEP_BYTES = 1024 * 1024
_WINDOWS = {"gzip": 31, "deflate": -15}
"""zlib's window sizes for the two encodings that version 1 looks through; `deflate` is without zlib's header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyDigest:
    """SHA-256 of a body as it was sent, and of what its content encoding stands for."""

    sent: bytes
    decoded: bytes


class BodyHasher:
    """Hashes a body part by part; memory does not grow with the body."""

    def __init__(self, content_encoding: str | None = None) -> None:
        """Look through `gzip` and `deflate`; any other encoding, and None, is hashed as it is sent only."""
        self._sent = hashlib.sha256()
        window = _WINDOWS.get(content_encoding or "")
        self._unpacker = zlib.decompressobj(window) if window is not None else None
        self._decoded = hashlib.sha256()
        self._decoded_bytes = 0
        self._has_more = False

    @property
    def unpacks(self) -> bool:
        """Whether the body is looked into, which can take long however short it is."""
        return self._unpacker is not None

    def update(self, part: bytes) -> None:
        """Take the next part; raises `CertificateError` when it cannot be unpacked."""
        self._sent.update(part)
        if self._unpacker is None:
            return
        try:
            while part and not self._unpacker.eof:
                unpacked = self._unpacker.decompress(part, _STEP_BYTES)
                self._decoded.update(unpacked)
                self._decoded_bytes += len(unpacked)
                if self._decoded_bytes > MAX_DECODED_BYTES:
                    raise failure("body-encoding", f"the body unpacks to more than {MAX_DECODED_BYTES} bytes")
                part = self._unpacker.unconsumed_tail or self._unpacker.unused_data
        except zlib.error as error:
            raise failure("body-encoding", f"the body cannot be unpacked: {error}") from error
        self._has_more = self._has_more or bool(part)

    def digest(self) -> BodyDigest:
        """Return the hashes; raises `CertificateError` when a compressed body ends too early."""
        if self._unpacker is None:
            return BodyDigest(sent=self._sent.digest(), decoded=self._sent.digest())
        if not self._unpacker.eof:
            raise failure("body-encoding", "the compressed body is cut off")
        if self._has_more:  # some readers would unpack that too
            raise failure("body-encoding", "something follows the compressed body")
        return BodyDigest(sent=self._sent.digest(), decoded=self._decoded.digest())
