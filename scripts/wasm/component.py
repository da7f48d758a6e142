"""Make a sync plugin component out of a core module that speaks the canonical ABI itself.

    python component.py CORE.wasm COMPONENT.wasm

For plugins in languages without a component toolchain (Zig, C without a libc): the core module exports
`memory`, `cabi_realloc` and `exec`, and imports what it needs from the module `host`, under the names in
`HOST_FUNCTIONS`. The component is written as text and encoded by wasmtime; the core module is put in
afterwards, because component text cannot hold binary modules.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from wasmtime import wat2wasm

INTERFACES = """
  (import "icp:sync-plugin/types@0.1.0" (instance $types
    (type $call-type-shape (enum "update" "query"))
    (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type)
      (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type (eq $request-shape)))
    (type $file-shape (record (field "name" string) (field "content" string)))
    (export "file-input" (type $file (eq $file-shape)))
    (type $input-shape (record (field "canister-id" string) (field "environment" string) (field "dirs" (list string))
      (field "files" (list $file)) (field "identity-principal" string) (field "proxy-canister-id" (option string))))
    (export "sync-exec-input" (type (eq $input-shape)))))
  (alias export $types "canister-call-request" (type $request))
  (alias export $types "sync-exec-input" (type $input))
  (import "canister-call" (func $canister-call (param "req" $request) (result (result (list u8) (error string)))))
  (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $error (type $error-outer))
    (export "error" (type $error-here (eq $error-outer)))
    (export "output-stream" (type $stream (sub resource)))
    (type $stream-error-shape (variant (case "last-operation-failed" (own $error-here)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error-shape)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $stream)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $outer)) (export "output-stream" (type $here (eq $outer)))
    (export "get-stdout" (func (result (own $here))))))
  (import "wasi:cli/stderr@0.2.0" (instance $stderr
    (alias outer 1 $output-stream (type $outer)) (export "output-stream" (type $here (eq $outer)))
    (export "get-stderr" (func (result (own $here))))))
  (import "wasi:filesystem/types@0.2.0" (instance $filesystem
    (export "descriptor" (type $file-descriptor (sub resource)))
    (export "directory-entry-stream" (type $entries (sub resource)))
    (type $code-shape (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist"
      "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop"
      "too-many-links" "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory"
      "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device"
      "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $code (eq $code-shape)))
    (type $kind-shape (enum "unknown" "block-device" "character-device" "directory" "fifo" "symbolic-link"
      "regular-file" "socket"))
    (export "descriptor-type" (type $kind (eq $kind-shape)))
    (type $path-flags-shape (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $path-flags-shape)))
    (type $open-flags-shape (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $open-flags-shape)))
    (type $flags-shape (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync"
      "mutate-directory"))
    (export "descriptor-flags" (type $flags (eq $flags-shape)))
    (type $entry-shape (record (field "type" $kind) (field "name" string)))
    (export "directory-entry" (type $entry (eq $entry-shape)))
    (export "[method]descriptor.read" (func (param "self" (borrow $file-descriptor)) (param "length" u64)
      (param "offset" u64) (result (result (tuple (list u8) bool) (error $code)))))
    (export "[method]descriptor.read-directory" (func (param "self" (borrow $file-descriptor))
      (result (result (own $entries) (error $code)))))
    (export "[method]directory-entry-stream.read-directory-entry" (func (param "self" (borrow $entries))
      (result (result (option $entry) (error $code)))))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $file-descriptor)) (param "path-flags" $path-flags)
      (param "path" string) (param "open-flags" $open-flags) (param "flags" $flags)
      (result (result (own $file-descriptor) (error $code)))))))
  (alias export $filesystem "descriptor" (type $descriptor))
  (alias export $filesystem "directory-entry-stream" (type $entry-stream))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer)) (export "descriptor" (type $here (eq $outer)))
    (export "get-directories" (func (result (list (tuple (own $here) string)))))))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFunction:
    """One import of the core module: its core type, and where the component takes it from."""

    name: str
    parameters: str
    result: str = ""
    instance: str = ""
    export: str = ""
    drops: str = ""

    @property
    def signature(self) -> str:
        """Return the core type as text."""
        return (f"(param {self.parameters}) " if self.parameters else "") + (f"(result {self.result})" if self.result else "")


HOST_FUNCTIONS = (
    HostFunction(name="canister-call", parameters="i32 i32 i32 i32 i32 i32 i64 i32"),
    HostFunction(name="get-stdout", parameters="", result="i32", instance="$stdout", export="get-stdout"),
    HostFunction(name="get-stderr", parameters="", result="i32", instance="$stderr", export="get-stderr"),
    HostFunction(
        name="write",
        parameters="i32 i32 i32 i32",
        instance="$streams",
        export="[method]output-stream.blocking-write-and-flush",
    ),
    HostFunction(name="get-directories", parameters="i32", instance="$preopens", export="get-directories"),
    HostFunction(name="read-directory", parameters="i32 i32", instance="$filesystem", export="[method]descriptor.read-directory"),
    HostFunction(
        name="read-directory-entry",
        parameters="i32 i32",
        instance="$filesystem",
        export="[method]directory-entry-stream.read-directory-entry",
    ),
    HostFunction(
        name="open-at",
        parameters="i32 i32 i32 i32 i32 i32 i32",
        instance="$filesystem",
        export="[method]descriptor.open-at",
    ),
    HostFunction(name="read", parameters="i32 i64 i64 i32", instance="$filesystem", export="[method]descriptor.read"),
    HostFunction(name="drop-descriptor", parameters="i32", drops="$descriptor"),
    HostFunction(name="drop-directory-entry-stream", parameters="i32", drops="$entry-stream"),
)

_EMPTY_MODULE_SECTION = b"\x01\x08\x00asm\x01\x00\x00\x00"
_CORE_MODULE_SECTION = b"\x01"


def component_from_core(core: bytes) -> bytes:
    """Return the component's bytes; raises `ValueError` when the text did not encode as expected."""
    encoded = bytes(wat2wasm(_component_text()))
    if encoded.count(_EMPTY_MODULE_SECTION) != 1:
        raise ValueError("the component's text must hold exactly one empty core module")
    return encoded.replace(_EMPTY_MODULE_SECTION, _CORE_MODULE_SECTION + _unsigned_leb128(len(core)) + core)


def _component_text() -> str:
    """Render the component.

    The host functions need the core module's memory, and the core module needs the host functions: so it
    is instantiated with trampolines that call through a table, and the table is filled afterwards.
    """
    size = len(HOST_FUNCTIONS)
    exported = " ".join(f'(export "{function.name}" (func $lowered-{index}))' for index, function in enumerate(HOST_FUNCTIONS))
    return f"""(component {INTERFACES}
  (core module $trampolines (table (export "table") {size} {size} funcref) {_trampolines()})
  (core module $filler (import "trampolines" "table" (table {size} {size} funcref)) {_filler()})
  (core module)
  (core instance $trampoline (instantiate $trampolines))
  (core instance $plugin (instantiate 2 (with "host" (instance $trampoline))))
  (alias core export $plugin "memory" (core memory $memory))
  (alias core export $plugin "cabi_realloc" (core func $realloc))
  {_lowered()}
  (core instance $functions {exported})
  (core instance (instantiate $filler (with "trampolines" (instance $trampoline)) (with "host" (instance $functions))))
  (alias core export $plugin "exec" (core func $exec))
  (func (export "exec") (param "input" $input) (result (result (error string)))
    (canon lift (core func $exec) (memory $memory) (realloc $realloc))))"""


def _trampolines() -> str:
    lines = []
    for index, function in enumerate(HOST_FUNCTIONS):
        arguments = " ".join(f"(local.get {position})" for position in range(len(function.parameters.split())))
        call = f"(call_indirect {function.signature} {arguments} (i32.const {index}))"
        lines.append(f'(func (export "{function.name}") {function.signature} {call})')
    return "\n".join(lines)


def _filler() -> str:
    imports = [f'(import "host" "{function.name}" (func {function.signature}))' for function in HOST_FUNCTIONS]
    return "\n".join(imports) + f"(elem (i32.const 0) func {' '.join(map(str, range(len(HOST_FUNCTIONS))))})"


def _lowered() -> str:
    lines = []
    for index, function in enumerate(HOST_FUNCTIONS):
        if function.drops:
            lines.append(f"(core func $lowered-{index} (canon resource.drop {function.drops}))")
            continue
        source = "$canister-call"
        if function.export:
            source = f"$source-{index}"
            lines.append(f'(alias export {function.instance} "{function.export}" (func {source}))')
        lines.append(f"(core func $lowered-{index} (canon lower (func {source}) (memory $memory) (realloc $realloc)))")
    return "\n  ".join(lines)


def _unsigned_leb128(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(component_from_core(Path(sys.argv[1]).read_bytes()))
