"""Values as text: spelled, annotated and broken into lines."""

import pytest

from orchestrator.candid import FunctionReference, ServiceReference, Some, Variant, encode, format_message, format_values, parse_values
from orchestrator.candid import types as T
from orchestrator.core.principal import MANAGEMENT_CANISTER
from orchestrator.errors import CandidError


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (T.NULL, None, "(null : null)"),
        (T.RESERVED, None, "(null : reserved)"),
        (T.BOOL, True, "(true)"),
        (T.NAT, 1234567, "(1_234_567 : nat)"),
        (T.INT, -1000, "(-1_000 : int)"),
        (T.NAT8, 42, "(42 : nat8)"),
        (T.FLOAT64, 1.0, "(1.0 : float64)"),
        (T.FLOAT64, 1e21, "(1000000000000000000000.0 : float64)"),
        (T.FLOAT64, 1e-7, "(0.0000001 : float64)"),
        (T.FLOAT64, -0.0, "(-0.0 : float64)"),
        (T.FLOAT32, 0.10000000149011612, "(0.1 : float32)"),
        (T.FLOAT32, 3.4028234663852886e38, "(340282350000000000000000000000000000000.0 : float32)"),
        (T.FLOAT64, float("nan"), "(NaN : float64)"),
        (T.FLOAT64, float("-inf"), "(-inf : float64)"),
        (T.TEXT, "a\"'\\\n\t\u0301é\u200b\x00", r'("a\"\'\\\n\t' + "\u0301é" + r'\u{200b}\u{0}")'),
        (T.TEXT, "\u0301", r'("\u{301}")'),
        (T.BLOB, b"plain \"`'\\", r'(blob "plain \22\60\27\5c")'),
        (T.BLOB, b"a\x00", r'(blob "\61\00")'),
        (T.Opt(T.NAT), None, "(null)"),
        (T.Opt(T.NAT), 5, "(opt (5 : nat))"),
        (T.Opt(T.TEXT), "a", '(opt "a")'),
        (T.Opt(T.Opt(T.NULL)), Some(Some(None)), "(opt opt (null : null))"),
        (T.Vec(T.NAT16), [], "(vec {})"),
        (T.Vec(T.TEXT), ["a", "b"], '(vec { "a"; "b" })'),
        (T.record({}), {}, "(record {})"),
        (T.tuple_of(T.NAT8, T.TEXT), (1, "x"), '(record { 1 : nat8; "x" })'),
        (
            T.record({"a b": T.TEXT, "vec": T.BOOL, 5: T.BOOL}),
            {"a b": "", "vec": True, 5: False},
            '(record { 5 = false; "a b" = ""; "vec" = true })',
        ),
        (T.record({"a": T.Opt(T.NAT)}), {}, "(record { a = null })"),
        (T.variant({"a": T.NULL}), Variant("a"), "(variant { a })"),
        (T.variant({"a": T.NAT8}), Variant(97, 1), "(variant { a = 1 : nat8 })"),
        (T.PRINCIPAL, MANAGEMENT_CANISTER, '(principal "aaaaa-aa")'),
        (T.service({}), ServiceReference(MANAGEMENT_CANISTER), '(service "aaaaa-aa")'),
        (T.function(), FunctionReference(MANAGEMENT_CANISTER, "a b"), '(func "aaaaa-aa"."a b")'),
    ],
)
def test_spelling(type_: T.Type, value: object, text: str) -> None:
    """Every kind of value is spelled as DFINITY's tools spell it."""
    assert format_values([value], [type_]) == text


def test_long_values_are_broken_into_lines() -> None:
    """What does not fit into 80 columns stands on lines of its own, indented, with separators at the ends."""
    type_ = T.record({"name": T.TEXT, "tags": T.Vec(T.TEXT), "n": T.NAT})
    value = {"name": "x" * 40, "tags": ["y" * 30, "z" * 50], "n": 1}

    assert format_values([value, 5], [type_, T.NAT]).splitlines() == [
        "(",
        "  record {",
        "    n = 1 : nat;",
        f'    name = "{"x" * 40}";',
        "    tags = vec {",
        f'      "{"y" * 30}";',
        f'      "{"z" * 50}";',
        "    };",
        "  },",
        "  5 : nat,",
        ")",
    ]


def test_huge_numbers() -> None:
    """Numbers too long for Python's decimal conversion are shown in hexadecimal, and read back."""
    text = format_values([2**20_000, -(2**20_000)], [T.NAT, T.INT])

    assert "0000 : nat" in text
    assert parse_values(text) == [2**20_000, -(2**20_000)]


def test_long_vecs_stay_on_one_line() -> None:
    """More than ten elements are not laid out."""
    text = format_values([list(range(11))], [T.Vec(T.NAT8.__class__("nat16", -6))])

    assert text.splitlines()[1].startswith("  vec { 0 : nat16; 1 : nat16;")
    assert len(text.splitlines()) == 3


def test_deep_values_continue_on_one_line() -> None:
    """Below ten levels nothing is laid out any more: every kind of value stands on one line there."""
    leaf = T.variant(
        {"a": T.record({"n": T.NAT, "v": T.Vec(T.tuple_of(T.BOOL, T.Opt(T.NAT))), "q": T.Opt(T.TEXT), "e": T.variant({"x": T.NULL})})}
    )
    value: object = Variant("a", {"n": 1, "v": [(True, 5)], "q": "it's", "e": Variant("x")})
    type_: T.Type = leaf
    for _ in range(10):
        type_, value = T.Vec(type_), [value]

    assert (
        'variant { a = record { e = variant { x }; n = 1 : nat; q = opt "it\'s"; v = vec { record { true; opt (5 : nat);};};} }'
        in format_values([value], [type_])
    )


def test_messages_without_types() -> None:
    """A message alone shows field ids, with separators for thousands."""
    data = encode([T.record({"name": T.TEXT}), T.NAT], ["x" and {"name": "x"}, 1])

    assert format_message(data) == '(record { 1_224_700_491 = "x" }, 1 : nat)'
    assert format_message(data, [T.record({"name": T.TEXT}), T.NAT]) == '(record { name = "x" }, 1 : nat)'
    assert format_message(encode([], [])) == "()"


def test_values_must_have_types() -> None:
    """As many types as values, and tags that exist, else `CandidError`."""
    with pytest.raises(CandidError, match="1 values are expected, not 0"):
        format_values([], [T.NAT])
    with pytest.raises(CandidError, match="no tag `b`"):
        format_values([Variant("b")], [T.variant({"a": T.NULL})])
