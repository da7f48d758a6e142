"""One message while it runs: what it may see, what it has done so far, and the checks on everything it passes in."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.replica.vm.interface import Callback, CanisterView, Message, MessageKind, Outcome, OutgoingCall, Trap
from orchestrator.replica.vm.limits import DEFAULT_MAX_LOG_BYTES, MAX_LOG_LINES
from orchestrator.replica.vm.stable import StableMemory

__all__ = [
    "Execution",
    "Fuel",
    "Globals",
    "GuestTrapError",
    "MainMemory",
    "PendingCall",
    "called_trap",
    "contract_violation",
    "interrupted",
    "trapped",
]

SYSTEM_CALL_INSTRUCTIONS = 500
"""What a call of the system API counts for, in instructions."""

SETTLE_INSTRUCTIONS = 1_000_000
"""Instructions of the system API that may add up before the engine's counter learns of them."""


_VALUES = {
    "msg_caller_copy": "id",
    "canister_self_copy": "id",
    "subnet_self_copy": "id",
    "msg_reject_msg_copy": "msg",
    "env_var_name_copy": "name",
    "env_var_value_copy": "value",
}
"""What the reference calls the value that a function copies, where it is not the payload."""


class GuestTrapError(Exception):
    """Ends the running message; the canister is to blame."""

    def __init__(self, message: str, error_code: str) -> None:
        super().__init__(message)
        self.trap = Trap(message, error_code)


def trapped(reason: str) -> GuestTrapError:
    """Make the trap of an operation that WebAssembly or the system API refuses."""
    return GuestTrapError(f"Canister trapped: {reason}", "IC0502")


def called_trap(message: str) -> GuestTrapError:
    """Make the trap of a canister that asked for it."""
    return GuestTrapError(f"Canister called `ic0.trap` with message: '{message}'", "IC0503")


def contract_violation(reason: str) -> GuestTrapError:
    """Make the trap of a use of the system API that its contract forbids."""
    return GuestTrapError(f"Canister violated contract: {reason}", "IC0504")


def instruction_limit_exceeded(limit: int) -> GuestTrapError:
    """Make the trap of a message that ran for too long."""
    return GuestTrapError(f"Canister exceeded the limit of {limit} instructions for single message execution.", "IC0522")


def interrupted() -> GuestTrapError:
    """Make the trap of a message that was ended from outside."""
    return GuestTrapError("Canister was interrupted: the message took too long, or the network is stopping.", "IC0522")


class MainMemory(Protocol):
    """A canister's main memory as the host reads and writes it; offsets are checked by the caller."""

    def size(self) -> int:
        """Return the size in bytes."""
        ...

    def address(self) -> int:
        """Return where the memory starts."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Copy bytes out."""
        ...

    def write(self, offset: int, data: bytes) -> None:
        """Copy bytes in."""
        ...


class Globals(Protocol):
    """A canister's mutable globals as the host saves and restores them: one block, 16 bytes each."""

    def read(self) -> bytes:
        """Return the values."""
        ...

    def write(self, values: bytes) -> None:
        """Set the values to what `read` returned."""
        ...


class Fuel(Protocol):
    """The engine's instruction counter, which counts down (`wasmtime.Store`)."""

    def get_fuel(self) -> int:
        """Return how many instructions are left."""
        ...

    def set_fuel(self, fuel: int) -> None:
        """Set how many instructions are left."""
        ...


@dataclass(slots=True, kw_only=True)
class PendingCall:
    """A call under construction, between `call_new` and `call_perform`."""

    callee: bytes
    method: str
    on_reply: Callback
    on_reject: Callback
    on_cleanup: Callback | None = None
    timeout_seconds: int | None = None
    arg: bytearray = field(default_factory=bytearray)
    cycles: int = 0

    def finish(self, *, fee: int = 0, reserved: int = 0) -> OutgoingCall:
        """Return the call as it goes out."""
        return OutgoingCall(
            callee=self.callee,
            method=self.method,
            arg=bytes(self.arg),
            cycles=self.cycles,
            on_reply=self.on_reply,
            on_reject=self.on_reject,
            on_cleanup=self.on_cleanup,
            timeout_seconds=self.timeout_seconds,
            fee=fee,
            reserved=reserved,
        )


class Execution:
    """The state of a running message. `due` are instructions of the system API that the engine has not counted yet.

    `calling` is the function of the system API that was called last, `calls_to` the number of calls by callee.
    """

    __slots__ = (
        "_fuel",
        "_limit",
        "_log_bytes",
        "_memory",
        "available",
        "balance_change",
        "calling",
        "calls_to",
        "certificate",
        "due",
        "kind",
        "logs",
        "message",
        "outcome",
        "pending_call",
        "reply",
        "responded",
        "stable",
        "view",
    )

    def __init__(
        self, message: Message, view: CanisterView, *, memory: MainMemory | None, stable: StableMemory, fuel: Fuel, limit: int
    ) -> None:
        self.message = message
        self.view = view
        self.kind: MessageKind = message.kind
        self.stable = stable
        self.outcome = Outcome()
        self.reply = bytearray()
        self.responded = message.responded
        self.pending_call: PendingCall | None = None
        self.available = 0 if message.responded else message.cycles_available
        self.balance_change = 0
        self.certificate: bytes | None = None
        self.due = 0
        self.calling = ""
        self.calls_to: Counter[bytes] = Counter()
        self.logs: deque[bytes] = deque()
        self._log_bytes = 0
        self._memory = memory
        self._fuel = fuel
        self._limit = limit

    def check(self, offset: int, length: int) -> None:
        """Trap when a range of main memory lies outside, before anything costly is done for it."""
        if self._memory is None or offset + length > self._memory.size():
            raise trapped("heap out of bounds")

    def read(self, offset: int, length: int, what: str = "") -> bytes:
        """Copy bytes out of main memory; traps when the range lies outside. `what` is what the reference calls the range."""
        memory = self._memory
        if memory is None or offset + length > memory.size():
            raise self._outside(what or f"ic0.{self.calling}", offset, length)
        self.due += length
        return memory.read(offset, length)

    def write(self, offset: int, data: bytes) -> None:
        """Copy bytes into main memory; traps when the range lies outside."""
        memory = self._memory
        if memory is None or offset + len(data) > memory.size():
            raise self._outside(f"ic0.{self.calling} heap", offset, len(data))
        self.due += len(data)
        memory.write(offset, data)

    def copy(self, source: bytes, destination: int, offset: int, length: int) -> None:
        """Copy a part of a value into main memory, as the `*_copy` functions do; traps outside of either."""
        memory = self._memory
        if memory is None or destination + length > memory.size():
            raise self._outside(f"ic0.{self.calling} heap", destination, length)
        if offset + length > len(source):
            raise _outside(f"ic0.{self.calling} {_VALUES.get(self.calling, 'payload')}", offset, length, len(source))
        self.write(destination, source[offset : offset + length])

    def write_u128(self, offset: int, value: int) -> None:
        """Write a 128-bit number, little-endian, into main memory."""
        memory = self._memory
        size = 0 if memory is None else memory.size()
        if offset + 16 > size:
            raise contract_violation(
                f"ic0_{self.calling} failed because dst + size is out of bounds. Found dst = {offset} and size = 16 while must be <= {size}"
            )
        self.write(offset, value.to_bytes(16, "little"))

    def _outside(self, what: str, offset: int, length: int) -> GuestTrapError:
        return _outside(what, offset, length, 0 if self._memory is None else self._memory.size())

    def text(self, offset: int, length: int, what: str) -> str:
        """Read text out of main memory; traps when it is not UTF-8."""
        try:
            return self.read(offset, length).decode()
        except UnicodeDecodeError as error:
            raise contract_violation(f"{what} is not valid UTF-8") from error

    def log(self, line: bytes) -> None:
        """Add a line to the canister's log, dropping the oldest when it grows too large."""
        self.logs.append(line)
        self._log_bytes += len(line)
        while self._log_bytes > DEFAULT_MAX_LOG_BYTES or len(self.logs) > MAX_LOG_LINES:
            self._log_bytes -= len(self.logs.popleft())

    def balance(self) -> int:
        """Return the cycles that the canister has at this point of the message."""
        return self.view.cycles + self.balance_change

    def liquid_balance(self) -> int:
        """Return the part of the balance that may be spent."""
        return max(0, self.balance() - self.view.frozen_cycles)

    def instructions(self) -> int:
        """Return how many instructions the message has executed so far."""
        return min(self._limit, self._limit - self._fuel.get_fuel() + self.due)

    def settle(self) -> None:
        """Let the engine's counter know of the instructions of the system API."""
        left = self._fuel.get_fuel() - self.due
        self.due = 0
        self._fuel.set_fuel(max(0, left))
        if left < 0:
            raise instruction_limit_exceeded(self._limit)

    def drop_pending_call(self) -> None:
        """Forget the call under construction and take its cycles back."""
        if self.pending_call is not None:
            self.balance_change += self.pending_call.cycles
            self.pending_call = None

    def finish(self, trap: Trap | None) -> Outcome:
        """Close the books and return what the message did."""
        outcome = self.outcome
        self.drop_pending_call()
        outcome.trap = trap
        outcome.balance_change = self.balance_change
        outcome.instructions = self.instructions()
        outcome.logs = list(self.logs)
        return outcome


def _outside(what: str, offset: int, length: int, size: int) -> GuestTrapError:
    """Make the trap of a range that is not within what it is said to be a part of, in the reference's words."""
    return contract_violation(f"{what}: src={offset} + length={length} exceeds the slice size={size}")
