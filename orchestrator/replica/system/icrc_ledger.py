"""The methods of ICRC-1 and ICRC-2, on top of a ledger's book.

Source: the ICRC-1, ICRC-2 and ICRC-10 standards; what the standards leave open is as the cycles ledger does it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from orchestrator.candid import Variant
from orchestrator.replica.system.accounts import SUBACCOUNT_BYTES
from orchestrator.replica.system.native import NativeCall, NativeTrapError, query, update
from orchestrator.replica.system.records import LedgerTransaction
from orchestrator.replica.system.token_ledger import MAX_MEMO_BYTES, TokenLedger, answer

__all__ = ["IcrcLedger", "standard_url"]

_STANDARDS = "https://github.com/dfinity/ICRC-1/tree/main/standards"
_LATER_STANDARDS = "https://github.com/dfinity/ICRC/blob/main/ICRCs"
_FIRST_STANDARDS = frozenset({"ICRC-1", "ICRC-2", "ICRC-3"})


class IcrcLedger(TokenLedger):
    """A ledger that speaks ICRC-1 and ICRC-2. Subclasses make keys of accounts."""

    token_name: ClassVar[str]
    symbol: ClassVar[str]
    decimals: ClassVar[int]
    largest: ClassVar[int] = 2**128 - 1
    """The largest amount that there can be."""
    standards: ClassVar[tuple[str, ...]] = ("ICRC-1", "ICRC-2", "ICRC-10")

    def key(self, owner: bytes, subaccount: bytes | None) -> bytes:
        """Return the table key of an account."""
        raise NotImplementedError

    def account(self, value: Mapping[str, Any]) -> bytes:
        """Return the table key of a Candid account; traps when its subaccount has a wrong length."""
        return self.own_account(value["owner"].raw, value["subaccount"])

    def own_account(self, owner: bytes, subaccount: bytes | None) -> bytes:
        """Return the table key of an owner's account; traps when the subaccount has a wrong length."""
        if subaccount is not None and len(subaccount) != SUBACCOUNT_BYTES:
            raise NativeTrapError(f"a subaccount has {SUBACCOUNT_BYTES} bytes, not {len(subaccount)}")
        return self.key(owner, subaccount)

    def move(self, call: NativeCall, transaction: LedgerTransaction) -> int:
        """Carry out a transfer."""
        return self.transfer(call, transaction)

    def minting_account(self) -> dict[str, object] | None:
        """Return the account that tokens come from, if there is one."""
        return None

    def metadata(self) -> list[tuple[str, Variant]]:
        """Return what the ledger says of its token."""
        return [
            ("icrc1:decimals", Variant("Nat", self.decimals)),
            ("icrc1:name", Variant("Text", self.token_name)),
            ("icrc1:symbol", Variant("Text", self.symbol)),
            ("icrc1:fee", Variant("Nat", self.fee)),
            ("icrc1:max_memo_length", Variant("Nat", MAX_MEMO_BYTES)),
        ]

    @query
    def icrc1_name(self, call: NativeCall) -> str:  # noqa: ARG002 # the shape of every method
        """Return the token's name."""
        return self.token_name

    @query
    def icrc1_symbol(self, call: NativeCall) -> str:  # noqa: ARG002 # the shape of every method
        """Return the token's symbol."""
        return self.symbol

    @query
    def icrc1_decimals(self, call: NativeCall) -> int:  # noqa: ARG002 # the shape of every method
        """Return how many decimals the token has."""
        return self.decimals

    @query
    def icrc1_fee(self, call: NativeCall) -> int:  # noqa: ARG002 # the shape of every method
        """Return what a transfer costs."""
        return self.fee

    @query
    def icrc1_metadata(self, call: NativeCall) -> list[tuple[str, Variant]]:  # noqa: ARG002 # the shape of every method
        """Return the metadata."""
        return self.metadata()

    @query
    def icrc1_minting_account(self, call: NativeCall) -> dict[str, object] | None:  # noqa: ARG002 # the shape of every method
        """Return the minting account."""
        return self.minting_account()

    @query
    def icrc1_total_supply(self, call: NativeCall) -> int:  # noqa: ARG002 # the shape of every method
        """Return the sum of all balances."""
        return self.total_supply()

    @query
    def icrc1_supported_standards(self, call: NativeCall) -> list[dict[str, str]]:  # noqa: ARG002 # the shape of every method
        """Return the standards that the ledger follows."""
        return [{"name": name, "url": standard_url(name)} for name in self.standards]

    @query
    def icrc10_supported_standards(self, call: NativeCall) -> list[dict[str, str]]:  # noqa: ARG002 # the shape of every method
        """Return the same, as the standard about standards asks for it."""
        return [{"name": name, "url": standard_url(name)} for name in self.standards]

    @query
    def icrc1_balance_of(self, call: NativeCall, account: Mapping[str, Any]) -> int:  # noqa: ARG002 # the shape of every method
        """Return what an account holds."""
        return self.balance(self.account(account))

    @update
    def icrc1_transfer(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant:
        """Move the caller's tokens."""
        sender = self.own_account(call.caller, argument["from_subaccount"])
        return answer(lambda: self.move(call, self._transfer(sender, None, argument)))

    @update
    def icrc2_transfer_from(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant:
        """Move tokens of somebody who approved the caller."""
        spender = self.own_account(call.caller, argument["spender_subaccount"])
        return answer(lambda: self.move(call, self._transfer(self.account(argument["from"]), spender, argument)))

    @update
    def icrc2_approve(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant:
        """Let somebody take the caller's tokens."""
        if argument["spender"]["owner"].raw == call.caller:
            raise NativeTrapError("self approval is not allowed")
        transaction = LedgerTransaction(
            operation="approve",
            amount=min(argument["amount"], self.largest),
            sender=self.own_account(call.caller, argument["from_subaccount"]),
            spender=self.account(argument["spender"]),
            fee=argument["fee"],
            memo=argument["memo"],
            created_at=argument["created_at_time"],
            expected_allowance=argument["expected_allowance"],
            expires_at=argument["expires_at"],
        )
        return answer(lambda: self.approve(call, transaction))

    @query
    def icrc2_allowance(self, call: NativeCall, argument: Mapping[str, Any]) -> dict[str, object]:
        """Return what a spender may take."""
        found = self.allowance(self.account(argument["account"]), self.account(argument["spender"]), call.now)
        return {"allowance": found.amount, "expires_at": found.expires_at}

    def _transfer(self, sender: bytes, spender: bytes | None, argument: Mapping[str, Any]) -> LedgerTransaction:
        return LedgerTransaction(
            operation="xfer",
            amount=argument["amount"],
            sender=sender,
            receiver=self.account(argument["to"]),
            spender=spender,
            fee=argument["fee"],
            memo=argument["memo"],
            created_at=argument["created_at_time"],
        )


def standard_url(name: str) -> str:
    """Return where a standard can be read."""
    return f"{_STANDARDS}/{name}" if name in _FIRST_STANDARDS else f"{_LATER_STANDARDS}/{name}/{name}.md"
