"""Principals: the identifiers of canisters, users and subnets.

Source: the IC interface specification, section "Principals" (textual representation: base32 of a
CRC-32 and the bytes, in groups of five).
"""

import base64
import binascii
import hashlib
import zlib
from dataclasses import dataclass
from typing import Self

__all__ = ["ANONYMOUS", "MANAGEMENT_CANISTER", "MAX_PRINCIPAL_BYTES", "Principal", "PrincipalError", "is_principal"]

MAX_PRINCIPAL_BYTES = 29
_GROUP = 5
_SELF_AUTHENTICATING = b"\x02"
_CHECKSUM_BYTES = 4


class PrincipalError(ValueError):
    """Raised when text or bytes are not a principal; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """An identifier of at most 29 bytes; equal, ordered and hashed by its bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        """Refuse what the specification does not allow."""
        if len(self.raw) > MAX_PRINCIPAL_BYTES:
            message = f"a principal has at most {MAX_PRINCIPAL_BYTES} bytes, not {len(self.raw)}"
            raise PrincipalError(message)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse the canonical text form; any other spelling raises `PrincipalError`."""
        body = text.replace("-", "")
        try:
            data = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
        except (binascii.Error, ValueError) as error:
            message = f"`{text}` is not a principal: not base32"
            raise PrincipalError(message) from error
        if len(data) < _CHECKSUM_BYTES:
            message = f"`{text}` is not a principal: too short"
            raise PrincipalError(message)
        raw = data[_CHECKSUM_BYTES:]
        if zlib.crc32(raw) != int.from_bytes(data[:_CHECKSUM_BYTES], "big"):
            message = f"`{text}` is not a principal: its checksum does not match"
            raise PrincipalError(message)
        principal = cls(raw)
        if str(principal) != text:
            message = f"`{text}` is not written as principals are: expected `{principal}`"
            raise PrincipalError(message)
        return principal

    @classmethod
    def self_authenticating(cls, public_key_der: bytes) -> Self:
        """Return the principal of a DER-encoded public key."""
        return cls(hashlib.sha224(public_key_der).digest() + _SELF_AUTHENTICATING)

    def __str__(self) -> str:
        """Return the canonical text form, such as `rrkah-fqaaa-aaaaa-aaaaq-cai`."""
        data = zlib.crc32(self.raw).to_bytes(_CHECKSUM_BYTES, "big") + self.raw
        text = base64.b32encode(data).decode("ascii").lower().rstrip("=")
        return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))

    def __repr__(self) -> str:
        """Return a form that shows the text, not the bytes."""
        return f"Principal({str(self)!r})"


ANONYMOUS = Principal(b"\x04")
MANAGEMENT_CANISTER = Principal(b"")


def is_principal(text: str) -> bool:
    """Tell whether a text is a principal, written as principals are."""
    try:
        Principal.from_text(text)
    except PrincipalError:
        return False
    return True
