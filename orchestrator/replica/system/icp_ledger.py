"""The ICP ledger: ICRC-1 and ICRC-2, and the older methods whose accounts are identifiers.

Blocks have the interface's shape; their hashes are this network's own.
Source: the ICP ledger's interface (dfinity/ic, `rs/ledger_suite/icp`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.system.accounts import identifier, is_identifier
from orchestrator.replica.system.icrc_ledger import IcrcLedger
from orchestrator.replica.system.ids import GOVERNANCE_ID
from orchestrator.replica.system.native import NO_CONTENT, NativeCall, NativeTrapError, TableContent, query, query_as, update, update_as
from orchestrator.replica.system.records import LedgerBlock, LedgerTransaction
from orchestrator.replica.system.tables import Table
from orchestrator.replica.system.token_ledger import TRANSACTION_WINDOW_NS, RefusedError, answer, refused

__all__ = ["MAX_BLOCKS_PER_REQUEST", "IcpLedgerCode"]

MAX_BLOCKS_PER_REQUEST = 2000
MAX_ALLOWANCES_PER_REQUEST = 500
_MINTING_ACCOUNT = identifier(GOVERNANCE_ID)


class IcpLedgerCode(IcrcLedger):
    """The ICP ledger; the keys of its tables are account identifiers."""

    interface = "icp_ledger"
    token_name, symbol, decimals, fee = "Internet Computer", "ICP", 8, 10_000
    largest, permitted_lateness_ns = 2**64 - 1, 0

    def __init__(self, content: TableContent = NO_CONTENT) -> None:
        super().__init__(content)
        self.seeded: Table[bytes, int] = self.table("seeded")
        """The principals that have been given their first funds, and when."""

    def key(self, owner: bytes, subaccount: bytes | None) -> bytes:
        """Return the identifier of an account."""
        return identifier(owner, subaccount)

    def minting_account(self) -> dict[str, object] | None:
        """Return the account that ICP comes from and is burned to."""
        return {"owner": Principal(GOVERNANCE_ID), "subaccount": None}

    def certify_tip(self, call: NativeCall) -> None:
        """Certify the newest block's hash."""
        call.certify(self.tip_hash() or b"")

    def move(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Carry out a transfer; one to the minting account burns, one from it mints, and neither costs a fee."""
        if transaction.amount > self.largest:
            raise refused("InsufficientFunds", balance=self.balance(transaction.sender or b""))
        if transaction.receiver == _MINTING_ACCOUNT:
            return self._burn(call, transaction)
        if transaction.sender == _MINTING_ACCOUNT:
            return self._mint(call, transaction)
        self.check_fee(transaction.fee, self.fee)
        return self.transfer(call, replace(transaction, fee=self.fee))

    def approve(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Let a spender take ICP, but for that of the minting account; it is the same whether it names its fee or not."""
        if transaction.sender == _MINTING_ACCOUNT:
            raise NativeTrapError("the minting account cannot delegate mints")
        self.check_fee(transaction.fee, self.fee)
        return super().approve(call, replace(transaction, fee=self.fee))

    @update_as("transfer")
    def transfer_to_identifier(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant:
        """Move the caller's ICP to the account of an identifier."""
        if not is_identifier(argument["to"]):
            raise NativeTrapError("Invalid account identifier")
        return answer(lambda: self._send(call, argument, argument["to"]))

    @update
    def send_dfx(self, call: NativeCall, argument: Mapping[str, Any]) -> int:
        """Move ICP to an identifier in hexadecimal; traps instead of answering with an error."""
        try:
            return self._send(call, argument, _parse_identifier(argument["to"]))
        except RefusedError as error:
            raise NativeTrapError(f"{error.error.label}: {error.error.value}") from error

    @update
    def remove_approval(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant:
        """Let a spender take nothing any more."""
        transaction = LedgerTransaction(
            operation="approve",
            amount=0,
            sender=self.own_account(call.caller, argument["from_subaccount"]),
            spender=argument["spender"],
            fee=argument["fee"],
        )
        return answer(lambda: self.approve(call, transaction))

    @query
    def account_balance(self, call: NativeCall, argument: Mapping[str, bytes]) -> dict[str, int]:  # noqa: ARG002 # the shape of every method
        """Return what an identifier's account holds."""
        return _tokens(self.balance(argument["account"]))

    @query
    def account_balance_dfx(self, call: NativeCall, argument: Mapping[str, str]) -> dict[str, int]:  # noqa: ARG002 # the shape of every method
        """Return what the account of an identifier in hexadecimal holds."""
        return _tokens(self.balance(_parse_identifier(argument["account"])))

    @query
    def account_identifier(self, call: NativeCall, argument: Mapping[str, Any]) -> bytes:  # noqa: ARG002 # the shape of every method
        """Return the identifier of an account."""
        return self.account(argument)

    @query
    def transfer_fee(self, call: NativeCall, argument: object) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return what a transfer costs."""
        return {"transfer_fee": _tokens(self.fee)}

    @query
    def query_blocks(self, call: NativeCall, argument: Mapping[str, int]) -> dict[str, object]:
        """Return a range of blocks, cut to what fits into an answer."""
        start = argument["start"]
        end = min(len(self.blocks), start + min(argument["length"], MAX_BLOCKS_PER_REQUEST))
        return {
            "chain_length": len(self.blocks),
            "certificate": call.certificate(),
            "blocks": [_block(self.blocks[index], self.fee) for index in range(start, end)],
            "first_block_index": start,
            "archived_blocks": [],
        }

    @query
    def tip_of_chain(self, call: NativeCall) -> dict[str, object]:
        """Return the newest block's number and its proof."""
        if not len(self.blocks):
            raise NativeTrapError("there are no blocks")
        return {"certification": call.certificate(), "tip_index": len(self.blocks) - 1}

    @query
    def get_allowances(self, call: NativeCall, argument: Mapping[str, Any]) -> list[dict[str, object]]:
        """List what an account approved."""
        account = _parse_identifier(argument["from_account_id"])
        after = None if argument["prev_spender_id"] is None else _parse_identifier(argument["prev_spender_id"])
        limit = MAX_ALLOWANCES_PER_REQUEST if argument["take"] is None else min(argument["take"], MAX_ALLOWANCES_PER_REQUEST)
        found = self.list_allowances(account, after, call.now, common=len(account))
        return [
            {
                "from_account_id": account.hex(),
                "to_spender_id": spender.hex(),
                "allowance": _tokens(allowance.amount),
                "expires_at": allowance.expires_at,
            }
            for _, spender, allowance in found[:limit]
        ]

    @query_as("name")
    def older_name(self, call: NativeCall) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return the token's name."""
        return {"name": self.token_name}

    @query_as("symbol")
    def older_symbol(self, call: NativeCall) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return the token's symbol."""
        return {"symbol": self.symbol}

    @query_as("decimals")
    def older_decimals(self, call: NativeCall) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return how many decimals the token has."""
        return {"decimals": self.decimals}

    @query
    def archives(self, call: NativeCall) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return nothing: all blocks are here."""
        return {"archives": []}

    @query
    def is_ledger_ready(self, call: NativeCall) -> bool:  # noqa: ARG002 # the shape of every method
        """Say yes."""
        return True

    def _mint(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Make ICP; nobody does that for the minting account, and there is never more than fits into an amount."""
        if transaction.spender is not None:
            raise NativeTrapError("the minter account cannot delegate mints")
        self.check_fee(transaction.fee, 0)
        minted = _as(transaction, "mint")
        self.check_new(minted, call.now)
        if self.total_supply() + minted.amount > self.largest:
            raise NativeTrapError("total token supply exceeded")
        return self.mint(call, minted)

    def _burn(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        self.check_fee(transaction.fee, 0)
        sender, amount = transaction.sender or b"", transaction.amount
        smallest = min(self.fee, self.balance(sender))
        if amount < smallest or not amount:
            raise refused("BadBurn", min_burn_amount=smallest or self.fee)
        burned = _as(transaction, "burn")
        self.check_new(burned, call.now)
        self.use_allowance(sender, transaction.spender, amount, call.now, check_only=True)
        self.check_funds(sender, amount)
        self.use_allowance(sender, transaction.spender, amount, call.now)
        self.debit(sender, amount)
        return self.record(call, burned)

    def _send(self, call: NativeCall, argument: Mapping[str, Any], receiver: bytes) -> int:
        created = argument["created_at_time"]
        transaction = LedgerTransaction(
            operation="xfer",
            amount=argument["amount"]["e8s"],
            sender=self.own_account(call.caller, argument["from_subaccount"]),
            receiver=receiver,
            fee=argument["fee"]["e8s"],
            number_memo=argument["memo"],
            created_at=None if created is None else created["timestamp_nanos"],
        )
        try:
            return self.move(call, transaction)
        except RefusedError as error:
            raise RefusedError(_older_error(error.error)) from error


def _as(transaction: LedgerTransaction, operation: str) -> LedgerTransaction:
    """Return a transfer as the minting or burning that it is."""
    minting = operation == "mint"
    sender, receiver = (None, transaction.receiver) if minting else (transaction.sender, None)
    return replace(transaction, operation=operation, sender=sender, receiver=receiver, fee=None)


def _older_error(error: Variant) -> Variant:
    """Return an ICRC-1 error as the older methods name it; traps for those that they lack."""
    fields: Any = error.value
    if error.label in {"BadFee", "InsufficientFunds"}:
        return Variant(error.label, {name: _tokens(value) for name, value in fields.items()})
    if error.label == "TooOld":
        return Variant("TxTooOld", {"allowed_window_nanos": TRANSACTION_WINDOW_NS})
    if error.label == "CreatedInFuture":
        return Variant("TxCreatedInFuture")
    if error.label == "Duplicate":
        return Variant("TxDuplicate", fields)
    raise NativeTrapError(f"{error.label}: {fields}")


def _parse_identifier(text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if not is_identifier(data):
        raise NativeTrapError(f"Invalid account identifier: {text}")
    return data


def _tokens(amount: int) -> dict[str, int]:
    return {"e8s": amount}


def _optional(value: int | None, field: str) -> dict[str, int] | None:
    return None if value is None else {field: value}


def _block(block: LedgerBlock, fee: int) -> dict[str, object]:
    transaction = block.transaction
    created = block.timestamp if transaction.created_at is None else transaction.created_at
    return {
        "parent_hash": block.parent_hash,
        "timestamp": {"timestamp_nanos": block.timestamp},
        "transaction": {
            "memo": transaction.number_memo,
            "icrc1_memo": transaction.memo,
            "operation": _operation(transaction, fee),
            "created_at_time": {"timestamp_nanos": created},
        },
    }


def _operation(transaction: LedgerTransaction, fee: int) -> Variant:
    amount = _tokens(transaction.amount)
    sender, receiver, spender = transaction.sender or b"", transaction.receiver or b"", transaction.spender
    if transaction.operation == "mint":
        return Variant("Mint", {"to": receiver, "amount": amount})
    if transaction.operation == "burn":
        return Variant("Burn", {"from": sender, "spender": spender, "amount": amount})
    if transaction.operation == "xfer":
        return Variant("Transfer", {"from": sender, "to": receiver, "amount": amount, "fee": _tokens(fee), "spender": spender})
    return Variant(
        "Approve",
        {
            "from": sender,
            "spender": spender or b"",
            "allowance_e8s": transaction.amount,
            "allowance": amount,
            "fee": _tokens(fee),
            "expires_at": _optional(transaction.expires_at, "timestamp_nanos"),
            "expected_allowance": _optional(transaction.expected_allowance, "e8s"),
        },
    )
