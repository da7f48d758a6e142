"""What the two ledgers share: balances, allowances, blocks, and the rules of ICRC-1 and ICRC-2.

Source: the ICRC-1 and ICRC-2 standards. Transactions with a `created_at_time` are remembered for a day, and are
refused as duplicates when they come again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from orchestrator.candid import Variant
from orchestrator.replica.limits import NANOSECONDS
from orchestrator.replica.storage import codec
from orchestrator.replica.system.native import NO_CONTENT, NativeCall, NativeCode, NativeTrapError, TableContent
from orchestrator.replica.system.records import Allowance, LedgerBlock, LedgerTransaction, Seen
from orchestrator.replica.system.tables import Table

__all__ = ["MAX_MEMO_BYTES", "PERMITTED_DRIFT_NS", "TRANSACTION_WINDOW_NS", "RefusedError", "TokenLedger", "answer", "refused"]

MAX_MEMO_BYTES = 32
PERMITTED_DRIFT_NS = 60 * NANOSECONDS
"""How far a transaction's time may be ahead of the ledger's."""
TRANSACTION_WINDOW_NS = 24 * 3600 * NANOSECONDS
"""How old a transaction may be, and how long it is remembered."""
_LENGTH_BYTES = 2


class RefusedError(Exception):
    """Raised to answer with an error of the interface; nothing has changed when it is."""

    def __init__(self, error: Variant, *, seen: Seen | None = None) -> None:
        """Keep the error, and for a duplicate what was there before."""
        super().__init__(str(error.label))
        self.error = error
        self.seen = seen


def refused(label: str, **fields: object) -> RefusedError:
    """Make the error of a label, with its fields."""
    return RefusedError(Variant(label, fields or None))


class TokenLedger(NativeCode):
    """The book of one token. Accounts are bytes; subclasses know what they stand for."""

    fee: ClassVar[int]
    """What a transfer or an approval costs, in the smallest unit."""
    permitted_lateness_ns: ClassVar[int] = PERMITTED_DRIFT_NS
    """How much older than the window a transaction may be."""

    def __init__(self, content: TableContent = NO_CONTENT) -> None:
        super().__init__(content)
        self.balances: Table[bytes, int] = self.table("balances")
        self.allowances: Table[bytes, Allowance] = self.table("allowances")
        self.blocks: Table[int, LedgerBlock] = self.table("blocks")
        self.seen: Table[bytes, Seen] = self.table("seen")
        self._hashed: tuple[LedgerBlock, bytes] | None = None

    def block_hash(self, block: LedgerBlock) -> bytes:
        """Return the hash that the next block names."""
        return hashlib.sha256(codec.dump_part(block)).digest()

    def tip_hash(self) -> bytes | None:
        """Return the hash of the newest block, or None when there is none."""
        tip = self.blocks.get(len(self.blocks) - 1)
        if tip is None:
            return None
        if self._hashed is None or self._hashed[0] is not tip:
            self._hashed = (tip, self.block_hash(tip))
        return self._hashed[1]

    def certify_tip(self, call: NativeCall) -> None:
        """Certify the newest block; ledgers that do, say how."""

    def balance(self, account: bytes) -> int:
        """Return what an account holds."""
        return self.balances.get(account) or 0

    def total_supply(self) -> int:
        """Return what all accounts hold together."""
        return sum(amount for _, amount in self.balances.items())

    def allowance(self, account: bytes, spender: bytes, now: int) -> Allowance:
        """Return what a spender may take now."""
        found = self.allowances.get(_pair(account, spender))
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return Allowance(0)
        return found

    def list_allowances(self, account: bytes, after: bytes | None, now: int, *, common: int) -> list[tuple[bytes, bytes, Allowance]]:
        """Return which accounts let whom take what now, in order: those that begin with the same `common` bytes, from an account on.

        With `after` the list begins behind the account's allowance for that spender.
        """
        first, prefix = _pair(account, after or b""), _pair(account, b"")[: _LENGTH_BYTES + common]
        pairs = [_split(key) for key in sorted(self.allowances) if key.startswith(prefix) and key > first]
        found = [(owner, spender, self.allowance(owner, spender, now)) for owner, spender in pairs]
        return [entry for entry in found if entry[2].amount]

    def set_allowance(self, account: bytes, spender: bytes, allowance: Allowance) -> None:
        """Let a spender take so much; nothing is forgotten."""
        if allowance.amount:
            self.allowances[_pair(account, spender)] = allowance
        else:
            self.allowances.pop(_pair(account, spender))

    def credit(self, account: bytes, amount: int) -> None:
        """Add to an account; one that gets nothing is not remembered."""
        if amount:
            self.balances[account] = self.balance(account) + amount

    def debit(self, account: bytes, amount: int) -> None:
        """Take from an account that has so much; an empty account is forgotten."""
        rest = self.balance(account) - amount
        if rest < 0:
            raise NativeTrapError("an account cannot go below zero")
        if rest:
            self.balances[account] = rest
        else:
            self.balances.pop(account)

    def check_fee(self, given: int | None, expected: int) -> None:
        """Raise `RefusedError` for a fee that is given and wrong."""
        if given is not None and given != expected:
            raise refused("BadFee", expected_fee=expected)

    def check_new(self, transaction: LedgerTransaction, now: int) -> None:
        """Raise `RefusedError` for a transaction that is too old, from the future, or was there before."""
        if transaction.memo is not None and len(transaction.memo) > MAX_MEMO_BYTES:
            raise NativeTrapError(f"the memo field is too large: {len(transaction.memo)} bytes, at most {MAX_MEMO_BYTES} are allowed")
        created = transaction.created_at
        if created is None:
            return
        if created + TRANSACTION_WINDOW_NS + self.permitted_lateness_ns < now:
            raise RefusedError(Variant("TooOld"))
        if created > now + PERMITTED_DRIFT_NS:
            raise refused("CreatedInFuture", ledger_time=now)
        before = self.seen.get(_transaction_hash(transaction))
        if before is not None:
            raise RefusedError(Variant("Duplicate", {"duplicate_of": before.block_index}), seen=before)

    def check_funds(self, account: bytes, amount: int) -> None:
        """Raise `RefusedError` unless an account has so much."""
        balance = self.balance(account)
        if balance < amount:
            raise refused("InsufficientFunds", balance=balance)

    def use_allowance(self, account: bytes, spender: bytes | None, amount: int, now: int, *, check_only: bool = False) -> Allowance | None:
        """Take from what a spender may, and return what it was; None where the account's owner spends.

        Raises `RefusedError` when the allowance is too small; `check_only` takes nothing.
        """
        if spender is None or spender == account:
            return None
        allowance = self.allowance(account, spender, now)
        if allowance.amount < amount:
            raise refused("InsufficientAllowance", allowance=allowance.amount)
        if not check_only:
            self.set_allowance(account, spender, replace(allowance, amount=allowance.amount - amount))
        return allowance

    def record(self, call: NativeCall, transaction: LedgerTransaction, *, fee: int | None = None) -> int:
        """Write a block and return its number."""
        index, parent = len(self.blocks), self.tip_hash()
        self.blocks[index] = LedgerBlock(transaction=transaction, timestamp=call.now, parent_hash=parent, fee=fee)
        if transaction.created_at is not None:
            self.seen[_transaction_hash(transaction)] = Seen(index, transaction.created_at)
        self._forget_old(call.now)
        self.certify_tip(call)
        return index

    def remember_canister(self, transaction: LedgerTransaction, canister_id: bytes) -> None:
        """Note which canister a transaction made, for those who ask again."""
        key = _transaction_hash(transaction)
        before = self.seen.get(key)
        if before is not None:
            self.seen[key] = replace(before, canister_id=canister_id)

    def transfer(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Move tokens between two accounts, and return the block's number; raises `RefusedError`."""
        sender, receiver = transaction.sender or b"", transaction.receiver or b""
        self.check_fee(transaction.fee, self.fee)
        self.check_new(transaction, call.now)
        cost = transaction.amount + self.fee
        self.use_allowance(sender, transaction.spender, cost, call.now, check_only=True)
        self.check_funds(sender, cost)
        self.use_allowance(sender, transaction.spender, cost, call.now)
        self.debit(sender, cost)
        self.credit(receiver, transaction.amount)
        return self.record(call, transaction, fee=self.fee if transaction.fee is None else None)

    def approve(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Let a spender take tokens, and return the block's number; raises `RefusedError`."""
        account, spender = transaction.sender or b"", transaction.spender or b""
        self.check_fee(transaction.fee, self.fee)
        self.check_new(transaction, call.now)
        current = self.allowance(account, spender, call.now).amount
        if transaction.expected_allowance is not None and transaction.expected_allowance != current:
            raise refused("AllowanceChanged", current_allowance=current)
        if transaction.expires_at is not None and transaction.expires_at <= call.now:
            raise refused("Expired", ledger_time=call.now)
        self.check_funds(account, self.fee)
        self.set_allowance(account, spender, Allowance(transaction.amount, transaction.expires_at))
        self.debit(account, self.fee)
        return self.record(call, transaction, fee=self.fee if transaction.fee is None else None)

    def mint(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Give an account new tokens, and return the block's number."""
        self.credit(transaction.receiver or b"", transaction.amount)
        return self.record(call, transaction, fee=0)

    def _forget_old(self, now: int) -> None:
        """Forget the transactions that are too old to come again."""
        while (key := next(iter(self.seen), None)) is not None:
            if self.seen[key].created_at + TRANSACTION_WINDOW_NS + PERMITTED_DRIFT_NS >= now:
                return
            self.seen.pop(key)


def answer(work: Callable[[], object]) -> Variant:
    """Run what returns a result or raises `RefusedError`, and return it as `Ok` or `Err`."""
    try:
        return Variant("Ok", work())
    except RefusedError as error:
        return Variant("Err", error.error)


def _pair(account: bytes, spender: bytes) -> bytes:
    return len(account).to_bytes(_LENGTH_BYTES, "big") + account + spender


def _split(pair: bytes) -> tuple[bytes, bytes]:
    end = _LENGTH_BYTES + int.from_bytes(pair[:_LENGTH_BYTES], "big")
    return pair[_LENGTH_BYTES:end], pair[end:]


def _transaction_hash(transaction: LedgerTransaction) -> bytes:
    return hashlib.sha256(codec.dump_part(transaction)).digest()
