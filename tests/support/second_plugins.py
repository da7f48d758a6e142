"""Plugins of icp:sync-plugin@0.2 as component text; each returns what it found out as its error."""

from tests.support.components import CALL_RESULT, Guest, error

__all__ = ["HOST", "RESULT_TEXT", "plugin_that_calls", "plugin_that_calls_by_name", "plugin_that_reads", "plugin_that_tells"]

HOST = "(i32.const 0) (i32.const 0) (i32.const 0)"
RESULT_TEXT = error(f"(i32.load (i32.const {CALL_RESULT + 4}))", f"(i32.load (i32.const {CALL_RESULT + 8}))")


def plugin_that_tells(*offsets: int) -> bytes:
    """Build a plugin whose error is the text whose pointer is found by following these offsets from the input's address."""
    address = "(local.get $input)"
    for offset in offsets[:-1]:
        address = f"(i32.load offset={offset} {address})"
    told = error(f"(i32.load offset={offsets[-1]} {address})", f"(i32.load offset={offsets[-1] + 4} {address})")
    return Guest().plugin(told, second=True, version="0.2.0")


def plugin_that_calls(target: str, method: str, argument: bytes = b"", *, query: bool = False) -> bytes:
    """Build a plugin that makes one call (its target is the two instructions' and the number's text) and returns the result as its error."""
    guest = Guest()
    flags = f"(i32.const {int(query)}) (i32.const 1) (i64.const 7)"
    call = f"(call $canister-call {target} {guest.text(method)} {guest.text(argument)} {flags} (i32.const {CALL_RESULT}))"
    return guest.plugin(call + RESULT_TEXT, second=True, version="0.2.0")


def plugin_that_calls_by_name(name: str, method: str = "m") -> bytes:
    """Build a plugin that calls another canister and returns the result as its error."""
    guest = Guest()
    flags = f"(i32.const 0) (i32.const 0) (i64.const 0) (i32.const {CALL_RESULT})"
    call = f"(call $canister-call (i32.const 1) {guest.text(name)} {guest.text(method)} {guest.text(b'arg')} {flags})"
    return guest.plugin(call + RESULT_TEXT, second=True, version="0.2.3")


def plugin_that_reads(name: str, target: str | None = None) -> bytes:
    """Build a plugin that reads a section; its error is `none`, the section, or the reason."""
    guest = Guest()
    who = HOST if target is None else f"(i32.const 1) {guest.text(target)}"
    section = error(f"(i32.load (i32.const {CALL_RESULT + 8}))", f"(i32.load (i32.const {CALL_RESULT + 12}))")
    return guest.plugin(
        f"""(call $read-section {who} {guest.text(name)} (i32.const 1) (i32.const {CALL_RESULT}))
        (if (i32.load8_u (i32.const {CALL_RESULT})) (then {RESULT_TEXT} return))
        (if (i32.eqz (i32.load8_u (i32.const {CALL_RESULT + 4}))) (then {guest.error("none")} return))
        {section}""",
        second=True,
        version="0.2.0",
    )
