"""Encoding: exact bytes, and refusals that name the place."""

import re

import pytest

from orchestrator.candid import FunctionReference, ServiceReference, Some, Variant, encode
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidEncodeError

ME = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai")


@pytest.mark.parametrize(
    ("type_", "value", "hex_"),
    [
        (T.NULL, None, "4449444c00017f"),
        (T.RESERVED, object(), "4449444c000170"),
        (T.BOOL, True, "4449444c00017e01"),
        (T.NAT, 128, "4449444c00017d8001"),
        (T.NAT, 2**70, "4449444c00017d8080808080808080808001"),
        (T.INT, -65, "4449444c00017cbf7f"),
        (T.INT, 64, "4449444c00017cc000"),
        (T.NAT16, 258, "4449444c00017a0201"),
        (T.INT64, -2, "4449444c000174feffffffffffffff"),
        (T.FLOAT64, 1, "4449444c000172000000000000f03f"),
        (T.TEXT, "é", "4449444c00017102c3a9"),
        (T.PRINCIPAL, ME, "4449444c000168010a00000000000000010101"),
        (T.BLOB, b"\x01\x02", "4449444c016d7b0100020102"),
        (T.BLOB, bytearray(b"\x01"), "4449444c016d7b01000101"),
        (T.BLOB, memoryview(b"\x01"), "4449444c016d7b01000101"),
        (T.BLOB, [1, 2], "4449444c016d7b0100020102"),
        (T.Vec(T.NAT16), [1, 2], "4449444c016d7a01000201000200"),
        (T.Vec(T.TEXT), ["a"], "4449444c016d710100010161"),
        (T.Opt(T.NAT8), None, "4449444c016e7b010000"),
        (T.Opt(T.NAT8), 5, "4449444c016e7b01000105"),
        (T.Opt(T.NAT8), Some(5), "4449444c016e7b01000105"),
        (T.Opt(T.Opt(T.NAT8)), Some(None), "4449444c026e016e7b01000100"),
        (T.tuple_of(T.NAT8, T.NAT8), (1, 2), "4449444c016c02007b017b01000102"),
        (T.tuple_of(T.NAT8, T.NAT8), {0: 1, 1: 2}, "4449444c016c02007b017b01000102"),
        (T.record({"a": T.NAT8}), {97: 1}, "4449444c016c01617b010001"),
        (T.record({"a": T.NAT8, "b": T.Opt(T.NAT8)}), {"a": 1}, "4449444c026c02617b62016e7b01000100"),
        (T.variant({"a": T.NULL, "b": T.NAT8}), Variant("b", 7), "4449444c016b02617f627b01000107"),
        (T.variant({"a": T.NULL, "b": T.NAT8}), Variant(97), "4449444c016b02617f627b010000"),
        (T.function([T.NAT], [], "query"), FunctionReference(ME, "f"), "4449444c016a017d00010101000101" + "0a000000000000000101010166"),
        (T.service({}), ServiceReference(ME), "4449444c01690001" + "00010a00000000000000010101"),
    ],
)
def test_bytes(type_: T.Type, value: object, hex_: str) -> None:
    """Every kind of value becomes the bytes that the specification gives it."""
    assert encode([type_], [value]).hex() == hex_


SETTINGS = T.record({"controllers": T.Opt(T.Vec(T.PRINCIPAL)), "limits": T.Vec(T.NAT8), "mode": T.variant({"a": T.NAT, "b": T.NULL})})


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        (T.NAT, -1, "argument 0: expected nat, got -1"),
        (T.NAT, True, "argument 0: expected nat, got True"),
        (T.NAT, 3.9, "argument 0: expected nat, got 3.9"),
        (T.INT, "1", "argument 0: expected int, got '1'"),
        (T.BOOL, 1, "argument 0: expected bool, got 1"),
        (T.NAT8, 256, "out of range"),
        (T.INT8, -129, "out of range"),
        (T.FLOAT32, 1e39, "out of range"),
        (T.FLOAT64, "1", "expected float64"),
        (T.FLOAT64, 10**400, "out of range"),
        (T.TEXT, b"x", "expected text"),
        (T.TEXT, "\ud800", "surrogates"),
        (T.NULL, 0, "expected null"),
        (T.EMPTY, None, "no value has the type empty"),
        (T.PRINCIPAL, "aaaaa-aa", "expected a Principal"),
        (T.service({}), ME, "expected a ServiceReference"),
        (T.function(), ME, "expected a FunctionReference"),
        (T.BLOB, "text", "expected a blob"),
        (T.BLOB, [256], "numbers from 0 to 255"),
        (T.Vec(T.TEXT), "abc", "expected a list"),
        (T.Vec(T.NAT32), [1, True], "argument 0[1]: expected nat32"),
        (T.Vec(T.NAT32), [1, 2**32], "argument 0[1]: expected nat32"),
        (T.Opt(T.Opt(T.NAT)), 5, "Some(…)"),
        (T.record({"a": T.NAT}), {}, "field `a` is missing"),
        (T.record({"a": T.NAT}), {"a": 1, "b": 2}, "no field `b`"),
        (T.record({"a": T.NAT}), (1,), "expected a dict"),
        (T.tuple_of(T.NAT), 5, "expected a tuple"),
        (T.tuple_of(T.NAT), (1, 2), "expected a tuple of 1, got one of 2"),
        (T.variant({"a": T.NULL}), "a", "expected a Variant"),
        (T.variant({"a": T.NULL}), Variant("b"), "no tag `b`"),
        (SETTINGS, {"controllers": [ME, 5], "limits": [], "mode": Variant("b")}, "argument 0.controllers[1]: expected a Principal, got 5"),
        (SETTINGS, {"controllers": None, "limits": [1, -1], "mode": Variant("b")}, "argument 0.limits"),
        (SETTINGS, {"controllers": None, "limits": [], "mode": Variant("a", -5)}, "argument 0.mode.a: expected nat"),
    ],
)
def test_values_that_do_not_fit(type_: T.Type, value: object, message: str) -> None:
    """A value of the wrong kind is never converted: it raises, and the message leads to it."""
    with pytest.raises(CandidEncodeError, match=re.escape(message)):
        encode([type_], [value])


def test_huge_numbers_are_not_spelled() -> None:
    """A refused number too long for Python's decimal conversion is told by its size."""
    with pytest.raises(CandidEncodeError, match="expected nat, got a number of 16610 bits"):
        encode([T.NAT], [-(10**5000)])


def test_the_number_of_values_is_checked() -> None:
    """As many values as types, else `CandidEncodeError`."""
    with pytest.raises(CandidEncodeError, match="2 values are expected, not 1"):
        encode([T.NAT, T.NAT], [1])


def test_too_many_types_are_refused() -> None:
    """A type table that others would refuse is not written."""
    types = [T.record({index: T.NULL}) for index in range(10_001)]
    with pytest.raises(CandidEncodeError, match="10000"):
        encode(types, [{}] * len(types))


def test_errors_inside_recursive_values_name_the_place() -> None:
    """The path is complete through walks, which recursive types take."""
    tree = T.recursive("tree", lambda me: T.record({"name": T.TEXT, "kids": T.Vec(me), "kind": T.variant({"leaf": T.NULL, "of": me})}))
    leaf = {"name": "x", "kids": [], "kind": Variant("leaf")}
    value = {"name": "a", "kids": [leaf, {**leaf, "kind": Variant("of", {**leaf, "name": 5})}], "kind": Variant("leaf")}

    with pytest.raises(CandidEncodeError, match=re.escape("argument 0.kids[1].kind.of.name: expected text, got 5")):
        encode([tree], [value])
