"""The cycles ledger: how canisters are made on the mainnet, paid from the caller's own cycles.

A creation carries the time it was first asked for. The ledger remembers those for a day: the same creation again is
answered with the canister it made, so that a run that lost the answer may ask once more.
Source: the cycles ledger's interface (DFINITY, `cycles-ledger.did`) and ICRC-1's rules of deduplication.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestrator.agent.senders import QuerySender, UpdateSender
from orchestrator.agent.values import CanisterSettings
from orchestrator.agent.wire_values import settings_record
from orchestrator.candid import Interface, Variant, decode, encode, parse_interface
from orchestrator.core.principal import Principal
from orchestrator.errors import AgentError

__all__ = ["CREATION_SETTINGS", "CYCLES_LEDGER", "INSUFFICIENT_CYCLES", "CreatedCanister", "CyclesLedger", "read_creation"]

INSUFFICIENT_CYCLES = "agent/insufficient-cycles"
"""The slug of the error that says that the account has too few cycles."""
CYCLES_LEDGER = Principal.from_text("um5iw-rqaaa-aaaaq-qaaba-cai")

_INTERFACE = """
type settings = record {
  controllers : opt vec principal;
  compute_allocation : opt nat;
  memory_allocation : opt nat;
  freezing_threshold : opt nat;
  reserved_cycles_limit : opt nat;
};
type subnet_selection = variant {
  Subnet : record { subnet : principal };
  Filter : record { subnet_type : opt text };
};
type create_canister_args = record {
  from_subaccount : opt blob;
  created_at_time : opt nat64;
  amount : nat;
  creation_args : opt record { subnet_selection : opt subnet_selection; settings : opt settings };
};
type create_canister_error = variant {
  InsufficientFunds : record { balance : nat };
  TooOld;
  CreatedInFuture : record { ledger_time : nat64 };
  TemporarilyUnavailable;
  Duplicate : record { duplicate_of : nat; canister_id : opt principal };
  FailedToCreate : record { fee_block : opt nat; refund_block : opt nat; error : text };
  GenericError : record { message : text; error_code : nat };
};
type account = record { owner : principal; subaccount : opt blob };
service : {
  create_canister : (create_canister_args) -> (variant {
    Ok : record { block_id : nat; canister_id : principal };
    Err : create_canister_error;
  });
  icrc1_balance_of : (account) -> (nat) query;
};
"""
CREATION_SETTINGS = frozenset({"controllers", "compute_allocation", "memory_allocation", "freezing_threshold", "reserved_cycles_limit"})
"""The settings that the ledger takes with a creation; it ignores all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedCanister:
    """A canister that the ledger made; `duplicate` when an earlier call with the same time had made it."""

    canister_id: Principal
    block_index: int
    duplicate: bool = False


@cache
def _interface() -> Interface:
    return parse_interface(_INTERFACE)


def _method(name: str) -> Any:
    service = _interface().service
    if service is None:
        raise AgentError("the interface of the cycles ledger has no service")
    return service.methods[name]


class CyclesLedger:
    """Calls of the cycles ledger as one identity. Raises what `Client.update` raises, and `AgentError`s of its own."""

    def __init__(self, sender: UpdateSender, reader: QuerySender, canister_id: Principal = CYCLES_LEDGER) -> None:
        self._sender = sender
        self._reader = reader
        self._canister_id = canister_id

    async def create_canister(
        self, *, cycles: int, created_at_ns: int, settings: CanisterSettings | None = None, subnet_id: Principal | None = None
    ) -> CreatedCanister:
        """Create a canister with cycles from the caller's account.

        `created_at_ns` is when the creation was decided: write it down first, and give the same value, cycles,
        settings and subnet again to ask again. Settings that a creation does not take are left to `update_settings`.
        """
        wanted = settings_record(settings or CanisterSettings())
        selection = None if subnet_id is None else Variant("Subnet", {"subnet": subnet_id})
        creation = {"subnet_selection": selection, "settings": {name: wanted[name] for name in wanted if name in CREATION_SETTINGS}}
        record = {"from_subaccount": None, "created_at_time": created_at_ns, "amount": cycles, "creation_args": creation}
        reply = await self._sender.update(self._canister_id, "create_canister", encode(_method("create_canister").arguments, [record]))
        return read_creation(reply)

    async def fetch_balance(self, owner: Principal) -> int:
        """Return the cycles of an owner's default account."""
        data = encode(_method("icrc1_balance_of").arguments, [{"owner": owner, "subaccount": None}])
        balance: Any = decode(await self._reader.query(self._canister_id, "icrc1_balance_of", data), _method("icrc1_balance_of").results)[0]
        return int(balance)


def read_creation(reply: bytes) -> CreatedCanister:
    """Read the ledger's reply to a creation; a duplicate names the canister that the first call made."""
    answer: Any = decode(reply, _method("create_canister").results)[0]
    fields: Any = answer.value
    if answer.label == "Ok":
        return CreatedCanister(canister_id=fields["canister_id"], block_index=fields["block_id"])
    if fields.label == "Duplicate" and fields.value["canister_id"] is not None:
        return CreatedCanister(canister_id=fields.value["canister_id"], block_index=fields.value["duplicate_of"], duplicate=True)
    raise _describe(fields)


def _describe(error: Variant) -> AgentError:
    fields: Any = error.value
    known = {
        "InsufficientFunds": ("insufficient cycles", "mint or buy cycles, or ask for fewer with `--cycles`"),
        "TemporarilyUnavailable": ("the cycles ledger is temporarily unavailable", "try again later"),
        "Duplicate": ("the cycles ledger has seen this creation, and does not say which canister it made", "look at the ledger's block"),
        "TooOld": ("the creation was decided more than a day ago", "check the ledger's blocks for the canister, then create it anew"),
        "CreatedInFuture": ("the creation's time is in the future", "set this machine's clock"),
        "FailedToCreate": ("the canister was not created", "the cycles were refunded, minus a fee"),
    }
    summary, hint = known.get(str(error.label), ("the cycles ledger refused", None))
    detail = ", ".join(f"{name} {value}" for name, value in fields.items()) if isinstance(fields, dict) else None
    slug = INSUFFICIENT_CYCLES if error.label == "InsufficientFunds" else "agent/cycles-ledger"
    return AgentError(f"failed to create canister: {summary}", slug=slug, detail=detail, hint=hint)
