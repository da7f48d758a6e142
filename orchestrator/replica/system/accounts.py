"""Accounts of ledgers: an owner and a subaccount, as ICRC-1 writes them and as the ICP ledger's identifiers.

Source: the ICRC-1 standard, section "Account", and the ICP ledger's documentation of account identifiers.
"""

import hashlib
import zlib

from orchestrator.core.principal import Principal

__all__ = ["SUBACCOUNT_BYTES", "account_key", "account_of_key", "identifier", "is_identifier", "principal_subaccount", "subaccount_of"]

SUBACCOUNT_BYTES = 32
IDENTIFIER_BYTES = 32
_CHECKSUM_BYTES = 4
_DOMAIN = b"\x0aaccount-id"


def account_key(owner: bytes, subaccount: bytes | None = None) -> bytes:
    """Return an account as the key of a table; no subaccount and the one of zeros are the same account."""
    return bytes([len(owner)]) + owner + (subaccount or bytes(SUBACCOUNT_BYTES))


def account_of_key(key: bytes) -> dict[str, object]:
    """Return the account of a key as Candid has it."""
    owner, subaccount = key[1 : 1 + key[0]], key[1 + key[0] :]
    return {"owner": Principal(owner), "subaccount": subaccount if any(subaccount) else None}


def identifier(owner: bytes, subaccount: bytes | None = None) -> bytes:
    """Return the 32 bytes that the ICP ledger knows an account by: a checksum and a hash."""
    digest = hashlib.sha224(_DOMAIN + owner + (subaccount or bytes(SUBACCOUNT_BYTES))).digest()
    return zlib.crc32(digest).to_bytes(_CHECKSUM_BYTES, "big") + digest


def is_identifier(data: bytes) -> bool:
    """Say if bytes are an account identifier with a right checksum."""
    body = data[_CHECKSUM_BYTES:]
    return len(data) == IDENTIFIER_BYTES and zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big") == data[:_CHECKSUM_BYTES]


def principal_subaccount(principal: bytes) -> bytes:
    """Return the subaccount that stands for a principal: its length, its bytes, zeros."""
    return (bytes([len(principal)]) + principal).ljust(SUBACCOUNT_BYTES, b"\x00")


def subaccount_of(account: object) -> bytes | None:
    """Return the subaccount of a Candid account."""
    value = account.get("subaccount") if isinstance(account, dict) else None
    return value if isinstance(value, bytes) else None
