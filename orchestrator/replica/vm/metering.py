"""Instructions that move memory cost what they move: a call before each of them takes its size off a budget.

One of the two compilers counts `memory.copy`, `memory.fill` and `memory.init` as one instruction each, however much
they move. For it, the module gets a global with the budget, which the host sets before a message and reads after it,
and functions that take the size off. They stop the message when it is larger than what is left of the budget; that
budget and the engine's own counter are exceeded together is for the host to see, when the message is over.
"""

from orchestrator.replica.vm.binary import encode_unsigned
from orchestrator.replica.vm.code import MEMORY_INIT, CodeFacts, function_bodies
from orchestrator.replica.vm.facts import I32, I64

__all__ = ["BUDGET_GLOBAL", "meter_code", "meter_function", "meter_types"]

BUDGET_GLOBAL = bytes([I64, 1, 0x42, 0, 0x0B])
"""The entry of the global section: `(global (mut i64) (i64.const 0))`."""

_OWN_COST = {I32: 15, I64: 13}
"""Instructions that the engine counts for one call of a meter; they are given back, so that both compilers count alike."""

_CALL, _LOCAL_GET, _GLOBAL_GET, _GLOBAL_SET, _CONST, _EXTEND = b"\x10", b"\x20\x00", b"\x23", b"\x24", b"\x42", b"\xad"
_GREATER, _ADD, _SUBTRACT, _IF, _UNREACHABLE, _END = b"\x56", b"\x7c", b"\x7d", b"\x04\x40", b"\x00", b"\x0b"
_MINUS_ONE = b"\x7f"


def meter_types() -> list[bytes]:
    """Return the types of the meters of 32 and 64 bits: each takes and returns a size."""
    return [bytes([0x60, 1, kind, 1, kind]) for kind in (I32, I64)]


def meter_function(kind: int, budget: int) -> bytes:
    """Return the code entry of a meter; `budget` is the index of the global."""
    name = encode_unsigned(budget)
    size = _LOCAL_GET + (_EXTEND if kind == I32 else b"")
    body = b"".join(
        (
            *(b"\x00", size, _GLOBAL_GET, name, _GREATER, _IF, _CONST, _MINUS_ONE, _GLOBAL_SET, name, _UNREACHABLE, _END),
            *(_GLOBAL_GET, name, size, _SUBTRACT, _CONST, bytes([_OWN_COST[kind]]), _ADD, _GLOBAL_SET, name, _LOCAL_GET, _END),
        )
    )
    return encode_unsigned(len(body)) + body


def meter_code(module: bytes, start: int, end: int, facts: CodeFacts, *, wide: bool, meters: tuple[int, int]) -> bytes:
    """Return a code section with a call before each instruction that moves memory, without the count it begins with.

    `meters` are the functions for 32 and 64 bits; `wide` says which of them sizes of memory go through.
    """
    parts: list[bytes] = []
    at = None
    for function, (entry, first, last) in enumerate(function_bodies(module, start, end)):
        if at is None:
            at = entry
        places = facts.bulk.get(function)
        if places is None:
            continue
        body, begin = [], first
        for place, kind in places:
            meter = meters[1] if wide and kind != MEMORY_INIT else meters[0]
            body += [module[begin:place], _CALL, encode_unsigned(meter)]
            begin = place
        content = b"".join([*body, module[begin:last]])
        parts += [module[at:entry], encode_unsigned(len(content)), content]
        at = last
    return b"".join([*parts, module[start if at is None else at : end]])
