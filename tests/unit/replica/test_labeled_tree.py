"""The incremental hash tree on the specification's worked example, and what it costs."""

from orchestrator.protocol import hash_tree
from orchestrator.replica import labeled_tree as tree

EXAMPLE_DIGEST = bytes.fromhex("eb5c5b2195e62d996b84c9bcc8259d19a83786a2f59e0878cec84c811f669aa0")


def leafed(**values: bytes) -> tree.Tree:
    """Make one level of values."""
    return tree.from_mapping({name.encode(): value for name, value in values.items()})


def test_the_specifications_example_tree_has_its_digest_when_forked_alike() -> None:
    """Our node hashes are the specification's: its tree, forked as it is there, has its root hash."""
    x = tree.leaf(b"hello")
    a = [1, [1, [2, b"x", [3, b"hello"]], [0]], [2, b"y", [3, b"world"]]]
    rest = [1, [2, b"c", [0]], [2, b"d", [3, b"morning"]]]
    example = [1, [1, [2, b"a", a], [2, b"b", [3, b"good"]]], rest]
    assert hash_tree.digest(example) == EXAMPLE_DIGEST
    assert x.digest == hash_tree.digest([3, b"hello"])
    assert tree.labeled(b"x", x).digest == hash_tree.digest([2, b"x", [3, b"hello"]])


def test_a_label_that_another_one_starts_with_comes_first() -> None:
    """Labels are ordered as bytes are, also when one is the beginning of another or has zero bytes."""
    labels = [b"", b"\x00", b"\x00\x00", b"a", b"a\x00", b"ab", b"\xff"]
    made = tree.from_mapping(dict.fromkeys(reversed(labels), b""))
    assert hash_tree.list_labels(tree.witness(made, [()]), []) == labels


def test_inserting_shares_everything_else() -> None:
    """Of a thousand labels one insertion makes only the nodes on its way, so old trees stay as they were."""
    made = tree.from_mapping({number.to_bytes(4, "big"): b"value" for number in range(1000)})
    more = tree.insert(made, b"zzzz", tree.leaf(b"new"))
    assert tree.find(made, [b"zzzz"]) is None
    assert isinstance(more, tree.Fork)
    assert more.left is made


def test_removing_what_is_not_there_changes_nothing() -> None:
    """The very same tree comes back."""
    made = leafed(a=b"1", b=b"2")
    assert tree.remove(made, b"c") is made
    assert tree.remove(tree.remove(made, b"a"), b"b") is tree.EMPTY


def test_finding_goes_down_paths() -> None:
    """A path leads to a subtree, a leaf, or nothing."""
    made = tree.from_mapping({b"top": leafed(a=b"1")})
    assert tree.find(made, [b"top", b"a"]) == tree.leaf(b"1")
    assert tree.find(made, [b"top", b"a", b"deeper"]) is None
    assert tree.find(made, [b"other"]) is None
