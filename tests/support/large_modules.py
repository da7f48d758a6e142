"""Modules that are large on purpose: a big heap to upgrade, and a big file to serve."""

from orchestrator.candid import FunctionReference, Variant, encode, types
from orchestrator.core.principal import Principal
from tests.support.vm import module

__all__ = ["PART_BYTES", "large_file", "large_heap"]

PART_BYTES = 1_900_000
"""How much of the file one answer holds."""
PAGE_BYTES = 65_536
HEAP_BYTE = 7
_BODY_AT = 2 * PAGE_BYTES
_TOKEN = 0x11223344
_TOKEN_TYPE = types.record({"index": types.NAT32})
_STREAMED = types.record({"body": types.BLOB, "token": types.Opt(_TOKEN_TYPE)})
_CALLBACK = types.record({"callback": types.function([_TOKEN_TYPE], [_STREAMED], "query"), "token": _TOKEN_TYPE})
_RESPONSE = types.record(
    {
        "status_code": types.NAT16,
        "headers": types.Vec(types.tuple_of(types.TEXT, types.TEXT)),
        "body": types.BLOB,
        "streaming_strategy": types.Opt(types.variant({"Callback": _CALLBACK})),
    }
)


def large_heap(pages: int) -> bytes:
    """Return a module whose memory of so many pages is all in use, and that keeps it through upgrades.

    `peek` replies with the last byte of it.
    """
    size = pages * PAGE_BYTES
    body = f"""
(@custom "icp:private enhanced-orthogonal-persistence" "")
(func (export "canister_init") (memory.fill (i32.const 0) (i32.const {HEAP_BYTE}) (i32.const {size})))
(func (export "canister_post_upgrade"))
(func (export "canister_query peek") (call $msg_reply_data_append (i32.const {size - 1}) (i32.const 1)) (call $msg_reply))
"""
    return module(("msg_reply", "msg_reply_data_append"), body, pages=pages)


def large_file(canister_id: Principal, parts: int) -> bytes:
    """Return a module that serves a file of `parts` times `PART_BYTES` to the gateway, one part after the other."""
    filling = b"\xaa" * PART_BYTES
    token = {"index": _TOKEN}
    strategy = Variant("Callback", {"callback": FunctionReference(canister_id, "next"), "token": token})
    first = {"status_code": 200, "headers": [], "body": filling, "streaming_strategy": strategy}
    answers = [
        encode([_RESPONSE], [first]),
        encode([_STREAMED], [{"body": filling, "token": token}]),
        encode([_STREAMED], [{"body": filling, "token": None}]),
    ]
    data, functions, place = [], [], 0
    for number, answer in enumerate(answers):
        before, after = answer.split(filling)
        data.append(f'(data (i32.const {place}) "{_escape(before)}") (data (i32.const {place + len(before)}) "{_escape(after)}")')
        functions.append(_answering(number, place, before, after))
        place += len(before) + len(after)
    body = f"""
{" ".join(data)} {" ".join(functions)}
(func (export "canister_init") (memory.fill (i32.const {_BODY_AT}) (i32.const 97) (i32.const {PART_BYTES})))
(func (export "canister_query http_request") (call $answer0 (i32.const 1)))
(func (export "canister_query next") (local $index i32)
  (call $msg_arg_data_copy (i32.const {PAGE_BYTES}) (i32.sub (call $msg_arg_data_size) (i32.const 4)) (i32.const 4))
  (local.set $index (i32.add (i32.load (i32.const {PAGE_BYTES})) (i32.const 1)))
  (if (i32.lt_u (local.get $index) (i32.const {parts})) (then (call $answer1 (local.get $index))) (else (call $answer2 (i32.const 0)))))
"""
    names = ("msg_arg_data_copy", "msg_arg_data_size", "msg_reply", "msg_reply_data_append")
    return module(names, body, pages=_BODY_AT // PAGE_BYTES + PART_BYTES // PAGE_BYTES + 1)


def _answering(number: int, place: int, before: bytes, after: bytes) -> str:
    """Return the function that replies with an answer whose token names the part to ask for next."""
    marker = _TOKEN.to_bytes(4, "little")
    where = (before + after).find(marker)
    store = f"(i32.store (i32.const {place + where}) (local.get $next))" if where >= 0 else ""
    return f"""(func $answer{number} (param $next i32) {store}
  (call $msg_reply_data_append (i32.const {place}) (i32.const {len(before)}))
  (call $msg_reply_data_append (i32.const {_BODY_AT}) (i32.const {PART_BYTES}))
  (call $msg_reply_data_append (i32.const {place + len(before)}) (i32.const {len(after)}))
  (call $msg_reply))"""


def _escape(data: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in data)
