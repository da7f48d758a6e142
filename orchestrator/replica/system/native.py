"""Canisters written in Python: code that the network runs as it runs WebAssembly.

A native canister is an `Instance` like any other to the scheduler, queries and certification: it runs one message
at a time, its state stays uncommitted until then, its calls go through the queue, and what raises undoes all.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, cast

from orchestrator.candid import decode, encode, load_interface
from orchestrator.candid import types as T  # the name that Candid's types go by
from orchestrator.candid.interfaces import load_interface_text
from orchestrator.errors import CandidError
from orchestrator.replica.storage import codec
from orchestrator.replica.system.records import PendingCall
from orchestrator.replica.system.stored_entries import Numbers, StoredEntries, read_entries
from orchestrator.replica.system.tables import Table
from orchestrator.replica.vm.interface import (
    Callback,
    CanisterView,
    Changes,
    Instance,
    InvalidModuleError,
    Mark,
    Message,
    MessageKind,
    Module,
    ModuleInfo,
    Outcome,
    OutgoingCall,
    Reject,
    Reply,
    SavedState,
    Section,
    Trap,
)

__all__ = [
    "NO_CONTENT",
    "PENDING",
    "STATE_FILE",
    "CallResult",
    "Failure",
    "NativeCall",
    "NativeCode",
    "NativeInstance",
    "NativeRejectError",
    "NativeTrapError",
    "TableContent",
    "continuation",
    "query",
    "query_as",
    "update",
    "update_as",
]

_UPDATE, _QUERY = "canister_update ", "canister_query "
_ON_REPLY, _ON_REJECT, _ON_CLEANUP = 0, 1, 2
_TRAPPED = "IC0503"
STATE_FILE = "entries.cbor"
"""What `save` writes."""
_INSPECT = "canister_inspect_message"


TableContent = Mapping[str, Sequence[tuple[Any, bytes]]]
"""The entries of tables by name, as `Table.pack` returns them."""
NO_CONTENT: TableContent = MappingProxyType({})


class NativeTrapError(Exception):
    """Raised by native code to end its message as a trap does: everything that it did is undone."""


class NativeRejectError(Exception):
    """Raised by native code to reject the call; what it did before stays."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a method returns whose answer comes from a continuation."""


PENDING = Pending()


@dataclass(frozen=True, slots=True)
class Failure:
    """A call of a native canister that was rejected: reject code and text."""

    code: int
    message: str


CallResult = bytes | Failure
"""How a call of a native canister ended: with these bytes, or not."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A function of native code; `kind` is the prefix of its export, empty for a continuation."""

    kind: str
    name: str
    function: Callable[..., object]


def update(function: Callable[..., object]) -> Entry:
    """Mark an update method: it takes the call and the decoded arguments, and returns the value to reply with."""
    return Entry(_UPDATE, function.__name__, function)


def query(function: Callable[..., object]) -> Entry:
    """Mark a query method."""
    return Entry(_QUERY, function.__name__, function)


def update_as(name: str) -> Callable[[Callable[..., object]], Entry]:
    """Mark an update method whose name is taken in Python."""
    return lambda function: Entry(_UPDATE, name, function)


def query_as(name: str) -> Callable[[Callable[..., object]], Entry]:
    """Mark a query method whose name is taken in Python."""
    return lambda function: Entry(_QUERY, name, function)


def continuation(function: Callable[..., object]) -> Entry:
    """Mark what runs when a call ends: it takes the call, the data left for it, and the `CallResult`."""
    return Entry("", function.__name__, function)


class NativeCall:
    """One message while it runs: who sent it and with what, and what it does beyond the tables."""

    def __init__(self, code: "NativeCode", message: Message, view: CanisterView, method: str) -> None:
        self.view = view
        self.outcome = Outcome()
        self.now = message.now
        self.caller = message.caller
        self.message = message
        self.method = method
        self._code = code

    @property
    def liquid_cycles(self) -> int:
        """How many cycles the canister can attach to calls now."""
        return max(0, self.view.cycles + self.outcome.balance_change - self.view.frozen_cycles)

    def accept_cycles(self) -> int:
        """Accept all cycles that came with the call, and return how many."""
        amount = self.message.cycles_available - self.outcome.cycles_accepted
        self.outcome.cycles_accepted += amount
        self.outcome.balance_change += amount
        return amount

    def mint_cycles(self, amount: int) -> None:
        """Make cycles from nothing."""
        self.outcome.balance_change += amount

    def certify(self, data: bytes) -> None:
        """Set the canister's certified data."""
        self.outcome.certified_data = data

    def certificate(self) -> bytes | None:
        """Return the certificate of the certified data; there is one in a user's query only."""
        return self.message.data_certificate() if self.message.data_certificate is not None else None

    def send(
        self, callee: bytes, method: str, arg: bytes, *, then: str, data: object = None, cycles: int = 0, timeout_seconds: int | None = None
    ) -> Pending:
        """Call another canister; the continuation `then` runs at its end, with `data`. Traps without the cycles for it."""
        if cycles > self.liquid_cycles:
            raise NativeTrapError(f"insufficient liquid cycles balance, available: {self.liquid_cycles}, required: {cycles}")
        self.outcome.balance_change -= cycles
        number = self._code.leave(PendingCall(continuation=then, method=self.method, data=data))
        self.outcome.calls.append(
            OutgoingCall(
                callee=callee,
                method=method,
                arg=arg,
                cycles=cycles,
                on_reply=Callback(_ON_REPLY, number),
                on_reject=Callback(_ON_REJECT, number),
                on_cleanup=Callback(_ON_CLEANUP, number),
                timeout_seconds=timeout_seconds,
            )
        )
        return PENDING


class NativeCode:
    """The code and the tables of a native canister. Subclasses say what their interface is and have marked methods."""

    interface: ClassVar[str]
    """The name of the packaged interface, and what stands for the canister's module on disk."""
    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, content: TableContent = NO_CONTENT) -> None:
        """Take what the tables held; those that are not known any more are forgotten."""
        self._content = content
        self.tables: dict[str, Table[Any, Any]] = {}
        self.pending: Table[int, PendingCall] = self.table("pending")
        self._numbers: Table[str, int] = self.table("numbers")

    def __init_subclass__(cls) -> None:
        """Collect the marked methods, those of base classes too."""
        found = (vars(base) for base in reversed(cls.__mro__))
        cls.entries = {value.name: value for members in found for value in members.values() if isinstance(value, Entry)}

    def table(self, name: str) -> Table[Any, Any]:
        """Make a table that is kept under this name."""
        self.tables[name] = Table(self._content.get(name, ()))
        return self.tables[name]

    def leave(self, pending: PendingCall) -> int:
        """Keep what waits for a call's end, and return its number."""
        number = self._numbers.get("next") or 1
        self._numbers["next"] = number + 1
        self.pending[number] = pending
        return number

    def inspect(self, call: NativeCall) -> bool:  # noqa: ARG002 # subclasses look at the call
        """Say if a user's update call is let in."""
        return True

    def certified_data(self) -> bytes:
        """Return the certified data of a new canister."""
        return b""

    @classmethod
    def wasm(cls) -> bytes:
        """Return what stands for the module's bytes; nobody can install it."""
        return f"native canister {cls.interface}".encode()

    @classmethod
    def module_hash(cls) -> bytes:
        """Return the fixed hash of the module that is none."""
        return hashlib.sha256(cls.wasm()).digest()

    @classmethod
    def signatures(cls) -> Mapping[str, T.Function]:
        """Return the methods of the interface."""
        service = load_interface(cls.interface).service
        return service.methods if service is not None else {}


class NativeModule:
    """What native code declares; implements `Module`."""

    def __init__(self, code: type[NativeCode]) -> None:
        self._code = code

    @cached_property
    def info(self) -> ModuleInfo:
        """Return the exports and the interface."""
        exports = {entry.kind + name for name, entry in self._code.entries.items() if entry.kind}
        if self._code.inspect is not NativeCode.inspect:
            exports.add(_INSPECT)
        interface = Section(public=True, content=load_interface_text(self._code.interface).encode())
        return ModuleInfo(exports=frozenset(exports), metadata={"candid:service": interface}, has_start=False, memory64=False)


class NativeInstance:
    """Native code with its tables; implements `Instance`."""

    def __init__(self, code: NativeCode, numbers: Numbers | None = None) -> None:
        """Take the code, with tables in which everything is committed, and the numbers of the entries on the disk."""
        self.code = code
        self._module = NativeModule(type(code))
        self._stored = StoredEntries(code.tables, numbers)

    @property
    def module(self) -> Module:
        """Return the module."""
        return self._module

    @property
    def memory_bytes(self) -> int:
        """Return nothing: tables are not the canister's memory."""
        return 0

    @property
    def stable_bytes(self) -> int:
        """Return nothing."""
        return 0

    def run(self, entry: str | Callback, message: Message, canister: CanisterView) -> Outcome:
        """Run a method, a continuation or the inspection of a message."""
        pending: PendingCall | None = None
        if not isinstance(entry, str):
            pending = self.code.pending.pop(entry.environment)
            if pending is None or entry.function == _ON_CLEANUP:
                return Outcome()
        call = NativeCall(self.code, message, canister, message.method if pending is None else pending.method)
        try:
            if pending is not None:
                _run_continuation(self.code, call, pending)
            elif entry == _INSPECT:
                call.outcome.accepted = self.code.inspect(call)
            else:
                _run_method(self.code, call)
        except NativeTrapError as error:
            return Outcome(trap=Trap(f"Canister called `ic0.trap` with message: '{error}'", _TRAPPED))
        except NativeRejectError as error:
            call.outcome.response = Reject(str(error))
        return call.outcome

    def commit(self) -> None:
        """Keep the changes of all tables."""
        for table in self.code.tables.values():
            table.commit()

    def rollback(self) -> None:
        """Undo the changes of all tables."""
        for table in self.code.tables.values():
            table.rollback()

    def fork(self) -> Instance:
        """Copy what was committed."""
        return NativeInstance(type(self.code)({name: table.pack() for name, table in self.code.tables.items()}))

    def save(self, directory: Path) -> None:
        """Write what was committed."""
        (directory / STATE_FILE).write_bytes(codec.dump(self._stored.everything()))

    def mark(self) -> Mark:
        """Remember nothing: native queries write nothing and call nobody."""
        return Mark(memory_size=0, memory=(), stable_size=0, stable={}, globals=b"")

    def return_to(self, mark: Mark) -> None:  # noqa: ARG002 # nothing was written since
        """Undo what has been written."""
        self.rollback()

    def capture(self) -> SavedState:
        """Refuse: there are no snapshots of native canisters."""
        raise InvalidModuleError("a system canister has no snapshots")

    def collect(self, *, whole: bool, max_bytes: int) -> Changes | None:
        """Return the entries of tables that have changed, or all, where others have their memory."""
        entries = self._stored.everything() if whole else self._stored.changes()
        if entries is None or sum(map(len, entries.values())) > max_bytes:
            return None
        self.settle()
        return Changes(is_whole=whole, memory_size=0, memory=entries, stable_size=0, stable={}, globals=b"")

    def settle(self) -> None:
        """Take the entries for saved."""
        self._stored.settle()

    def close(self) -> None:
        """Do nothing: there is no memory to give back."""

    @classmethod
    def restore(cls, code: type[NativeCode], entries: Mapping[int, bytes]) -> "NativeInstance":
        """Make an instance of what `collect` returned as memory; raises `ReplicaError` when it cannot be read."""
        content, numbers = read_entries(entries)
        return cls(code(content), numbers)

    @classmethod
    def restore_whole(cls, code: type[NativeCode], state: bytes) -> "NativeInstance":
        """Make an instance of tables that were saved as a whole, as was done once; the next time everything is saved."""
        return cls(code(cast("TableContent", codec.load(state))))


def _run_method(code: NativeCode, call: NativeCall) -> None:
    try:
        values = decode(call.message.arg, code.signatures()[call.method].arguments)
    except CandidError as error:
        raise NativeTrapError(f"failed to decode call arguments: {error.summary}") from error
    _reply(code, call, code.entries[call.method].function(code, call, *values))


def _run_continuation(code: NativeCode, call: NativeCall, pending: PendingCall) -> None:
    message = call.message
    replied = message.kind is MessageKind.REPLY_CALLBACK
    result: CallResult = message.arg if replied else Failure(message.reject_code, message.reject_message)
    _reply(code, call, code.entries[pending.continuation].function(code, call, pending.data, result))


def _reply(code: NativeCode, call: NativeCall, value: object) -> None:
    if isinstance(value, Pending):
        return
    results = code.signatures()[call.method].results
    call.outcome.response = Reply(encode(results, [value] if results else []))
