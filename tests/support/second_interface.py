"""Sync plugins of the second interface, icp:sync-plugin@0.2, written as component text.

    guest = SecondGuest()
    guest.plugin(guest.call("store", b"...", target="other") + OK)

`exec` has one parameter, `$input`: the address of the record, whose fields are at the offsets of `INPUT`. Texts and
lists are an address and a length of 4 bytes each; optional texts have a byte 0 or 1 in front, in 4 bytes.
"""

from collections.abc import Iterable
from typing import Final

from tests.support.components import _MEMORY, CALL_RESULT, Guest, assemble
from tests.support.wasi_text import WASI_GROUPS, CoreFunction

__all__ = ["INPUT", "SecondGuest", "field"]

INPUT: Final = {
    "canister-id": 0,
    "environment": 8,
    "api-url": 16,
    "gateway-url": 24,
    "dirs": 36,
    "files": 44,
    "fields": 52,
    "identity-principal": 60,
    "proxy-canister-id": 68,
    "canister-ids": 80,
}
"""Where the fields of exec's input are."""

_TYPES = """
  (import "icp:sync-plugin/types@{version}" (instance $types
    (type $dir-shape (record (field "key" string) (field "path" string)))
    (export "dir-input" (type $dir (eq $dir-shape)))
    (type $file-shape (record (field "key" string) (field "name" string) (field "content" string)))
    (export "file-input" (type $file (eq $file-shape)))
    (type $field-shape (record (field "name" string) (field "value" string)))
    (export "field-input" (type $field (eq $field-shape)))
    (type $id-shape (record (field "name" string) (field "id" string)))
    (export "canister-id-entry" (type $id (eq $id-shape)))
    (type $input-shape (record
      (field "canister-id" string) (field "environment" string) (field "api-url" string) (field "gateway-url" (option string))
      (field "dirs" (list $dir)) (field "files" (list $file)) (field "fields" (list $field))
      (field "identity-principal" string) (field "proxy-canister-id" (option string)) (field "canister-ids" (list $id))))
    (export "sync-exec-input" (type $input (eq $input-shape)))
    (type $target-shape (variant (case "host") (case "name" string)))
    (export "call-target" (type $target (eq $target-shape)))
    (type $call-type-shape (enum "update" "query"))
    (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record (field "target" $target) (field "method" string) (field "arg" (list u8))
      (field "call-type" $call-type) (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type $request (eq $request-shape)))
    (type $section-shape (record (field "target" $target) (field "name" string) (field "direct" bool)))
    (export "metadata-section-request" (type $section (eq $section-shape)))))
  (alias export $types "sync-exec-input" (type $sync-exec-input))
  (alias export $types "canister-call-request" (type $canister-call-request))
  (alias export $types "metadata-section-request" (type $metadata-section-request))
  (import "canister-call" (func $canister-call (param "req" $canister-call-request) (result (result (list u8) (error string)))))
  (import "canister-metadata-section"
    (func $metadata (param "req" $metadata-section-request) (result (result (option (list u8)) (error string)))))
"""

_FUNCTIONS = (
    CoreFunction(name="canister-call", function="$canister-call", parameters="i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32"),
    CoreFunction(name="canister-metadata-section", function="$metadata", parameters="i32 i32 i32 i32 i32 i32 i32"),
)


def field(name: str, offset: int = 0) -> str:
    """Read 4 bytes of a field of exec's input, `offset` behind its start."""
    return f"(i32.load (i32.add (local.get $input) (i32.const {INPUT[name] + offset})))"


class SecondGuest(Guest):
    """Collects a plugin's constant texts and builds a plugin of the second interface."""

    def plugin(  # type: ignore[override]  # the second interface has no parameters to spare
        self, body: str, *, functions: str = "", wasi: Iterable[str] = (), version: str = "0.2.0"
    ) -> bytes:
        """Build the plugin whose `exec` is `body`; `wasi` names groups in `wasi_text`."""
        heap = (self._next + 0xFFFF) // 0x10000 * 0x10000
        groups = [WASI_GROUPS[name] for name in wasi]
        core = [*_FUNCTIONS, *(function for group in groups for function in group.functions)]
        imports = "".join(f'(import "host" "{item.name}" (func ${item.name} {item.type}))\n' for item in core)
        exports = " ".join(f'(export "{item.name}" (func ${item.name}-lowered))' for item in core)
        return assemble(
            f"(component\n{_TYPES.format(version=version)}"
            + "".join(group.imports for group in groups)
            + _MEMORY.format(pages=heap // 0x10000 + 1, heap=heap)
            + "".join(item.lowered() for item in core)
            + f"""
  (core module $plugin-module
    (import "memory" "memory" (memory $memory 0))
    {imports}
    {"".join(datum.render() for datum in self._data)}
    {functions}
    (func (export "exec") (param $input i32) (result i32) {body}))
  (core instance $plugin (instantiate $plugin-module (with "memory" (instance $memory-instance)) (with "host" (instance {exports}))))
  (alias core export $plugin "exec" (core func $exec))
  (func (export "exec") (param "input" $sync-exec-input) (result (result (error string)))
    (canon lift (core func $exec) (memory $memory) (realloc $realloc))))"""
        )

    def call(  # a target more
        self, method: str, arg: bytes, *, target: str | None = None, query: bool = False, direct: bool = False, cycles: int = 0
    ) -> str:
        """Call the canister that is synced, or the one named `target`; the result is at `CALL_RESULT`."""
        signed = cycles - (1 << 64) if cycles >= 1 << 63 else cycles
        flags = f"(i32.const {int(query)}) (i32.const {int(direct)}) (i64.const {signed})"
        return f"(call $canister-call {self._target(target)} {self.text(method)} {self.text(arg)} {flags} (i32.const {CALL_RESULT}))"

    def metadata(self, name: str, *, target: str | None = None, direct: bool = False) -> str:
        """Read a section: at `CALL_RESULT` 0 or 1 (err), at +4 whether there is one, at +8 its address and length; err has its at +4."""
        rest = f"{self.text(name)} (i32.const {int(direct)}) (i32.const {CALL_RESULT})"
        return f"(call $canister-metadata-section {self._target(target)} {rest})"

    def _target(self, name: str | None) -> str:
        return "(i32.const 0) (i32.const 0) (i32.const 0)" if name is None else f"(i32.const 1) {self.text(name)}"
