"""How much a canister may use: the limits of the Internet Computer that the virtual machine enforces.

Sources: the IC interface specification, "WebAssembly module requirements"; the page "Resource limits" of the
developer documentation. Names in capitals follow the reference implementation where it has one.
"""

from orchestrator.replica.vm.interface import MessageKind

__all__ = [
    "DEFAULT_MAX_LOG_BYTES",
    "INSTRUCTION_LIMITS",
    "MAX_CALL_TIMEOUT_SECONDS",
    "MAX_CANISTER_EXPORTED_METHODS",
    "MAX_CANISTER_EXPORTED_NAME_BYTES",
    "MAX_CERTIFIED_DATA_BYTES",
    "MAX_CODE_SECTION_BYTES",
    "MAX_CUSTOM_SECTIONS",
    "MAX_CUSTOM_SECTIONS_BYTES",
    "MAX_ENVIRONMENT_VARIABLE_NAME_BYTES",
    "MAX_FUNCTIONS",
    "MAX_GLOBALS",
    "MAX_INSTALL_SECONDS",
    "MAX_LOG_LINES",
    "MAX_LOG_LINE_BYTES",
    "MAX_MESSAGE_SECONDS",
    "MAX_OUTGOING_CALLS_PER_CALLEE",
    "MAX_PAYLOAD_BYTES",
    "MAX_PRINCIPAL_BYTES",
    "MAX_QUERY_REPLY_BYTES",
    "MAX_REPLY_BYTES",
    "MAX_STABLE_MEMORY_PAGES",
    "MAX_TABLE_ELEMENTS",
    "MAX_WASM64_MEMORY_BYTES",
    "MAX_WASM_BYTES",
    "MAX_WASM_MEMORY_BYTES",
    "STABLE_WRITE_LIMITS",
    "TIME_LIMITS",
    "WASM_PAGE_BYTES",
    "message_instruction_limit",
    "stable_write_limit",
]

WASM_PAGE_BYTES = 65_536
"""Size of a page of main and stable memory, in bytes."""

MAX_INSTRUCTIONS_PER_MESSAGE = 40_000_000_000
"""Instructions of an update call, a callback, a heartbeat or a timer."""

MAX_INSTRUCTIONS_PER_QUERY_MESSAGE = 5_000_000_000
"""Instructions of a query that runs on one node."""

MAX_INSTRUCTIONS_PER_INSTALL_CODE = 300_000_000_000
"""Instructions of each of `(start)`, `canister_init`, `canister_pre_upgrade` and `canister_post_upgrade`."""

MAX_INSTRUCTIONS_FOR_INSPECT_MESSAGE = 200_000_000
"""Instructions of `canister_inspect_message`."""

_INSTALL = frozenset({MessageKind.START, MessageKind.INIT, MessageKind.PRE_UPGRADE, MessageKind.POST_UPGRADE})
_QUERY = frozenset(
    {
        MessageKind.QUERY,
        MessageKind.COMPOSITE_QUERY,
        MessageKind.COMPOSITE_REPLY_CALLBACK,
        MessageKind.COMPOSITE_REJECT_CALLBACK,
        MessageKind.COMPOSITE_CLEANUP,
        MessageKind.TRANSFORM,
    }
)


def message_instruction_limit(kind: MessageKind) -> int:
    """Return how many instructions a message of this kind may execute on an application subnet."""
    if kind in _INSTALL:
        return MAX_INSTRUCTIONS_PER_INSTALL_CODE
    if kind in _QUERY:
        return MAX_INSTRUCTIONS_PER_QUERY_MESSAGE
    if kind is MessageKind.INSPECT_MESSAGE:
        return MAX_INSTRUCTIONS_FOR_INSPECT_MESSAGE
    return MAX_INSTRUCTIONS_PER_MESSAGE


MAX_MESSAGE_SECONDS = 120.0
"""How long a message may run, in seconds of wall clock: against loops that cost few instructions and much time."""

MAX_INSTALL_SECONDS = 900.0
"""The same for the messages of an installation."""


TIME_LIMITS = {kind: MAX_INSTALL_SECONDS if kind in _INSTALL else MAX_MESSAGE_SECONDS for kind in MessageKind}
"""How long a message may run, in seconds, per kind of message."""

INSTRUCTION_LIMITS = {kind: message_instruction_limit(kind) for kind in MessageKind}
"""Instruction limit per kind of message."""

MAX_WASM_BYTES = 100 * 1024 * 1024
"""Size of a module after decompression, in bytes."""

MAX_CODE_SECTION_BYTES = 12 * 1024 * 1024
"""Size of a module's code, in bytes. Source: the reference implementation, `rs/embedders`, as of 2025."""

MAX_FUNCTIONS = 50_000
"""Functions that a module may declare."""

MAX_GLOBALS = 1_000
"""Globals that a module may declare."""

MAX_CUSTOM_SECTIONS = 16
"""Custom sections named `icp:…` that a module may carry."""

MAX_CUSTOM_SECTIONS_BYTES = 1024 * 1024
"""Size of all those sections, names included, in bytes."""

MAX_CANISTER_EXPORTED_METHODS = 1_000
"""Update, query and composite query methods that a module may export."""

MAX_CANISTER_EXPORTED_NAME_BYTES = 20_000
"""Length of all their names together, in bytes."""

MAX_WASM_MEMORY_BYTES = 4 * 1024**3
"""Main memory of a 32-bit canister, in bytes."""

MAX_WASM64_MEMORY_BYTES = 6 * 1024**3
"""Main memory of a 64-bit canister, in bytes."""

MAX_TABLE_ELEMENTS = 1_000_000
"""Elements of a table; keeps a canister that grows its table from exhausting the host."""

MAX_STABLE_MEMORY_PAGES = 500 * 1024**3 // WASM_PAGE_BYTES
"""Stable memory of a canister, in pages (500 GiB)."""

MAX_PAYLOAD_BYTES = 10 * 1024 * 1024
"""Argument of a call between canisters of one subnet, in bytes."""

MAX_REPLY_BYTES = 2 * 1024 * 1024
"""Reply of a replicated message, in bytes."""

MAX_QUERY_REPLY_BYTES = 3 * 1024 * 1024
"""Reply of a query that runs on one node, in bytes."""

MAX_OUTGOING_CALLS_PER_CALLEE = 500
"""Calls of one canister to another that may wait for an answer; the reference calls it the canister queue limit."""

MAX_CALL_TIMEOUT_SECONDS = 300
"""Upper bound of the timeout of a bounded-wait call, in seconds."""

MAX_PRINCIPAL_BYTES = 29
"""Length of a principal, in bytes."""

MAX_CERTIFIED_DATA_BYTES = 32
"""Length of certified data, in bytes."""

MAX_ENVIRONMENT_VARIABLE_NAME_BYTES = 128
"""Length of the name of an environment variable, in bytes."""

MAX_LOG_LINES = 65_536
"""Lines of a canister's log, however short they are."""

DEFAULT_MAX_LOG_BYTES = 2 * 1024 * 1024
"""Log lines kept of one message, in bytes; the oldest go first."""

MAX_LOG_LINE_BYTES = 32 * 1024
"""Length of one line in a canister's log and of a trap's message, in bytes; the rest is cut off."""

MAX_STABLE_WRITE_BYTES_PER_MESSAGE = 2 * 1024**3
"""Stable memory that a message may write to, counted in whole pages, in bytes."""

MAX_STABLE_WRITE_BYTES_PER_UPGRADE = 8 * 1024**3
"""The same for the messages of an installation."""

MAX_STABLE_WRITE_BYTES_PER_QUERY = 1024**3
"""The same for queries."""


def stable_write_limit(kind: MessageKind) -> int:
    """Return how much stable memory a message of this kind may write to, in pages."""
    if kind in _INSTALL:
        return MAX_STABLE_WRITE_BYTES_PER_UPGRADE // WASM_PAGE_BYTES
    if kind in _QUERY or kind is MessageKind.REPLICATED_QUERY:
        return MAX_STABLE_WRITE_BYTES_PER_QUERY // WASM_PAGE_BYTES
    return MAX_STABLE_WRITE_BYTES_PER_MESSAGE // WASM_PAGE_BYTES


STABLE_WRITE_LIMITS = {kind: stable_write_limit(kind) for kind in MessageKind}
"""Stable memory that may be written to, in pages, per kind of message."""
