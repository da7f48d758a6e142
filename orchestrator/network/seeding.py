"""Give the user's identities ICP and cycles on networks where the anonymous identity has plenty of both, as icp-cli does.

PocketIC's features `icp_token` and `cycles_token` fund the anonymous identity; images have to (icp-cli's contract).
Source of the amounts: icp-cli, `crates/icp/src/network/managed/run.rs` (commit 0335217).
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from orchestrator.core.principal import Principal
from orchestrator.errors import OrchestratorError
from orchestrator.network.access import NetworkAccess

if TYPE_CHECKING:
    from orchestrator.agent.client import Client

__all__ = ["CYCLES_AMOUNT", "ICP_AMOUNT", "SEED_SECONDS", "seed_accounts"]

ICP_AMOUNT = 1_000_000 * 100_000_000
"""What an identity is given, in e8s: a million ICP."""
CYCLES_AMOUNT = 1_000_000_000_000_000
"""What an identity is given, in cycles: a thousand trillion."""
SEED_SECONDS = 60.0
"""How long giving may take; a network without ledgers is a network all the same."""
_ICP_LEDGER = Principal.from_text("ryjl3-tyaaa-aaaaa-aaaba-cai")
_CYCLES_LEDGER = Principal.from_text("um5iw-rqaaa-aaaaq-qaaba-cai")
_LOG = logging.getLogger(__name__)


async def seed_accounts(
    access: NetworkAccess, accounts: Sequence[str], *, icp: int = ICP_AMOUNT, cycles: int = CYCLES_AMOUNT, seconds: float = SEED_SECONDS
) -> int:
    """Give every account that has nothing its part, and return how many transfers were made.

    What cannot be given is logged: nothing that this tool does needs it.
    """
    from orchestrator.agent.client import Client
    from orchestrator.agent.transport import HttpTransport

    given = 0
    with anyio.move_on_after(seconds):
        async with HttpTransport(access.api_url) as transport:
            client = Client(transport, None, access.root_key)
            for ledger, amount in ((_ICP_LEDGER, icp), (_CYCLES_LEDGER, cycles)):
                for account in accounts:
                    try:
                        given += await _give(client, ledger, Principal.from_text(account), amount)
                    except OrchestratorError as error:
                        _LOG.info("ledger %s of network %s gives %s nothing: %s", ledger, access.name, account, error.summary)
                        break
    return given


async def _give(client: "Client", ledger: Principal, owner: Principal, amount: int) -> bool:
    """Transfer from the anonymous account to one that is empty; return whether that was done."""
    from orchestrator.candid import decode, encode, load_interface

    service = load_interface("icp_ledger" if ledger == _ICP_LEDGER else "cycles_ledger").service
    if service is None:
        return False
    account = {"owner": owner, "subaccount": None}
    balance = service.methods["icrc1_balance_of"]
    reply = await client.query(ledger, "icrc1_balance_of", encode(balance.arguments, [account]))
    if decode(reply, balance.results)[0]:
        return False
    transfer = service.methods["icrc1_transfer"]
    wanted = {"from_subaccount": None, "to": account, "amount": amount, "fee": None, "memo": None, "created_at_time": None}
    answer = decode(await client.update(ledger, "icrc1_transfer", encode(transfer.arguments, [wanted])), transfer.results)[0]
    if getattr(answer, "label", None) == "Ok":
        return True
    _LOG.info("ledger %s gives %s nothing: %s", ledger, owner, answer)
    return False
