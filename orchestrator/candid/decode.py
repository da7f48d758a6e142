"""Bytes to values: the header, then every argument by a reader compiled for its pair of types.

Source: the Candid specification 0.1.8, sections "Binary Format" and "Coercion".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.cursor import DECODING_QUOTA, VALUES_PER_BYTE, Cursor
from orchestrator.candid.header import read_header
from orchestrator.candid.readers import Reader, ReaderCompiler
from orchestrator.candid.table import Table, build_table
from orchestrator.candid.walking import Misfit, run
from orchestrator.errors import CandidDecodeError, CandidError

__all__ = ["decode", "decode_with_types"]

_EXPECTATIONS_KEPT: Final = 256
_HEADERS_KEPT: Final = 8
_MAX_KEPT_HEADER_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How messages with this header are read; a reader whose result is not wanted is not `kept`."""

    header: bytes
    wire: Table
    readers: tuple[tuple[Reader, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expectation:
    """What a caller expects, and the plans for the headers that came lately."""

    types: tuple[T.Type, ...]
    table: Table
    plans: list[_Plan]


_expectations: dict[tuple[int, ...], _Expectation] = {}


def _expectation_of(types: tuple[T.Type, ...]) -> _Expectation:
    key = tuple(map(id, types))
    found = _expectations.get(key)
    if found is None:
        if len(_expectations) >= _EXPECTATIONS_KEPT:
            _expectations.clear()
        found = _expectations[key] = _Expectation(types=types, table=build_table(types), plans=[])
    return found


def _absent_reader(index: int, type_: T.Type, *, may_miss: bool) -> Reader:
    if not may_miss:
        raise CandidDecodeError(
            f"argument {index} is missing: the message has {index}",
            slug="candid/argument-count",
            detail=f"the expected type `{type_}` is not opt, null or reserved",
        )
    return Reader(deep=False, call=lambda _cursor: None)


def _compile(header: bytes, wire: Table, expectation: _Expectation | None) -> _Plan:
    if expectation is None:
        compiler = ReaderCompiler(wire)
        return _Plan(header=header, wire=wire, readers=tuple((compiler.reader(root, root), True) for root in wire.roots))
    compiler = ReaderCompiler(wire, expectation.table)
    expected = expectation.table.roots
    readers = [(compiler.reader(have, want), True) for have, want in zip(wire.roots, expected, strict=False)]
    readers += [(compiler.skipper(have), False) for have in wire.roots[len(expected) :]]
    for index in range(len(wire.roots), len(expected)):
        readers.append((_absent_reader(index, expectation.types[index], may_miss=compiler.may_miss(expected[index])), True))
    return _Plan(header=header, wire=wire, readers=tuple(readers))


def _plan_of(cursor: Cursor, expectation: _Expectation | None) -> _Plan:
    """Return the plan for this message and move the cursor behind the header."""
    if expectation is not None:
        for plan in expectation.plans:
            if cursor.data.startswith(plan.header):
                cursor.position = len(plan.header)
                return plan
    wire = read_header(cursor)
    plan = _compile(cursor.data[: cursor.position], wire, expectation)
    if expectation is not None and len(plan.header) <= _MAX_KEPT_HEADER_BYTES:
        expectation.plans[_HEADERS_KEPT - 1 :] = []
        expectation.plans.insert(0, plan)
    return plan


def _read(cursor: Cursor, plan: _Plan) -> list[object]:
    values: list[object] = []
    for index, (reader, kept) in enumerate(plan.readers):
        try:
            value = reader.call(cursor)
            if reader.deep:
                value = run(value)
        except Misfit as misfit:
            place = "".join(reversed(misfit.path))
            raise CandidDecodeError(f"argument {index}{place}: {misfit.message}", slug="candid/mismatch") from None
        if kept:
            values.append(value)
    if cursor.position != len(cursor.data):
        raise cursor.fail("bytes are left after the last value")
    return values


def _decode(data: bytes | bytearray | memoryview, types: Sequence[T.Type] | None, quota: int) -> tuple[list[object], _Plan]:
    raw = data if isinstance(data, bytes) else bytes(data)
    cursor = Cursor(raw, budget=quota + VALUES_PER_BYTE * len(raw))
    try:
        plan = _plan_of(cursor, None if types is None else _expectation_of(tuple(types)))
        return _read(cursor, plan), plan
    except CandidDecodeError:
        raise
    except CandidError as error:
        raise CandidDecodeError(error.summary, slug=error.slug) from None


def decode(data: bytes | bytearray | memoryview, types: Sequence[T.Type] | None = None, *, quota: int = DECODING_QUOTA) -> list[object]:
    """Return the values of a message at the expected types, or at its own when `types` is None.

    Missing trailing arguments of type opt, null or reserved are None, further ones are skipped. `quota` bounds how many
    values may come out (see `DECODING_QUOTA`). Whatever is not such a message raises `CandidDecodeError`.
    """
    return _decode(data, types, quota)[0]


def decode_with_types(data: bytes | bytearray | memoryview, *, quota: int = DECODING_QUOTA) -> tuple[list[object], Table]:
    """Return the values of a message at its own types, and the table of these types."""
    values, plan = _decode(data, None, quota)
    return values, plan.wire
