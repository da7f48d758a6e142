"""The subtype relation: which interfaces may follow which, and where one may not."""

import pytest

from orchestrator.candid import is_subtype, parse_interface, subtype_losses, subtype_problems
from orchestrator.candid import types as T


def service(text: str) -> T.Service:
    """Return the service of a .did file."""
    found = parse_interface(text).service
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (T.NAT, T.NAT),
        (T.NAT, T.INT),
        (T.TEXT, T.RESERVED),
        (T.EMPTY, T.TEXT),
        (T.TEXT, T.Opt(T.NAT)),
        (T.service({}), T.PRINCIPAL),
        (T.Vec(T.NAT), T.Vec(T.INT)),
        (T.record({"a": T.NAT, "b": T.TEXT}), T.record({"a": T.NAT})),
        (T.record({}), T.record({"a": T.Opt(T.NAT), "b": T.NULL, "c": T.RESERVED})),
        (T.variant({"a": T.NULL}), T.variant({"a": T.NULL, "b": T.NULL})),
        (T.function([T.INT], [T.NAT]), T.function([T.NAT], [T.INT])),
        (T.function([], [T.NAT, T.TEXT]), T.function([T.NAT], [T.NAT])),
        (T.function([T.Opt(T.NAT)], []), T.function([], [T.Opt(T.NAT)])),
        (T.service({"f": T.function(), "g": T.function()}), T.service({"f": T.function()})),
        (
            T.recursive("a", lambda me: T.Opt(T.tuple_of(T.NAT, me))),
            T.recursive("b", lambda me: T.Opt(T.tuple_of(T.INT, T.Opt(T.tuple_of(T.INT, me))))),
        ),
    ],
)
def test_subtypes(new: T.Type, old: T.Type) -> None:
    """Every rule of the specification lets its types through."""
    assert is_subtype(new, old) is None


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        (T.INT, T.NAT, "int is not a subtype of nat"),
        (T.PRINCIPAL, T.service({}), "principal is not a subtype of service"),
        (T.RESERVED, T.NULL, "reserved is not a subtype of null"),
        (T.Vec(T.TEXT), T.BLOB, "element: text is not a subtype of nat8"),
        (T.record({}), T.record({"a": T.NAT}), "field `a`: it is missing, and its type is not opt, null or reserved"),
        (T.record({"a": T.INT}), T.record({"a": T.NAT}), "field `a`: int is not a subtype of nat"),
        (T.variant({"b": T.NULL}), T.variant({"a": T.NULL}), "tag `b`: the other type does not know it"),
        (T.variant({"a": T.INT}), T.variant({"a": T.NAT}), "tag `a`: int is not a subtype of nat"),
        (T.function([T.NAT]), T.function([T.INT]), "argument 0: int is not a subtype of nat"),
        (T.function([T.NAT]), T.function([]), "argument 0: it is new, and its type is not opt, null or reserved"),
        (T.function([], []), T.function([], [T.NAT]), "result `0`: it is missing, and its type is not opt, null or reserved"),
        (T.function([], [], "query"), T.function(), "it is query where update is expected"),
        (T.service({}), T.service({"f": T.function()}), "method `f`: it is missing"),
    ],
)
def test_types_that_are_not(new: T.Type, old: T.Type, message: str) -> None:
    """Every way to fail is told, with the way to the place."""
    assert str(is_subtype(new, old)) == message


def test_all_problems_of_an_upgrade() -> None:
    """`subtype_problems` lists every breaking change of an interface, each with its whole path."""
    old = service("service : { get : (record { id : nat }) -> (record { name : text; age : nat }) query; gone : () -> () }")
    new = service("service : { get : (record { id : nat; page : nat }) -> (record { name : opt text; age : nat }); added : () -> () }")

    assert [str(problem) for problem in subtype_problems(new, old)] == [
        "method `gone`: it is missing",
        "method `get`: it is update where query is expected",
        "method `get` › argument 0 › field `page`: it is new, and its type is not opt, null or reserved",
        "method `get` › result `0` › field `name`: opt is not a subtype of text",
    ]
    assert subtype_problems(old, old) == ()


def test_losses_behind_opts() -> None:
    """Changes that are legal only because an opt turns misfits into null are told apart from harmless ones."""
    old = service("service : { f : () -> (record { a : opt nat; b : opt record { c : text }; d : opt variant { x }; e : opt int }) }")
    new = service("service : { f : () -> (record { a : opt text; b : opt record { c : nat }; d : variant { x; y }; e : nat; g : nat }) }")

    assert is_subtype(new, old) is None
    assert [str(loss) for loss in subtype_losses(new, old)] == [
        "method `f` › result `0` › field `a` › opt: text is not a subtype of nat",
        "method `f` › result `0` › field `d` › opt › tag `y`: the other type does not know it",
        "method `f` › result `0` › field `b` › opt › field `c`: nat is not a subtype of text",
    ]
    assert subtype_losses(old, old) == ()
