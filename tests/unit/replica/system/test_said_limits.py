"""What the documentation says of the system canisters' numbers is what holds."""

from pathlib import Path

import pytest

from orchestrator.replica import control_accounts
from orchestrator.replica.limits import NANOSECONDS
from orchestrator.replica.system import cycles_ledger, cycles_minting, icp_ledger, installing, minting_payments, token_ledger

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "embedded-network.md"
HOUR_NS = 3600 * NANOSECONDS
SAID = {
    "ICP that an identity gets": f"{installing.ICP_PER_ACCOUNT // 10**8:,}",
    "cycles that an identity gets": f"{installing.CYCLES_PER_ACCOUNT:,}",
    "fee of the ICP ledger": f"{icp_ledger.IcpLedgerCode.fee:,} e8s",
    "fee of the cycles ledger": f"{cycles_ledger.CyclesLedgerCode.fee:,} cycles",
    "how long a ledger remembers a transaction with a time": f"{token_ledger.TRANSACTION_WINDOW_NS // HOUR_NS} hours",
    "how far a transaction's time may be ahead": f"{token_ledger.PERMITTED_DRIFT_NS // NANOSECONDS} seconds",
    "memo of a transaction": f"{token_ledger.MAX_MEMO_BYTES} bytes",
    "blocks in an answer of the cycles ledger": f"{cycles_ledger.MAX_BLOCKS_PER_REQUEST}",
    "blocks in an answer of the ICP ledger": f"{icp_ledger.MAX_BLOCKS_PER_REQUEST:,}",
    "allowances in an answer": f"{cycles_ledger.MAX_ALLOWANCES_PER_REQUEST}",
    "cycles below which the minting canister creates nothing": f"{cycles_minting.MIN_CREATION_CYCLES:,}",
    "principals that `/accounts` takes at once": f"{control_accounts.MAX_ACCOUNTS:,}",
}


@pytest.mark.parametrize("what", SAID)
def test_the_page_tells_what_holds(what: str) -> None:
    """Every row of the table has the number of the code."""
    assert f"| {what} | {SAID[what]} |" in PAGE.read_text(encoding="utf-8")


def test_the_page_tells_the_price_of_icp() -> None:
    """The price and what it makes of an ICP are the code's."""
    said = PAGE.read_text(encoding="utf-8").replace("\n", " ")

    assert f"fixed price of {minting_payments.XDR_PERMYRIAD_PER_ICP / 10_000:g} XDR" in said
    assert icp_ledger.MAX_ALLOWANCES_PER_REQUEST == cycles_ledger.MAX_ALLOWANCES_PER_REQUEST
