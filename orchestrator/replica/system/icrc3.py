"""The cycles ledger's blocks as ICRC-3 shows them, and their hashes.

Source: the ICRC-3 standard, sections "Value" and "Interaction with other standards".
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.certified_state import encode_natural
from orchestrator.replica.system.accounts import account_of_key
from orchestrator.replica.system.records import LedgerBlock, LedgerTransaction

__all__ = ["block_value", "value_hash"]


def block_value(block: LedgerBlock) -> Variant:
    """Return a block as an ICRC-3 value."""
    entries: dict[str, Variant | None] = {
        "fee": _natural(block.fee),
        "phash": _blob(block.parent_hash),
        "ts": _natural(block.timestamp),
        "tx": _transaction(block.transaction),
    }
    return _map(entries)


def _transaction(transaction: LedgerTransaction) -> Variant:
    entries: dict[str, Variant | None] = {
        "amt": _natural(transaction.amount),
        "expected_allowance": _natural(transaction.expected_allowance),
        "expires_at": _natural(transaction.expires_at),
        "fee": _natural(transaction.fee),
        "from": _account(transaction.sender),
        "memo": _blob(transaction.memo),
        "op": Variant("Text", transaction.operation),
        "spender": _account(transaction.spender),
        "to": _account(transaction.receiver),
        "ts": _natural(transaction.created_at),
    }
    return _map(entries)


def _natural(value: int | None) -> Variant | None:
    return None if value is None else Variant("Nat", value)


def _blob(value: bytes | None) -> Variant | None:
    return None if value is None else Variant("Blob", value)


def _account(key: bytes | None) -> Variant | None:
    if key is None:
        return None
    account = account_of_key(key)
    owner, subaccount = account["owner"], account["subaccount"]
    parts = [owner.raw if isinstance(owner, Principal) else b""]
    if isinstance(subaccount, bytes):
        parts.append(subaccount)
    return Variant("Array", [Variant("Blob", part) for part in parts])


def _map(entries: Mapping[str, Variant | None]) -> Variant:
    return Variant("Map", [(name, value) for name, value in sorted(entries.items()) if value is not None])


def value_hash(value: Variant) -> bytes:
    """Return the representation-independent hash of a value."""
    content: Any = value.value
    if value.label in {"Nat", "Nat64"}:
        return hashlib.sha256(encode_natural(content)).digest()
    if value.label == "Text":
        return hashlib.sha256(content.encode()).digest()
    if value.label == "Blob":
        return hashlib.sha256(content).digest()
    if value.label == "Array":
        return hashlib.sha256(b"".join(value_hash(item) for item in content)).digest()
    pairs = sorted((hashlib.sha256(name.encode()).digest(), value_hash(item)) for name, item in content)
    return hashlib.sha256(b"".join(name + item for name, item in pairs)).digest()
