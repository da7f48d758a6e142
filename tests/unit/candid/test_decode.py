"""Decoding: values, coercion by subtyping, and refusals."""

import re

import pytest

from orchestrator.candid import FunctionReference, ServiceReference, Some, Variant, decode, encode
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidDecodeError

ME = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai")
TREE = T.recursive(
    "tree", lambda me: T.record({"name": T.TEXT, "kids": T.Vec(me), "boss": T.Opt(me), "kind": T.variant({"leaf": T.NULL, "of": me})})
)
LEAF: dict[str, object] = {"name": "x", "kids": [], "boss": None, "kind": Variant("leaf")}


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (T.Vec(T.BOOL), [True, False]),
        (T.Vec(T.FLOAT64), [1.5, -0.5]),
        (T.Vec(T.NULL), [None, None]),
        (T.Opt(T.Opt(T.NULL)), Some(Some(None))),
        (T.Opt(T.RESERVED), Some(None)),
        (T.tuple_of(T.NAT, T.TEXT), (1, "a")),
        (T.record({}), {}),
        (T.record({"a": T.BLOB, 5: T.INT}), {5: -1, "a": b"x"}),
        (T.variant({"a": T.tuple_of(T.NAT)}), Variant("a", (1,))),
        (T.function(), FunctionReference(ME, "é")),
        (T.service({}), ServiceReference(ME)),
        (TREE, {**LEAF, "kids": [LEAF, {**LEAF, "boss": LEAF, "kind": Variant("of", LEAF)}]}),
    ],
)
def test_values_come_back(type_: T.Type, value: object) -> None:
    """What was encoded is decoded to the same Python value."""
    assert decode(encode([type_], [value]), [type_]) == [value]


@pytest.mark.parametrize(
    ("wire", "value", "expected", "result"),
    [
        (T.NAT, 5, T.INT, 5),
        (T.NAT, 5, T.RESERVED, None),
        (T.NAT, 5, T.Opt(T.INT), 5),
        (T.TEXT, "a", T.Opt(T.NAT), None),
        (T.NULL, None, T.Opt(T.NAT), None),
        (T.RESERVED, None, T.Opt(T.NAT), None),
        (T.Opt(T.TEXT), "a", T.Opt(T.NAT), None),
        (T.NAT, 5, T.Opt(T.Opt(T.NAT)), Some(5)),
        (T.Opt(T.NAT), 5, T.Opt(T.Opt(T.NAT)), Some(5)),
        (T.record({"a": T.NAT, "b": T.TEXT}), {"a": 1, "b": "x"}, T.record({"a": T.INT}), {"a": 1}),
        (T.record({"a": T.NAT}), {"a": 1}, T.record({"a": T.NAT, "b": T.Opt(T.NAT), "c": T.NULL}), {"a": 1, "b": None, "c": None}),
        (T.tuple_of(T.NAT, T.NAT), (1, 2), T.tuple_of(T.NAT), (1,)),
        (T.variant({"a": T.NAT}), Variant("a", 1), T.variant({"a": T.INT, "b": T.NULL}), Variant("a", 1)),
        (T.variant({"a": T.NULL, "b": T.NULL}), Variant("a"), T.variant({"a": T.NULL}), Variant("a")),
        (T.variant({"a": T.NULL, "b": T.NULL}), Variant("b"), T.Opt(T.variant({"a": T.NULL})), None),
        (T.Vec(T.TEXT), [], T.Vec(T.NAT), []),
        (T.service({}), ServiceReference(ME), T.PRINCIPAL, ME),
        (T.service({"f": T.function(), "g": T.function()}), ServiceReference(ME), T.service({"f": T.function()}), ServiceReference(ME)),
        (T.function([T.NAT]), FunctionReference(ME, "f"), T.Opt(T.function([T.TEXT])), None),
        (TREE, LEAF, T.record({"name": T.TEXT, "kids": T.Vec(T.NAT)}), {"kids": [], "name": "x"}),
        (TREE, {**LEAF, "kids": [LEAF]}, T.record({"kids": T.Opt(T.Vec(T.NAT))}), {"kids": None}),
    ],
)
def test_coercion(wire: T.Type, value: object, expected: T.Type, result: object) -> None:
    """A message of a subtype becomes a value of the expected type; what does not fit under opt becomes None."""
    assert decode(encode([wire], [value]), [expected]) == [result]


@pytest.mark.parametrize(
    ("wire", "value", "expected", "message"),
    [
        (T.INT, 5, T.NAT, "argument 0: expected nat, the message has int"),
        (T.record({"a": T.Vec(T.INT)}), {"a": [1]}, T.record({"a": T.Vec(T.NAT)}), "argument 0.a[0]: expected nat"),
        (T.record({}), {}, T.record({"a": T.NAT}), "argument 0.a: the message has no field `a`"),
        (T.variant({"b": T.NULL}), Variant("b"), T.variant({"a": T.NULL}), "tag 98"),
        (T.variant({"b": T.INT}), Variant("b", 1), T.variant({"b": T.NAT}), "argument 0.b: expected nat"),
        (T.Vec(T.INT), [1], T.BLOB, "expected a blob"),
        (T.PRINCIPAL, ME, T.service({}), "expected service"),
        (T.function([T.NAT]), FunctionReference(ME, "f"), T.function([T.TEXT]), "another signature"),
        (T.RESERVED, None, T.NULL, "expected null"),
        (TREE, {**LEAF, "kids": [LEAF]}, T.record({"kids": T.Vec(T.record({"name": T.NAT}))}), "argument 0.kids[0].name: expected nat"),
    ],
)
def test_values_that_do_not_fit(wire: T.Type, value: object, expected: T.Type, message: str) -> None:
    """A value without a form at the expected type raises, and the message leads to it."""
    with pytest.raises(CandidDecodeError, match=re.escape(message)):
        decode(encode([wire], [value]), [expected])


def test_trailing_arguments_may_be_missing_or_extra() -> None:
    """Missing opt, null and reserved arguments are None, others raise; extra ones are checked and dropped."""
    data = encode([T.NAT, T.TEXT], [1, "a"])

    assert decode(data, [T.NAT]) == [1]
    assert decode(data, []) == []
    assert decode(data, [T.NAT, T.TEXT, T.Opt(T.NAT), T.NULL, T.RESERVED]) == [1, "a", None, None, None]
    with pytest.raises(CandidDecodeError, match="argument 2 is missing"):
        decode(data, [T.NAT, T.TEXT, T.NAT])
    with pytest.raises(CandidDecodeError, match="UTF-8"):
        decode(bytes.fromhex("4449444c00027d7101" + "01ff"), [T.NAT])


def test_own_types_of_a_message() -> None:
    """Without types, fields and tags are known by their ids."""
    type_ = T.record({"a": T.NAT, "b": T.variant({"x": T.NULL})})

    assert decode(encode([type_], [{"a": 1, "b": Variant("x")}])) == [{97: 1, 98: Variant(120)}]


@pytest.mark.parametrize(
    ("hex_", "message"),
    [
        ("", "does not start with DIDL"),
        ("4449444d0000", "does not start with DIDL"),
        ("4449444c", "ends too early"),
        ("4449444c0000ff", "bytes are left"),
        ("4449444c00017d", "ends too early"),
        ("4449444c00017102", "ends too early"),
        ("4449444c00017501020304"[:-2], "ends too early"),
        ("4449444c00017e02", "a bool is 0 or 1"),
        ("4449444c016d7e01000302"[:-2] + "000102", "a bool is 0 or 1"),
        ("4449444c016e7d010002", "a bool is 0 or 1"),
        ("4449444c00016f", "type empty"),
        ("4449444c00016800", "opaque reference"),
        ("4449444c000168011e" + "00" * 30, "at most 29 bytes"),
        ("4449444c016a000000010000", "opaque function reference"),
        ("4449444c000101", "not a type of this message"),
        ("4449444c00016e", "not a type of this message"),
        ("4449444c016e050100", "not a type of this message"),
        ("4449444c017d0100", "not the code of a type with parts"),
        ("4449444c016c02017d017d0100", "not greater than the one before"),
        ("4449444c016c02027d017d0100", "not greater than the one before"),
        ("4449444c016c01ffffffff1f7d0100", "more than 32 bits"),
        ("4449444c016a0000020102" + "0100", "more than one annotation"),
        ("4449444c016a00000109" + "0100", "unknown kind"),
        ("4449444c016901016101" + "0100", "not a type of this message"),
        ("4449444c026a00000069020161000161000101", "sorted"),
        ("4449444c02690101ff016a0000000100", "not UTF-8"),
        ("4449444c0169010161" + "7d" + "0100", "not a function"),
        ("4449444c016b0161" + "7f" + "010001", "tag 1 of a variant that has 1"),
        ("4449444c0190ce00" + "00", "not the code of a type"),
        ("4449444c914e", "10001 types"),
        ("4449444c808080808080808080" + "02", "more than 64 bits"),
        ("4449444c0001808080808080808080" + "02", "more than 64 bits"),
    ],
)
def test_bytes_that_are_no_message(hex_: str, message: str) -> None:
    """Every kind of broken message raises `CandidDecodeError` that says what is wrong."""
    with pytest.raises(CandidDecodeError, match=re.escape(message)):
        decode(bytes.fromhex(hex_))


def test_over_long_numbers_are_read() -> None:
    """Numbers with needless bytes are taken, as other implementations take them."""
    assert decode(bytes.fromhex("4449444c8000017d858000")) == [5]
    assert decode(bytes.fromhex("4449444c00017cffffff7f")) == [-1]


def test_types_of_the_future_are_skipped() -> None:
    """A value of an unknown kind can be skipped, and fills an opt with None."""
    data = bytes.fromhex("4449444c01" + "6702aabb" + "020079" + "0200ccdd" + "07000000")

    assert decode(data, [T.Opt(T.TEXT), T.NAT32]) == [None, 7]
    assert decode(data) == [None, 7]


def test_records_without_values_are_empty() -> None:
    """A record that contains itself directly has no values: it reads as type empty instead of for ever."""
    data = bytes.fromhex("4449444c016c010000" + "0100")

    with pytest.raises(CandidDecodeError, match="type empty"):
        decode(data)


def test_bytes_like_messages_are_taken() -> None:
    """Bytearray and memoryview decode like bytes."""
    data = encode([T.NAT], [5])

    assert decode(bytearray(data), [T.NAT]) == decode(memoryview(data), [T.NAT]) == [5]


def test_the_same_header_again_is_read_the_same() -> None:
    """A header that was met before (its plan is kept) still gives each message its own values."""
    types = [T.record({"a": T.NAT, "b": T.Opt(T.TEXT)})]
    values = [{"a": index, "b": None if index % 2 else "x"} for index in range(20)]

    assert [decode(encode(types, [value]), types)[0] for value in values] == values
