"""Hash trees, by the specification's example and its rules of lookup."""

import pytest

from orchestrator.errors import CertificateError
from orchestrator.protocol import cbor
from orchestrator.protocol.hash_tree import (
    EMPTY_HASH,
    Absent,
    Found,
    Interior,
    Lookup,
    Subtree,
    Unknown,
    check_well_formed,
    digest,
    list_labels,
    lookup,
    lookup_subtree,
)

FULL = (
    "8301830183024161830183018302417882034568656c6c6f810083024179820345776f726c6483024162820344676f6f64"
    "8301830241638100830241648203476d6f726e696e67"
)
PRUNED = (
    "83018301830241618301820458201b4feff9bef8131788b0c9dc6dbad6e81e524249c879e9f10f71ce3749f5a638"
    "83024179820345776f726c6483024162820458207b32ac0c6ba8ce35ac82c255fc7906f7fc130dab2a090f80fe12f9c2cae83ba6"
    "830182045820ec8324b8a1f1ac16bd2e806edba78006479c9877fed4eb464a25485465af601d830241648203476d6f726e696e67"
)
ROOT_HASH = "eb5c5b2195e62d996b84c9bcc8259d19a83786a2f59e0878cec84c811f669aa0"


def tree(text: str) -> list[object]:
    """Decode a tree."""
    value = cbor.loads(bytes.fromhex(text))
    assert isinstance(value, list)
    return value


def test_the_specifications_tree_has_its_root_hash() -> None:
    """The example tree and its pruned form have the hash that the specification prints."""
    assert digest(tree(FULL)).hex() == ROOT_HASH
    assert digest(tree(PRUNED)).hex() == ROOT_HASH


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/a", Unknown()),
        ("a/y", Found(b"world")),
        ("aa", Absent()),
        ("ax", Absent()),
        ("b", Unknown()),
        ("bb", Unknown()),
        ("d", Found(b"morning")),
        ("e", Absent()),
        ("a", Interior()),
        ("d/x", Absent()),
        ("b/x", Unknown()),
        ("a/y/z", Absent()),
    ],
)
def test_lookup_in_the_pruned_tree(path: str, expected: Lookup) -> None:
    """The specification's table of lookups, and the cases that it leaves to its algorithm."""
    assert lookup(tree(PRUNED), [part.encode() for part in path.split("/")]) == expected


@pytest.mark.parametrize(("path", "expected"), [("c", Absent()), ("a/x", Found(b"hello")), ("b", Found(b"good")), ("", Absent())])
def test_lookup_in_the_full_tree(path: str, expected: Lookup) -> None:
    """Nothing is unknown in a tree that is not pruned; a label with an empty tree has no value."""
    assert lookup(tree(FULL), [part.encode() for part in path.split("/")]) == expected


def test_subtrees_and_labels() -> None:
    """The labels below a path are listed in order; pruned ones are not invented."""
    assert list_labels(tree(FULL)) == [b"a", b"b", b"c", b"d"]
    assert list_labels(tree(PRUNED), [b"a"]) == [b"y"]
    assert list_labels(tree(PRUNED), [b"zz"]) == []
    below = lookup_subtree(tree(FULL), [b"a"])
    assert isinstance(below, Subtree)
    assert lookup(below.tree, [b"y"]) == Found(b"world")


def test_empty_and_pruned_roots() -> None:
    """The empty tree proves absence; a pruned root proves nothing."""
    assert digest([0]) == EMPTY_HASH
    assert lookup([0], [b"a"]) == Absent()
    assert lookup([0], []) == Absent()
    assert lookup([4, bytes(32)], [b"a"]) == Unknown()
    assert lookup([4, bytes(32)], []) == Unknown()
    assert lookup([1, [4, bytes(32)], [2, b"m", [3, b""]]], [b"a"]) == Unknown()
    assert lookup([1, [4, bytes(32)], [2, b"m", [3, b""]]], [b"z"]) == Absent()
    assert lookup([1, [2, b"a", [3, b""]], [4, bytes(32)]], [b"aa"]) == Unknown()


@pytest.mark.parametrize(
    "malformed",
    [
        [],
        [5],
        [True],
        [1, [0]],
        [2, "text", [0]],
        [2, b"a"],
        [3, 1],
        [4, b"short"],
        [0, 0],
        [1, [0], "x"],
        ["3", b""],
        {},
        None,
    ],
)
def test_malformed_nodes_are_refused(malformed: list[object]) -> None:
    """A node of no known kind, of the wrong length or with the wrong parts raises `CertificateError`."""
    with pytest.raises(CertificateError):
        digest(malformed)


@pytest.mark.parametrize(
    "ill_formed",
    [
        [1, [2, b"b", [0]], [2, b"a", [0]]],
        [1, [2, b"a", [0]], [2, b"a", [0]]],
        [1, [3, b""], [2, b"a", [0]]],
        [1, [3, b""], [3, b""]],
        [2, b"x", [1, [2, b"b", [0]], [2, b"a", [0]]]],
        [1, [2, b"b", [0]], [1, [4, bytes(32)], [2, b"a", [0]]]],
    ],
)
def test_ill_formed_trees_are_refused(ill_formed: list[object]) -> None:
    """Labels out of order or beside a leaf, at any level, are refused: lookups would prove wrong things."""
    with pytest.raises(CertificateError):
        check_well_formed(ill_formed)


def test_deep_trees_are_refused() -> None:
    """A tree of ten thousand levels is refused by every reader, and never a RecursionError."""
    deep: list[object] = [0]
    for _ in range(10_000):
        deep = [2, b"a", deep]
    forks: list[object] = [0]
    for _ in range(10_000):
        forks = [1, [0], forks]
    for value in (deep, forks):
        with pytest.raises(CertificateError):
            digest(value)
        with pytest.raises(CertificateError):
            check_well_formed(value)
    with pytest.raises(CertificateError):
        lookup(deep, [b"a"] * 9_000)
    with pytest.raises(CertificateError):
        lookup(forks, [b"a"])
