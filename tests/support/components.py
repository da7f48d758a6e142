"""Sync plugins written as component text: exact, tiny, and made in a millisecond without any toolchain.

    component_that_returns_ok()                       bytes of a plugin, ready for `PluginRequest.component`
    component_that_calls("store", b"...")             a plugin that makes a canister call
    Guest().plugin("...")                             a plugin whose `exec` has the given instructions

Instructions of `exec` may use its parameters ($canister $canister-length $environment … see `_EXEC_PARAMETERS`),
the addresses that `Guest.text` gives, 16 to 1023 as scratch memory, and the functions of `_CANISTER` and of the
`wasi` groups asked for. They leave the address of the result: `OK`, `error(address, length)`.
"""

import functools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import wasmtime

from tests.support.wasi_files_text import FILES
from tests.support.wasi_sockets_text import SOCKETS
from tests.support.wasi_text import WASI_GROUPS, CoreFunction, WasiGroup

__all__ = [
    "CALL_RESULT",
    "OK",
    "BatchCall",
    "Guest",
    "assemble",
    "component_that_calls",
    "component_that_fails",
    "component_that_loops",
    "component_that_prints",
    "component_that_reports_batch",
    "component_that_reports_options",
    "component_that_returns_ok",
    "component_that_returns_reply",
    "component_that_touches",
    "component_that_traps",
    "error",
]

CALL_RESULT = 32
"""Where `$canister-call` is asked to put its result: a byte 0 (ok) or 1 (err), then pointer and length at +4 and +8."""
OK = "(i32.store8 (i32.const 16) (i32.const 0)) (i32.const 16)"
"""Return ok."""

_TYPES = """
  (import "icp:sync-plugin/types@{version}" (instance $types
    (type $file-shape (record (field "name" string) (field "content" string)))
    (export "file-input" (type $file (eq $file-shape)))
    (type $input-shape (record
      (field "canister-id" string) (field "environment" string) (field "dirs" (list string)) (field "files" (list $file))
      (field "identity-principal" string) (field "proxy-canister-id" (option string))))
    (export "sync-exec-input" (type $input (eq $input-shape)))
    (type $call-type-shape (enum "update" "query"))
    (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record
      (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type) (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type $request (eq $request-shape)))))
  (alias export $types "sync-exec-input" (type $sync-exec-input))
  (alias export $types "canister-call-request" (type $canister-call-request))
  {after_types}
  (import "canister-call" (func $canister-call (param "req" $canister-call-request) (result (result (list u8) (error string)))))
"""

_SECOND_TYPES = """
  (import "icp:sync-plugin/types@{version}" (instance $types
    (type $dir-shape (record (field "key" string) (field "path" string))) (export "dir-input" (type $dir (eq $dir-shape)))
    (type $file-shape (record (field "key" string) (field "name" string) (field "content" string)))
    (export "file-input" (type $file (eq $file-shape)))
    (type $field-shape (record (field "name" string) (field "value" string))) (export "field-input" (type $field (eq $field-shape)))
    (type $entry-shape (record (field "name" string) (field "id" string))) (export "canister-id-entry" (type $entry (eq $entry-shape)))
    (type $input-shape (record
      (field "canister-id" string) (field "environment" string) (field "api-url" string) (field "gateway-url" (option string))
      (field "dirs" (list $dir)) (field "files" (list $file)) (field "fields" (list $field)) (field "identity-principal" string)
      (field "proxy-canister-id" (option string)) (field "canister-ids" (list $entry))))
    (export "sync-exec-input" (type $input (eq $input-shape)))
    (type $target-shape (variant (case "host") (case "name" string))) (export "call-target" (type $target (eq $target-shape)))
    (type $call-type-shape (enum "update" "query")) (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record
      (field "target" $target) (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type)
      (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type $request (eq $request-shape)))
    (type $section-shape (record (field "target" $target) (field "name" string) (field "direct" bool)))
    (export "metadata-section-request" (type $section (eq $section-shape)))))
  (alias export $types "sync-exec-input" (type $sync-exec-input))
  (alias export $types "canister-call-request" (type $canister-call-request))
  (alias export $types "metadata-section-request" (type $metadata-section-request))
  {after_types}
  (import "canister-call" (func $canister-call (param "req" $canister-call-request) (result (result (list u8) (error string)))))
  (import "canister-metadata-section"
    (func $canister-metadata-section (param "req" $metadata-section-request) (result (result (option (list u8)) (error string)))))
"""

_MEMORY = """
  (core module $memory-module
    (memory (export "memory") {pages})
    (global $next (mut i32) (i32.const {heap}))
    (func (export "realloc") (param i32 i32) (param $alignment i32) (param $size i32) (result i32)
      (local $block i32)
      {allocating}
      (local.set $block
        (i32.and (i32.add (global.get $next) (i32.sub (local.get $alignment) (i32.const 1))) (i32.sub (i32.const 0) (local.get $alignment))))
      (global.set $next (i32.add (local.get $block) (local.get $size)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
        (br_if $fits (i32.ne (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16)))) (i32.const -1)))
        unreachable)
      (local.get $block)))
  (core instance $memory-instance (instantiate $memory-module))
  (alias core export $memory-instance "memory" (core memory $memory))
  (alias core export $memory-instance "realloc" (core func $realloc))
"""

_EXEC_PARAMETERS = " ".join(
    f"(param ${name} i32)"
    for name in (
        *("canister", "canister-length", "environment", "environment-length", "dirs", "dirs-count", "files", "files-count"),
        *("identity", "identity-length", "has-proxy", "proxy", "proxy-length"),
    )
)

_GROUPS = {**WASI_GROUPS, "files": FILES, "sockets": SOCKETS}
"""Parts of WASI by name; their texts use distinct identifiers, so that a plugin may have several."""
_EXTENSION = """
  (import "orchestrator:sync-plugin/extension@0.1.0" (instance $extension
    (type $result-shape (result (list u8) (error string))) (export "call-result" (type (eq $result-shape)))
    (type $option-shape (tuple string string)) (export "named-option" (type (eq $option-shape)))))
  (import "canister-call-batch"
    (func $canister-call-batch (param "reqs" (list $canister-call-request)) (result (list (result (list u8) (error string))))))
  (import "options" (func $options (result (list (tuple string string)))))
"""

_EXTENSION_FUNCTIONS = (
    CoreFunction(name="canister-call-batch", function="$canister-call-batch", parameters="i32 i32 i32"),
    CoreFunction(name="options", function="$options", parameters="i32"),
)

_CANISTER = CoreFunction(name="canister-call", function="$canister-call", parameters="i32 i32 i32 i32 i32 i32 i64 i32")
_SECOND_FUNCTIONS = (
    CoreFunction(name="canister-call", function="$canister-call", parameters="i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32"),
    CoreFunction(name="read-section", function="$canister-metadata-section", parameters="i32 i32 i32 i32 i32 i32 i32"),
)


def error(address: str, length: str) -> str:
    """Return err with the text at `address`; both are instructions."""
    return (
        f"(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) {address}) (i32.store (i32.const 24) {length}) (i32.const 16)"
    )


@functools.cache
def assemble(text: str) -> bytes:
    """Encode component (or module) text."""
    return bytes(wasmtime.wat2wasm(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCall:
    """One call of a batch; its argument is `arg`, or as many zeros as `zeros` says."""

    method: bytes = b"store"
    arg: bytes = b""
    zeros: int = 0
    query: bool = False
    direct: bool = False
    cycles: int = 0


def _core_functions(groups: Iterable[WasiGroup], *, extension: bool, second: bool) -> list[CoreFunction]:
    """List what a plugin of these groups may call, in the order of its imports."""
    own = (*(_SECOND_FUNCTIONS if second else (_CANISTER,)), *(_EXTENSION_FUNCTIONS if extension else ()))
    return [*own, *(function for group in groups for function in group.functions)]


@dataclass(frozen=True, slots=True)
class _Datum:
    address: int
    data: bytes

    def render(self) -> str:
        escaped = "".join(f"\\{byte:02x}" for byte in self.data)
        return f'(data (memory $memory) (i32.const {self.address}) "{escaped}")'


class Guest:
    """Collects a plugin's constant texts and builds the plugin."""

    def __init__(self) -> None:
        """Start with no texts."""
        self._data: list[_Datum] = []
        self._placed: dict[bytes | int, tuple[int, int]] = {}
        self._next = 1024

    def text(self, value: str | bytes) -> str:
        """Place a text in memory; answer the two instructions for its address and length."""
        data = value.encode() if isinstance(value, str) else value
        address = self._next
        self._next = (address + len(data) + 15) // 16 * 16
        self._data.append(_Datum(address, data))
        return f"(i32.const {address}) (i32.const {len(data)})"

    def error(self, value: str | bytes) -> str:
        """Return err with a constant text."""
        address, _, length = self.text(value).partition(") ")
        return error(f"{address})", length)

    def plugin(
        self,
        body: str,
        *,
        functions: str = "",
        wasi: Iterable[str] = (),
        pages: int | None = None,
        version: str = "0.1.0",
        extra_imports: str = "",
        after_types: str = "",
        extra_definitions: str = "",
        allocating: str = "",
        extension: bool = False,
        second: bool = False,
    ) -> bytes:
        """Build the plugin whose `exec` is `body`.

        `functions` are further core definitions, `wasi` names of `_GROUPS`, `pages` the memory's
        first size in 64 KiB, `extra_imports`, `after_types` and `extra_definitions` component definitions: first,
        between the types and canister-call, and last. `extension` is for the world of orchestrator:sync-plugin:
        its functions are `$canister-call-batch` and `$options`. `second` is for icp:sync-plugin@0.2: `exec` gets the
        address `$input`, calls begin with a target (number, text), and there is `$read-section`.
        """
        heap = (self._next + 0xFFFF) // 0x10000 * 0x10000
        groups = [_GROUPS[name] for name in wasi]
        types, parameters = (_SECOND_TYPES, "(param $input i32)") if second else (_TYPES, _EXEC_PARAMETERS)
        core = _core_functions(groups, extension=extension, second=second)
        imports = "".join(f'(import "host" "{item.name}" (func ${item.name} {item.type}))\n' for item in core)
        exports = " ".join(f'(export "{item.name}" (func ${item.name}-lowered))' for item in core)
        return assemble(
            f"(component\n{extra_imports}{types.format(version=version, after_types=after_types)}"
            + (_EXTENSION if extension else "")
            + "".join(group.imports for group in groups)
            + _MEMORY.format(pages=heap // 0x10000 + 1 if pages is None else pages, heap=heap, allocating=allocating)
            + "".join(item.lowered() for item in core)
            + f"""
  (core module $plugin-module
    (import "memory" "memory" (memory $memory 0))
    {imports}
    {"".join(datum.render() for datum in self._data)}
    {functions}
    (func (export "exec") {parameters} (result i32) {body}))
  (core instance $plugin (instantiate $plugin-module (with "memory" (instance $memory-instance)) (with "host" (instance {exports}))))
  {extra_definitions}
  (alias core export $plugin "exec" (core func $exec))
  (func (export "exec") (param "input" $sync-exec-input) (result (result (error string)))
    (canon lift (core func $exec) (memory $memory) (realloc $realloc))))"""
        )

    def call(self, method: str, arg: bytes, *, query: bool = False, direct: bool = False, cycles: int = 0) -> str:
        """Make a canister call; its result is at `CALL_RESULT`."""
        signed = cycles - (1 << 64) if cycles >= 1 << 63 else cycles
        flags = f"(i32.const {int(query)}) (i32.const {int(direct)}) (i64.const {signed})"
        return f"(call $canister-call {self.text(method)} {self.text(arg)} {flags} (i32.const {CALL_RESULT}))"

    def batch(self, calls: Sequence[BatchCall]) -> str:
        """Make a batch of canister calls; address and length of the list of results are at `CALL_RESULT`."""
        rows = bytearray()
        for call in calls:
            rows += struct.pack(
                "<IIIIBB6xQ", *self._place(call.method), *self._place(call.zeros or call.arg), call.query, call.direct, call.cycles
            )
        table, _ = self._place(bytes(rows))
        return f"(call $canister-call-batch (i32.const {table}) (i32.const {len(calls)}) (i32.const {CALL_RESULT}))"

    def _place(self, data: bytes | int) -> tuple[int, int]:
        """Place bytes in memory, or make room for so many zeros; answer their address and length. Equal ones share their place."""
        if data not in self._placed:
            if isinstance(data, int):
                self._placed[data] = self._next, data
                self._next = (self._next + data + 15) // 16 * 16
            else:
                self.text(data)
                self._placed[data] = self._data[-1].address, len(data)
        return self._placed[data]


def component_that_returns_ok() -> bytes:
    """Build a plugin that does nothing."""
    return Guest().plugin(OK)


def component_that_fails(text: str = "deliberate failure") -> bytes:
    """Build a plugin that returns `text` as its error."""
    guest = Guest()
    return guest.plugin(guest.error(text))


def component_that_traps() -> bytes:
    """Build a plugin that runs into `unreachable`."""
    return Guest().plugin("unreachable")


def component_that_loops() -> bytes:
    """Build a plugin that computes for ever."""
    return Guest().plugin("(loop $again (br $again)) unreachable")


def component_that_calls(method: str, arg: bytes, *, query: bool = False, direct: bool = False, cycles: int = 0, times: int = 1) -> bytes:
    """Build a plugin that makes the same call `times` times; the host's error, if any, becomes its own."""
    guest = Guest()
    failed = error(f"(i32.load (i32.const {CALL_RESULT + 4}))", f"(i32.load (i32.const {CALL_RESULT + 8}))")
    return guest.plugin(f"""
      (local $made i32)
      (loop $next
        {guest.call(method, arg, query=query, direct=direct, cycles=cycles)}
        (if (i32.load8_u (i32.const {CALL_RESULT})) (then {failed} return))
        (br_if $next (i32.lt_u (local.tee $made (i32.add (local.get $made) (i32.const 1))) (i32.const {times}))))
      {OK}""")


def component_that_returns_reply(method: str = "get", arg: bytes = b"DIDL\0\0", *, query: bool = True) -> bytes:
    """Build a plugin that returns a call's reply (or error) as its own error, so that a test can read it."""
    guest = Guest()
    reply = error(f"(i32.load (i32.const {CALL_RESULT + 4}))", f"(i32.load (i32.const {CALL_RESULT + 8}))")
    return guest.plugin(guest.call(method, arg, query=query) + reply)


def component_that_touches(mebibytes: int, *, method: str, arg: bytes = b"") -> bytes:
    """Build a plugin that writes to so much memory, makes a call, and returns ok."""
    guest = Guest()
    call = guest.call(method, arg)
    touch = f"""(local $page i32)
      (loop $next
        (i32.store (i32.add (i32.const 131072) (i32.shl (local.get $page) (i32.const 12))) (i32.const 1))
        (br_if $next (i32.lt_u (local.tee $page (i32.add (local.get $page) (i32.const 1))) (i32.const {mebibytes << 8}))))"""
    return guest.plugin(f"{touch} {call} {OK}", pages=(mebibytes << 4) + 2)


def component_that_prints(*, stdout: bytes = b"", stderr: bytes = b"", then: str = OK) -> bytes:
    """Build a plugin that writes these bytes (at most 4096 at once), then does `then`."""
    guest = Guest()
    writes = [
        f"(call $write (call ${stream}) {guest.text(data[start : start + 4096])} (i32.const 48))"
        for stream, data in (("get-stdout", stdout), ("get-stderr", stderr))
        for start in range(0, len(data), 4096)
    ]
    return guest.plugin("\n".join(writes) + then, wasi=("stdio",))


def component_that_reports_batch(calls: Sequence[BatchCall]) -> bytes:
    """Build a plugin that makes a batch of calls, and then for each result a query `ok` or `err` with the result's bytes."""
    guest = Guest()
    batch = guest.batch(calls)
    ok, err = guest.text("ok"), guest.text("err")
    rest = (
        "(i32.load offset=4 (local.get $at)) (i32.load offset=8 (local.get $at)) (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 48)"
    )
    return guest.plugin(
        f"""
      (local $at i32) (local $end i32)
      {batch}
      (local.set $at (i32.load (i32.const {CALL_RESULT})))
      (local.set $end (i32.add (local.get $at) (i32.mul (i32.const 12) (i32.load (i32.const {CALL_RESULT + 4})))))
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.load8_u (local.get $at)) (then (call $canister-call {err} {rest})) (else (call $canister-call {ok} {rest})))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br $next)))
      {OK}""",
        extension=True,
    )


def component_that_reports_options() -> bytes:
    """Build a plugin that makes a query for each option: its name is the method, its value the argument."""
    texts = " ".join(f"(i32.load offset={offset} (local.get $at))" for offset in (0, 4, 8, 12))
    return Guest().plugin(
        f"""
      (local $at i32) (local $end i32)
      (call $options (i32.const {CALL_RESULT}))
      (local.set $at (i32.load (i32.const {CALL_RESULT})))
      (local.set $end (i32.add (local.get $at) (i32.shl (i32.load (i32.const {CALL_RESULT + 4})) (i32.const 4))))
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (call $canister-call {texts} (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 48))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
      {OK}""",
        extension=True,
    )
