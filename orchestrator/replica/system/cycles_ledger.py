"""The cycles ledger: accounts of cycles, which turn into canisters and their balances.

Every cycle in an account is in the canister's own balance too.
Source: the cycles ledger's interface and behaviour (dfinity/cycles-ledger).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from orchestrator.candid import Variant
from orchestrator.core.principal import MANAGEMENT_CANISTER
from orchestrator.protocol import cbor
from orchestrator.replica import labeled_tree as tree
from orchestrator.replica.certified_state import encode_natural
from orchestrator.replica.system.accounts import SUBACCOUNT_BYTES, account_key, account_of_key
from orchestrator.replica.system.cycles_outflow import CyclesOutflow
from orchestrator.replica.system.icrc3 import block_value, value_hash
from orchestrator.replica.system.icrc_ledger import standard_url
from orchestrator.replica.system.native import NativeCall, NativeTrapError, query, update
from orchestrator.replica.system.records import LedgerBlock, LedgerTransaction
from orchestrator.replica.system.token_ledger import refused

__all__ = ["CyclesLedgerCode"]

MAX_BLOCKS_PER_REQUEST = 100
MAX_ALLOWANCES_PER_REQUEST = 500
_BLOCK_TYPES = {"1burn": "ICRC-1", "1mint": "ICRC-1", "2xfer": "ICRC-2", "2approve": "ICRC-2"}
_DENIED_ERROR_CODE = 100_001
"""The cycles ledger's own number for accounts of the management canister."""


class CyclesLedgerCode(CyclesOutflow):
    """The cycles ledger."""

    interface = "cycles_ledger"
    token_name, symbol, decimals, fee = "Trillion Cycles", "TCYCLES", 12, 100_000_000
    standards: ClassVar[tuple[str, ...]] = ("ICRC-1", "ICRC-2", "ICRC-3", "ICRC-10", "ICRC-103", "ICRC-106")

    def key(self, owner: bytes, subaccount: bytes | None) -> bytes:
        """Return the table key of an account."""
        return account_key(owner, subaccount)

    def block_hash(self, block: LedgerBlock) -> bytes:
        """Return the hash of a block as ICRC-3 has it."""
        return value_hash(block_value(block))

    def metadata(self) -> list[tuple[str, Variant]]:
        """Return what the ledger says of its token."""
        return [*super().metadata(), ("dfn:max_blocks_per_request", Variant("Nat", MAX_BLOCKS_PER_REQUEST))]

    def move(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Carry out a transfer, unless an account is the management canister's."""
        self._check_owners(transaction, "transactions")
        return super().move(call, transaction)

    def approve(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Let a spender take cycles, unless an account is the management canister's."""
        self._check_owners(transaction, "approvals")
        return super().approve(call, transaction)

    def certify_tip(self, call: NativeCall) -> None:
        """Certify the newest block."""
        call.certify(self._tip().digest)

    @update
    def deposit(self, call: NativeCall, argument: Mapping[str, Any]) -> dict[str, int]:
        """Put the cycles that came with the call into an account, less the fee."""
        amount = call.accept_cycles()
        if amount < self.fee:
            raise NativeTrapError(f"The requested amount {amount} to be deposited is less than the cycles ledger fee: {self.fee}")
        if amount == self.fee:
            raise NativeTrapError(f"Cannot deposit 0 cycles (amount: {amount}, cycles ledger fee: {self.fee})")
        account = self.account(argument["to"])
        transaction = LedgerTransaction(operation="mint", amount=amount - self.fee, receiver=account, fee=self.fee, memo=argument["memo"])
        self.check_new(transaction, call.now)
        index = self.mint(call, transaction)
        return {"balance": self.balance(account), "block_index": index}

    @query
    def icrc3_get_blocks(self, call: NativeCall, ranges: Sequence[Mapping[str, int]]) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return blocks by their numbers, so many that fit into an answer."""
        wanted: list[int] = []
        for part in ranges:
            end = min(len(self.blocks), part["start"] + part["length"])
            wanted.extend(range(part["start"], min(end, part["start"] + MAX_BLOCKS_PER_REQUEST - len(wanted))))
        blocks = [{"id": index, "block": block_value(self.blocks[index])} for index in wanted]
        return {"log_length": len(self.blocks), "blocks": blocks, "archived_blocks": []}

    @query
    def icrc3_get_archives(self, call: NativeCall, argument: Mapping[str, Any]) -> list[object]:  # noqa: ARG002 # the shape of every method
        """Return nothing: all blocks are here."""
        return []

    @query
    def icrc3_get_tip_certificate(self, call: NativeCall) -> dict[str, bytes] | None:
        """Return the proof of the newest block."""
        certificate = call.certificate()
        if certificate is None or not len(self.blocks):
            return None
        shown = tree.witness(self._tip(), [(b"last_block_hash",), (b"last_block_index",)])
        return {"certificate": certificate, "hash_tree": cbor.dumps(shown)}

    @query
    def icrc3_supported_block_types(self, call: NativeCall) -> list[dict[str, str]]:  # noqa: ARG002 # the shape of every method
        """Return the kinds of blocks."""
        return [{"block_type": name, "url": standard_url(standard)} for name, standard in _BLOCK_TYPES.items()]

    @query
    def icrc103_get_allowances(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant:
        """List what an account approved, and then what the owner's accounts after it did."""
        asked = argument["from_account"]
        account = self.own_account(call.caller, None) if asked is None else self.account(asked)
        after = None if argument["prev_spender"] is None else self.account(argument["prev_spender"])
        limit = min(MAX_ALLOWANCES_PER_REQUEST, MAX_ALLOWANCES_PER_REQUEST if argument["take"] is None else argument["take"])
        found = self.list_allowances(account, after, call.now, common=len(account) - SUBACCOUNT_BYTES)
        shown = [
            {
                "from_account": account_of_key(owner),
                "to_spender": account_of_key(spender),
                "allowance": allowance.amount,
                "expires_at": allowance.expires_at,
            }
            for owner, spender, allowance in found[:limit]
        ]
        return Variant("Ok", shown)

    @query
    def icrc106_get_index_principal(self, call: NativeCall) -> Variant:  # noqa: ARG002 # the shape of every method
        """Say that there is no index canister."""
        return Variant("Err", Variant("IndexPrincipalNotSet"))

    @staticmethod
    def _check_owners(transaction: LedgerTransaction, what: str) -> None:
        """Raise `RefusedError` if the management canister, which can have no account, takes part."""
        for key in (transaction.sender, transaction.receiver, transaction.spender):
            if key is not None and account_of_key(key)["owner"] == MANAGEMENT_CANISTER:
                message = f"Owner of the account {MANAGEMENT_CANISTER} cannot be part of {what}"
                raise refused("GenericError", error_code=_DENIED_ERROR_CODE, message=message)

    def _tip(self) -> tree.Tree:
        tip = self.tip_hash()
        if tip is None:
            return tree.EMPTY
        return tree.from_mapping({b"last_block_hash": tip, b"last_block_index": encode_natural(len(self.blocks) - 1)})
