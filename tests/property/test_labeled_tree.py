"""The incremental hash tree against what it stands for: a mapping from labels to values."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.protocol import hash_tree
from orchestrator.replica import labeled_tree as tree

LABELS = st.binary(max_size=5)
CONTENTS = st.dictionaries(LABELS, st.binary(max_size=4), max_size=40)


def build(content: dict[bytes, bytes]) -> tree.Tree:
    """Make a tree by inserting in the mapping's order."""
    made: tree.Tree = tree.EMPTY
    for label, value in content.items():
        made = tree.insert(made, label, tree.leaf(value))
    return made


@given(CONTENTS, LABELS)
def test_a_witness_proves_presence_and_absence(content: dict[bytes, bytes], label: bytes) -> None:
    """Whatever is asked for is found with its value or proven absent, under the whole tree's digest."""
    made = build(content)
    shown = tree.witness(made, [(label,)])
    assert hash_tree.digest(shown) == made.digest
    wanted = hash_tree.Found(content[label]) if label in content else hash_tree.Absent()
    assert hash_tree.lookup(shown, [label]) == wanted


@given(CONTENTS, st.data())
def test_the_shape_depends_on_the_content_only(content: dict[bytes, bytes], data: st.DataObject) -> None:
    """Insertions and removals in any order end in the same tree as inserting what is left."""
    others = data.draw(st.dictionaries(LABELS, st.just(b"gone"), max_size=20))
    order = data.draw(st.permutations(sorted(content.items())))
    made = build({**others, **dict(order)})
    for label in others:
        if label not in content:
            made = tree.remove(made, label)
    assert made.digest == build(dict(sorted(content.items()))).digest


@given(CONTENTS)
def test_replacing_a_value_changes_that_value_only(content: dict[bytes, bytes]) -> None:
    """The new value is found at its label and all others are as before."""
    made = build(content)
    for label in content:
        made = tree.insert(made, label, tree.leaf(b"new"))
        break
    whole = tree.witness(made, [()])
    labels = hash_tree.list_labels(whole, []) if content else []
    assert labels == sorted(content)
    for number, label in enumerate(content):
        assert hash_tree.lookup(whole, [label]) == hash_tree.Found(content[label] if number else b"new")


@given(st.dictionaries(LABELS, CONTENTS, max_size=8), st.lists(st.tuples(LABELS, LABELS), max_size=6))
def test_nested_paths_are_shown_together(content: dict[bytes, dict[bytes, bytes]], paths: list[tuple[bytes, bytes]]) -> None:
    """One witness answers for all requested paths."""
    made = tree.from_mapping({label: build(below) for label, below in content.items()})
    shown = tree.witness(made, paths) if paths else tree.witness(made, [()])
    assert hash_tree.digest(shown) == made.digest
    for outer, inner in paths:
        value = content.get(outer, {}).get(inner)
        assert hash_tree.lookup(shown, [outer, inner]) == (hash_tree.Absent() if value is None else hash_tree.Found(value))


@given(CONTENTS)
def test_what_is_not_asked_for_is_pruned(content: dict[bytes, bytes]) -> None:
    """A witness for nothing shows the digest only."""
    made = build(content)
    assert tree.witness(made, []) == [4, made.digest]
