"""What native canisters remember: plain, frozen records that a checkpoint keeps.

Accounts are bytes here, as `accounts` makes them; amounts are in a token's smallest unit, times in nanoseconds.
"""

from dataclasses import dataclass

__all__ = [
    "Allowance",
    "LedgerBlock",
    "LedgerTransaction",
    "Notification",
    "PendingBurn",
    "PendingCall",
    "PendingNotification",
    "PendingReturn",
    "Seen",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCall:
    """What waits for the end of a native canister's call: a continuation, the method it answers, and what it needs."""

    continuation: str
    method: str
    data: object


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTransaction:
    """What somebody asked a ledger to do: `mint`, `burn`, `xfer` or `approve`.

    `fee` is what the transaction itself says about it; `memo` is ICRC-1's, `number_memo` the ICP ledger's own.
    """

    operation: str
    amount: int
    sender: bytes | None = None
    receiver: bytes | None = None
    spender: bytes | None = None
    fee: int | None = None
    memo: bytes | None = None
    number_memo: int = 0
    created_at: int | None = None
    expected_allowance: int | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBlock:
    """A transaction as it happened; `fee` is what it cost where the transaction does not say."""

    transaction: LedgerTransaction
    timestamp: int
    parent_hash: bytes | None
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a spender may still take from an account, and until when (None: for ever)."""

    amount: int
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A transaction that must not happen twice: its block, when it was made, and the canister it created."""

    block_index: int
    created_at: int
    canister_id: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingBurn:
    """Cycles that have left an account for a canister: what to give back if they do not arrive.

    `expires_at` is the end of the allowance that was used, if it had one.
    """

    transaction: LedgerTransaction
    block_index: int
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNotification:
    """A payment to the minting canister while it is worked on.

    `purpose` is the method's name, `argument` the encoded one; `payer` and `amount` come from the block.
    """

    purpose: str
    argument: bytes
    caller: bytes
    block_index: int
    subaccount: bytes
    payer: bytes = b""
    amount: int = 0
    cycles: int = 0
    result: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReturn:
    """Cycles that came for a new canister, whom to give them back if there is none, and then why."""

    receiver: bytes
    cycles: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """A payment that was told of: for what, and the encoded answer (empty while it is worked on)."""

    purpose: str
    answer: bytes = b""
