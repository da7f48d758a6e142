"""Text values: what they mean at a type, what is inferred, and errors at the place."""

import pytest

from orchestrator.candid import FunctionReference, ServiceReference, Some, Variant, parse_arguments, parse_typed_values, parse_values
from orchestrator.candid import types as T
from orchestrator.candid.stream import MAX_NESTING
from orchestrator.core.principal import MANAGEMENT_CANISTER
from orchestrator.errors import CandidError, CandidSyntaxError

SETTINGS = T.record({"name": T.TEXT, "limit": T.Opt(T.NAT8), "kind": T.variant({"a": T.NULL, "b": T.tuple_of(T.INT, T.BOOL)})})


def test_values_without_types() -> None:
    """A number is an int, with a point a float; everything else says what it is."""
    text = r"""(null, true, 1_000, 0xff, -1.5e3, "text\u{e9}", blob "\00\ff", vec {1; 2}, opt 1, opt null, record { a = 1; 5 },
        variant { x = "y" }, variant { z }, principal "aaaaa-aa", func "aaaaa-aa".m, service "aaaaa-aa", 5 : nat8)"""

    types, values = parse_typed_values(text)

    assert values == [
        None,
        True,
        1000,
        255,
        -1500.0,
        "texté",
        b"\x00\xff",
        [1, 2],
        1,
        Some(None),
        {"a": 1, 98: 5},
        Variant("x", "y"),
        Variant("z"),
        MANAGEMENT_CANISTER,
        FunctionReference(MANAGEMENT_CANISTER, "m"),
        ServiceReference(MANAGEMENT_CANISTER),
        5,
    ]
    assert [str(type_) for type_ in types] == [
        "null",
        "bool",
        "int",
        "int",
        "float64",
        "text",
        "blob",
        "vec int",
        "opt int",
        "opt null",
        "record { a : int; 98 : int }",
        "variant { x : text }",
        "variant { z }",
        "principal",
        "func () -> ()",
        "service {}",
        "nat8",
    ]


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        (
            '(record { name = "x"; kind = variant { b = record { -1; true } } })',
            SETTINGS,
            {"name": "x", "limit": None, "kind": Variant("b", (-1, True))},
        ),
        (
            '(record { 1224700491 = "x"; limit = opt 255; kind = variant { 97 } })',
            SETTINGS,
            {"name": "x", "limit": 255, "kind": Variant("a")},
        ),
        ("(vec { 1; 2 })", T.BLOB, b"\x01\x02"),
        ("(opt opt null)", T.Opt(T.Opt(T.NULL)), Some(Some(None))),
        ("(null)", T.Opt(T.NAT), None),
        ("(1)", T.FLOAT64, 1.0),
        ("(1.5)", T.FLOAT32, 1.5),
        ("(((5)))", T.NAT, 5),
        ("(5 : nat)", T.INT, 5),
        ('("anything")', T.RESERVED, None),
        ("(record { 7; 8 })", T.tuple_of(T.NAT, T.NAT8), (7, 8)),
        ("(record { a = 1; b = 2 } : record { a : nat; b : nat8 })", T.record({"a": T.INT}), {"a": 1}),
    ],
)
def test_values_at_a_type(text: str, type_: T.Type, value: object) -> None:
    """With a type, numbers take its width, absent options are None, and annotations may name a subtype."""
    assert parse_values(text, [type_]) == [value]


@pytest.mark.parametrize(
    ("text", "types", "message", "column"),
    [
        ("5", [T.NAT], "arguments are written in parentheses", 1),
        ("(256)", [T.NAT8], "the number is out of range for nat8", 2),
        ("(1, -1)", [T.NAT, T.NAT], "the number is out of range for nat", 5),
        ("(1.5)", [T.NAT], "expected a value of type nat, found a number with a fraction", 2),
        ('("a")', [T.NAT], "expected a value of type nat, found a text", 2),
        ("(5)", [T.Opt(T.NAT)], "expected `opt …` or `null`, found a number", 2),
        ("(record { a = 1 })", [T.record({"b": T.NAT})], "field `b` is missing", 2),
        ("(variant { c })", [T.variant({"a": T.NULL, "b": T.NULL})], "the variant has no tag `c`", 2),
        ("(5 : text)", [T.TEXT], "expected a value of type text, found a number", 2),
        ("(5 : int)", [T.NAT], "a value of type `int` does not fit the type `nat`", 2),
        ("(5 : Missing)", None, "type `Missing` is not defined", 6),
        ("(1, 2)", [T.NAT], "1 argument is expected, not 2", 5),
        ("(1)", [T.NAT, T.NAT], "2 arguments are expected, not 1", 3),
        ("(record { a = 1; a = 2 })", None, "field `a` is there twice", 18),
        ('(principal "aaaa")', None, "is not a principal", 12),
        ('("\\ff")', None, "not valid UTF-8", 2),
        ('(func "aaaaa-aa")', None, "expected `.`", 17),
        ("(blob 5)", None, "expected a string, found `5`", 7),
        ("(- x)", None, "expected a number", 4),
        ("(1) 2", None, "expected the end, found `2`", 5),
        ("(opt)", None, "expected a value, found `)`", 5),
        ("(vec { 1; 256 })", [T.BLOB], "the number is out of range for nat8", 11),
        ("(record {})", [T.BLOB], "expected a value of type vec, found a record", 2),
        ("(vec { 1 : int } : vec int)", [T.Vec(T.NAT)], "does not fit", 2),
        ("(1e400)", [T.FLOAT64], "out of range", 2),
        ("(1e40)", [T.FLOAT32], "out of range", 2),
        (f"({'9' * 5000})", None, "at most 4000 digits", 2),
    ],
)
def test_errors_point_at_the_place(text: str, types: list[T.Type] | None, message: str, column: int) -> None:
    """What does not parse or fit raises `CandidSyntaxError` with the column."""
    with pytest.raises(CandidSyntaxError) as caught:
        parse_arguments(text, types)

    assert message in caught.value.summary
    assert caught.value.span is not None
    assert caught.value.span.column == column


def test_unknown_fields() -> None:
    """Fields that the type does not have are dropped as by subtyping, or refused where that is asked for."""
    type_ = T.record({"name": T.TEXT})
    text = '(record { name = "x"; nmae = "y" })'

    assert parse_values(text, [type_]) == [{"name": "x"}]
    with pytest.raises(CandidSyntaxError, match="no field `nmae`") as caught:
        parse_values(text, [type_], strict=True)
    assert caught.value.hint == "its fields are name"


def test_missing_arguments() -> None:
    """Trailing arguments of type opt, null or reserved may be left out."""
    assert parse_values("(1)", [T.NAT, T.Opt(T.NAT), T.NULL, T.RESERVED]) == [1, None, None, None]


def test_messages() -> None:
    """`parse_arguments` gives the message itself."""
    assert parse_arguments('(5, "a")', [T.NAT8, T.TEXT]).hex() == "4449444c00027b71050161"
    assert parse_arguments("()").hex() == "4449444c0000"


def test_nesting_is_capped() -> None:
    """A value nested deeper than the cap is refused by name, however deep."""
    for depth in (MAX_NESTING, 100_000):
        with pytest.raises(CandidError) as caught:
            parse_values(f"({'opt ' * depth}1)")
        assert caught.value.slug == "candid/too-deep"
