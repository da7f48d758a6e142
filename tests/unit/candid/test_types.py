"""Types: built sorted, refused when labels clash, spelled as .did files spell them."""

import pytest

from orchestrator.candid import types as T
from orchestrator.errors import CandidError


def test_field_hash_is_the_specifications() -> None:
    """Names hash as the specification says, over their UTF-8 bytes."""
    assert {name: T.field_hash(name) for name in ("", "a", "id", "name", "description", "é")} == {
        "": 0,
        "a": 97,
        "id": 23515,
        "name": 1224700491,
        "description": 1595738364,
        "é": 43654,
    }


def test_fields_are_sorted_by_id() -> None:
    """`record` and `variant` sort fields by id, whatever order they are given in."""
    assert [field.label for field in T.record({"b": T.NAT, "a": T.TEXT, 5: T.BOOL}).fields] == [5, "a", "b"]
    assert T.variant({"b": T.NAT, "a": T.TEXT}) == T.variant({"a": T.TEXT, "b": T.NAT})


@pytest.mark.parametrize(
    "fields",
    [{"a": T.NAT, 97: T.NAT}, {-1: T.NAT}, {2**32: T.NAT}],
    ids=["a name and its hash", "negative", "too large"],
)
def test_labels_that_clash_are_refused(fields: dict[T.Label, T.Type]) -> None:
    """Two labels with one id, and ids that do not exist, raise `CandidError`."""
    with pytest.raises(CandidError):
        T.record(fields)


def test_unsorted_fields_are_refused() -> None:
    """A record built by hand in the wrong order is refused instead of written wrongly."""
    with pytest.raises(CandidError, match="sorted"):
        T.Record((T.Field("b", T.NAT), T.Field("a", T.NAT)))


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (T.BLOB, "blob"),
        (T.Vec(T.Opt(T.TEXT)), "vec opt text"),
        (T.tuple_of(T.NAT, T.TEXT), "record { nat; text }"),
        (T.record({}), "record {}"),
        (T.record({"record": T.NAT, "a b": T.NULL, 7: T.INT}), 'record { 7 : int; "a b" : null; "record" : nat }'),
        (T.variant({"a": T.NULL, "b": T.NAT}), "variant { a; b : nat }"),
        (T.function([T.NAT], [T.TEXT], "query"), "func (nat) -> (text) query"),
        (T.service({"f": T.function(), "é": T.function()}), 'service { f : () -> (); "é" : () -> () }'),
        (T.recursive("list", lambda me: T.Opt(T.tuple_of(T.NAT, me))), "opt record { nat; list }"),
    ],
)
def test_spelling(type_: T.Type, text: str) -> None:
    """`str` of a type is Candid text."""
    assert str(type_) == text


def test_spelling_is_bounded() -> None:
    """Types that are exponentially long as text, or very deep, are cut instead of spelled."""
    wide: T.Type = T.NAT
    deep: T.Type = T.NAT
    for _ in range(60):
        wide = T.tuple_of(wide, wide)
    for _ in range(5000):
        deep = T.Opt(deep)

    assert len(str(wide)) < 100_000
    assert str(deep).endswith("…")


def test_unknown_annotations_are_refused() -> None:
    """Only query, composite_query and oneway annotate functions."""
    with pytest.raises(CandidError, match="`update`"):
        T.function([], [], "update")


def test_service_methods_are_functions() -> None:
    """`methods` looks through names; a method that is no function raises."""
    named = T.Knot("F")
    named.tie(T.function([T.NAT]))

    assert T.service({"f": named}).methods == {"f": T.function([T.NAT])}
    with pytest.raises(CandidError, match="`f`"):
        _ = T.service({"f": T.NAT}).methods


def test_knots_are_tied_once() -> None:
    """A name means one type: unbound names, second definitions and names of themselves raise."""
    knot, first, second = T.Knot("a"), T.Knot("b"), T.Knot("c")
    with pytest.raises(CandidError, match="not bound"):
        _ = knot.target
    knot.tie(T.NAT)
    with pytest.raises(CandidError, match="twice"):
        knot.tie(T.NAT)
    first.tie(second)
    second.tie(first)
    with pytest.raises(CandidError, match="as itself"):
        T.resolve(first)


def test_parts_can_be_mapped() -> None:
    """`map_parts` changes the direct parts of every kind of type; `parts_of` lists them."""
    types = [
        T.Opt(T.NAT),
        T.Vec(T.NAT),
        T.record({"a": T.NAT}),
        T.variant({"a": T.NAT}),
        T.function([T.NAT], [T.NAT], "query"),
        T.NAT,
    ]

    changed = [T.map_parts(type_, lambda _part: T.TEXT) for type_ in types]

    assert list(map(str, changed)) == [
        "opt text",
        "vec text",
        "record { a : text }",
        "variant { a : text }",
        "func (text) -> (text) query",
        "nat",
    ]
    assert [len(T.parts_of(type_)) for type_ in types] == [1, 1, 1, 1, 2, 0]
