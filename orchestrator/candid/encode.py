"""Values to bytes: the header, then every value by a writer compiled from its type.

Source: the Candid specification, section "Binary Format". Writers take a value and append to a `bytearray`.
Types whose values nest without bound get walks (see `walking`), all others plain functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.scalars import signed_leb128, unsigned_leb128
from orchestrator.candid.table import FUNCTION, MAGIC, MAX_TYPE_TABLE_LENGTH, OPT, SERVICE, VEC, Entry, Table, build_table
from orchestrator.candid.walking import Misfit, run
from orchestrator.candid.writers import Writer, WriterCompiler
from orchestrator.errors import CandidEncodeError

__all__ = ["encode"]

_PLANS_KEPT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    types: tuple[T.Type, ...]
    header: bytes
    writers: tuple[Writer, ...]


_plans: dict[tuple[int, ...], _Plan] = {}


def _entry_bytes(entry: Entry, out: bytearray) -> None:
    signed_leb128(entry.code, out)
    if entry.code in {OPT, VEC}:
        signed_leb128(entry.refs[0], out)
    elif entry.code == FUNCTION:
        for part in (entry.refs[: entry.split], entry.refs[entry.split :]):
            unsigned_leb128(len(part), out)
            for ref in part:
                signed_leb128(ref, out)
        unsigned_leb128(len(entry.annotations), out)
        out += bytes(sorted(T.ANNOTATIONS.index(annotation) + 1 for annotation in entry.annotations))
    elif entry.code == SERVICE:
        unsigned_leb128(len(entry.refs), out)
        for name, ref in zip(entry.labels, entry.refs, strict=True):
            raw = str(name).encode()
            unsigned_leb128(len(raw), out)
            out += raw
            signed_leb128(ref, out)
    else:
        unsigned_leb128(len(entry.refs), out)
        for number, ref in zip(entry.ids, entry.refs, strict=True):
            unsigned_leb128(number, out)
            signed_leb128(ref, out)


def header_bytes(table: Table) -> bytes:
    """Return what precedes the values of a message: magic, type table, argument types."""
    out = bytearray(MAGIC)
    unsigned_leb128(len(table.entries), out)
    for entry in table.entries:
        _entry_bytes(entry, out)
    unsigned_leb128(len(table.roots), out)
    for root in table.roots:
        signed_leb128(root, out)
    return bytes(out)


def _plan_of(types: tuple[T.Type, ...]) -> _Plan:
    key = tuple(map(id, types))
    plan = _plans.get(key)
    if plan is None:
        table = build_table(types)
        if len(table.entries) > MAX_TYPE_TABLE_LENGTH:
            raise CandidEncodeError(
                f"a message may define {MAX_TYPE_TABLE_LENGTH} types, not {len(table.entries)}", slug="candid/too-many-types"
            )
        compiler = WriterCompiler(table)
        plan = _Plan(types=types, header=header_bytes(table), writers=tuple(map(compiler.writer, table.roots)))
        if len(_plans) >= _PLANS_KEPT:
            _plans.clear()
        _plans[key] = plan
    return plan


def encode(types: Sequence[T.Type], values: Sequence[object]) -> bytes:
    """Return the message that carries these values at these types.

    Fields of type opt, null or reserved may be left out of a record's dict. A value that does not fit its type
    raises `CandidEncodeError`, which names the place.
    """
    plan = _plan_of(tuple(types))
    if len(plan.writers) != len(values):
        raise CandidEncodeError(f"{len(plan.writers)} values are expected, not {len(values)}", slug="candid/argument-count")
    out = bytearray(plan.header)
    for index, (writer, value) in enumerate(zip(plan.writers, values, strict=True)):
        try:
            if writer.deep:
                run(writer.call(value, out))
            else:
                writer.call(value, out)
        except Misfit as misfit:
            place = "".join(reversed(misfit.path))
            raise CandidEncodeError(
                f"argument {index}{place}: {misfit.message}", detail=f"the argument's type is `{_short(types[index])}`"
            ) from None
    return bytes(out)


_SHOWN_TYPE: Final = 200


def _short(type_: T.Type) -> str:
    text = str(type_)
    return text if len(text) <= _SHOWN_TYPE else f"{text[:_SHOWN_TYPE]}…"
