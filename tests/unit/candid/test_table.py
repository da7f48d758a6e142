"""Type tables: equal types share one entry, however they were written."""

from orchestrator.candid import types as T
from orchestrator.candid.table import build_table, types_of


def test_equal_types_share_an_entry() -> None:
    """Twenty equal records that are twenty objects make one entry, and its parts one each."""
    types = [T.record({"a": T.Opt(T.NAT), "b": T.Vec(T.Opt(T.NAT))}) for _ in range(20)]

    table = build_table(types)

    assert len(table.entries) == 3
    assert set(table.roots) == {0}


def test_parents_come_before_parts() -> None:
    """Entries are numbered from the roots down, depth first, as other implementations write them."""
    table = build_table([T.record({"a": T.Vec(T.Opt(T.NAT)), "b": T.Opt(T.TEXT)}), T.TEXT])

    assert [entry.refs for entry in table.entries] == [(1, 3), (2,), (-3,), (-15,)]
    assert table.roots == (0, -15)


def test_recursive_types_share_an_entry() -> None:
    """The same recursive type under two names, also unrolled, is one entry."""
    first = T.recursive("list", lambda me: T.Opt(T.tuple_of(T.NAT, me)))
    second = T.recursive("other", lambda me: T.Opt(T.tuple_of(T.NAT, T.Opt(T.tuple_of(T.NAT, me)))))
    unrolled = T.Opt(T.tuple_of(T.NAT, first))

    table = build_table([first, second, unrolled])

    assert len(table.entries) == 2
    assert table.roots == (0, 0, 0)


def test_types_that_differ_stay_apart() -> None:
    """Labels, tags, annotations and the line between arguments and results tell types apart."""
    pairs = [
        (T.record({"a": T.NAT}), T.variant({"a": T.NAT})),
        (T.function([T.NAT], []), T.function([], [T.NAT])),
        (T.function([], [], "query"), T.function()),
        (T.service({"a": T.function()}), T.service({"b": T.function()})),
    ]

    assert all(left != right for left, right in (build_table(pair).roots for pair in pairs))


def test_types_come_back_from_tables() -> None:
    """`types_of` is the inverse of `build_table`, with names for what recurs."""
    plain: T.Type = T.record(
        {"a": T.Vec(T.variant({"x": T.NULL})), "f": T.function([T.NAT], [T.BLOB], "query"), "s": T.service({"m": T.function()})}
    )
    recursive = T.recursive("list", lambda me: T.Opt(T.tuple_of(T.NAT, me)))

    back = types_of(build_table([plain, recursive, T.TEXT]))

    assert back[0] == plain
    assert str(back[1]).startswith("opt record { nat; table")
    assert back[2] == T.TEXT
    assert build_table([recursive]).entries == build_table([back[1]]).entries


def test_deep_types_need_no_recursion() -> None:
    """A type nested far deeper than Python can recurse makes a table."""
    deep: T.Type = T.NAT
    for _ in range(5000):
        deep = T.Opt(deep)

    assert len(build_table([deep]).entries) == 5000
