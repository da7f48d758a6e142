"""What executes canister code, seen from outside: the seam between the scheduler and the virtual machine.

A `Machine` loads modules and makes instances; an `Instance` runs one message at a time and keeps its
effects on memory, globals and stable memory uncommitted until `commit` or `rollback` is called. Effects
on anything else (calls, cycles, certified data, the timer) are only described in the `Outcome`: the
caller applies them, or forgets them.

Bytes stand for principals here, times are nanoseconds since 1970, cycles are plain integers.
Source: the IC interface specification, section "The canister system API".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from orchestrator.replica.vm.pages import Pages

__all__ = [
    "GLOBAL_BYTES",
    "START",
    "Callback",
    "CanisterView",
    "Changes",
    "Instance",
    "InvalidModuleError",
    "Machine",
    "Mark",
    "Message",
    "MessageKind",
    "Module",
    "ModuleInfo",
    "Outcome",
    "OutgoingCall",
    "Reject",
    "Reply",
    "SavedState",
    "Section",
    "Trap",
]

GLOBAL_BYTES = 16
"""Size of a global in a `SavedState`, in bytes."""

START = "(start)"
"""The entry that `Instance.run` takes for the start function of a module whose `info.has_start` is true."""


class MessageKind(StrEnum):
    """Why a canister runs; decides which system API functions it may call."""

    START = "start"
    INIT = "init"
    PRE_UPGRADE = "pre_upgrade"
    POST_UPGRADE = "post_upgrade"
    INSPECT_MESSAGE = "inspect_message"
    UPDATE = "update"
    REPLICATED_QUERY = "replicated_query"
    QUERY = "query"
    COMPOSITE_QUERY = "composite_query"
    REPLY_CALLBACK = "reply_callback"
    REJECT_CALLBACK = "reject_callback"
    COMPOSITE_REPLY_CALLBACK = "composite_reply_callback"
    COMPOSITE_REJECT_CALLBACK = "composite_reject_callback"
    CLEANUP = "cleanup"
    COMPOSITE_CLEANUP = "composite_cleanup"
    SYSTEM_TASK = "system_task"
    TRANSFORM = "transform"


@dataclass(frozen=True, slots=True)
class Callback:
    """A function of the canister's table and the value it is called with."""

    function: int
    environment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterView:
    """What a canister can learn about itself while a message runs; `cycles` is its balance before it.

    `frozen_cycles` is the part of the balance that it must not spend (the freezing threshold), `global_timer` the
    time in nanoseconds at which its timer fires (0: not set), `wasm_memory_limit` the setting in bytes (0: none).
    Performing a call takes `call_fee`, `call_byte_fee` for each byte of method name and argument, and sets
    `response_reserve` aside for the response. `open_calls` has the number of its calls that wait for an answer, by callee.
    """

    id: bytes
    controllers: frozenset[bytes]
    cycles: int
    status: int = 1
    version: int = 0
    subnet_id: bytes = b""
    root_key: bytes = b""
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    frozen_cycles: int = 0
    global_timer: int = 0
    wasm_memory_limit: int = 0
    call_fee: int = 0
    call_byte_fee: int = 0
    response_reserve: int = 0
    open_calls: Mapping[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to run. `responded` is true when its call context has been answered already.

    `context_instructions` counts what earlier messages of the same call context executed. `caller_info_data` and
    `caller_info_signer` come with a canister signature that carries them.
    """

    kind: MessageKind
    now: int
    caller: bytes = b"\x04"
    arg: bytes = b""
    method: str = ""
    reject_code: int = 0
    reject_message: str = ""
    cycles_available: int = 0
    cycles_refunded: int = 0
    deadline: int = 0
    responded: bool = False
    data_certificate: Callable[[], bytes] | None = None
    context_instructions: int = 0
    caller_info_data: bytes = b""
    caller_info_signer: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """The canister answered with these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Reject:
    """The canister rejected the call with this text."""

    message: str


@dataclass(frozen=True, slots=True)
class Trap:
    """Execution ended abnormally; `error_code` is the reference's `IC0…` code."""

    message: str
    error_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingCall:
    """A call that the canister performed; `timeout_seconds` is set for bounded-wait calls.

    `fee` has left the balance; `reserved` of it is for the response, and what that does not need comes back.
    """

    callee: bytes
    method: str
    arg: bytes
    cycles: int
    on_reply: Callback
    on_reject: Callback
    on_cleanup: Callback | None = None
    timeout_seconds: int | None = None
    fee: int = 0
    reserved: int = 0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one message did, beyond memory.

    With `trap` set everything else but `instructions` and `logs` is to be ignored. `balance_change` is
    the sum of accepted cycles, less those attached to `calls`, the fees of these, and `burned`. `cycles_accepted` is taken from
    the call's available cycles. `certified_data` and `global_timer` are None when not set.
    """

    trap: Trap | None = None
    response: Reply | Reject | None = None
    calls: list[OutgoingCall] = field(default_factory=list)
    cycles_accepted: int = 0
    balance_change: int = 0
    burned: int = 0
    certified_data: bytes | None = None
    global_timer: int | None = None
    accepted: bool = False
    instructions: int = 0
    logs: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Section:
    """An `icp:` custom section: metadata of the canister."""

    public: bool
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """What a module declares: export names, metadata sections by name, and its shape.

    `globals` has the types (`i32`, `i64`, `f32`, `f64`, `v128`) of the globals that are exported, as they are, and then
    of the other mutable ones: those of `SavedState`.
    """

    exports: frozenset[str]
    metadata: Mapping[str, Section]
    has_start: bool
    memory64: bool
    globals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """What an instance has written, apart from it: 16 bytes, little-endian, for each of the module's `globals`."""

    memory: "Pages"
    stable: "Pages"
    globals: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an instance had written since its last commit, at some moment: of memory in bytes, of stable memory in pages."""

    memory_size: int
    memory: tuple[tuple[int, bytes], ...]
    stable_size: int
    stable: Mapping[int, bytes]
    globals: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an instance has committed since it was last asked, or all that it holds if `is_whole`.

    Bytes by their offset, blocks that never overlap; sizes in pages. `globals` are those of `SavedState`.
    """

    is_whole: bool

    memory_size: int
    memory: Mapping[int, bytes]
    stable_size: int
    stable: Mapping[int, bytes]
    globals: bytes


class InvalidModuleError(Exception):
    """Raised when bytes are not a module that a canister can be made of; the message says why."""


class Module(Protocol):
    """A compiled module."""

    @property
    def info(self) -> ModuleInfo:
        """Return what the module declares."""
        ...


class Instance(Protocol):
    """A module with its memory, globals and stable memory."""

    @property
    def module(self) -> Module:
        """Return the module that this is an instance of."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Return the size of the main memory."""
        ...

    @property
    def stable_bytes(self) -> int:
        """Return the size of stable memory."""
        ...

    def run(self, entry: str | Callback, message: Message, canister: CanisterView) -> Outcome:
        """Run an export (by its full name, such as `canister_update greet`) or a callback; never raises for guests."""
        ...

    def commit(self) -> None:
        """Keep what has been written since the last commit."""
        ...

    def rollback(self) -> None:
        """Undo what has been written since the last commit: memory, globals, stable memory."""
        ...

    def mark(self) -> Mark:
        """Remember what has been written since the last commit."""
        ...

    def return_to(self, mark: Mark) -> None:
        """Undo what has been written since a mark; nothing may have been committed since."""
        ...

    def fork(self) -> "Instance":
        """Make a second instance of the committed state, for a nested query: it can be rolled back, never committed."""
        ...

    def save(self, directory: Path) -> None:
        """Write the committed memory, globals and stable memory as files into an existing directory."""
        ...

    def capture(self) -> SavedState:
        """Return the committed state; what runs afterwards does not change it."""
        ...

    def collect(self, *, whole: bool, max_bytes: int) -> Changes | None:
        """Return what was committed since this or `settle` was called last, or everything.

        None when that is not known, or more than so many bytes of memory.

        An instance that cannot tell its changes from all else returns everything.
        """
        ...

    def settle(self) -> None:
        """Take the committed state for one that has been saved: `collect` starts from here."""
        ...

    def close(self) -> None:
        """Give the instance's memory back."""
        ...


class Machine(Protocol):
    """Makes modules and instances. One message runs at a time; calls come from one thread, but for `interrupt`."""

    def interrupt(self, *, only_overdue: bool = False) -> None:
        """End the message that runs now with a trap, at once or only if it takes too long; from any thread.

        Without a running message this does nothing.
        """
        ...

    def load(self, wasm: bytes) -> Module:
        """Validate, instrument and compile plain or gzipped module bytes; raises `InvalidModuleError`."""
        ...

    def instantiate(self, module: Module, *, previous: Instance | None = None, keep_memory: bool = False) -> Instance:
        """Make an instance. `previous` hands on stable memory (an upgrade), with `keep_memory` the main memory too.

        The start function has not run yet. Raises `InvalidModuleError` when a data or element segment does not fit.

        Uncommitted writes of `previous` are carried over and stay uncommitted: rolling back or dropping the new
        instance leaves `previous` as it was at its last commit, ready to go on.
        """
        ...

    def restore(self, module: Module, directory: Path) -> Instance:
        """Make an instance from what `Instance.save` wrote."""
        ...

    def revive(self, module: Module, state: SavedState) -> Instance:
        """Make an instance with a captured or uploaded state; raises `InvalidModuleError` when they do not fit.

        Globals that cannot be changed keep the value that the module gives them.
        """
        ...
