"""A persistent hash tree with cached digests: the certified state, updated one label at a time.

The specification leaves the shape of the forks open as long as labels are ordered, so the forks form a
crit-bit tree: inserting or removing a label makes as many new nodes as the tree is deep, and every
other node, with its digest, is shared with the tree before. A label's bits are those of its bytes,
each preceded by a one, with zeros after the end: that orders labels as bytes are ordered.
Source: the IC interface specification, section "Certification".
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.protocol import hash_tree

__all__ = ["EMPTY", "Empty", "Fork", "Labeled", "Leaf", "Tree", "find", "from_mapping", "insert", "labeled", "leaf", "remove", "witness"]

_BITS = 9
_EMPTY_TAG, _FORK_TAG, _LABELED_TAG, _LEAF_TAG, _PRUNED_TAG = range(5)


@dataclass(frozen=True, slots=True)
class Empty:
    """A tree without labels."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value."""

    value: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Labeled:
    """A label and what is below it."""

    label: bytes
    subtree: "Tree"
    digest: bytes


@dataclass(frozen=True, slots=True)
class Fork:
    """Two trees whose labels part at bit `position`; `first` and `last` are the smallest and largest."""

    position: int
    left: "Branch"
    right: "Branch"
    first: bytes
    last: bytes
    digest: bytes


Branch = Labeled | Fork
Tree = Empty | Leaf | Labeled | Fork

EMPTY = Empty(hash_tree.EMPTY_HASH)


def leaf(value: bytes) -> Leaf:
    """Make a leaf."""
    return Leaf(value, hash_tree.leaf_hash(value))


def labeled(label: bytes, subtree: Tree) -> Labeled:
    """Put a subtree below a label."""
    return Labeled(label, subtree, hash_tree.labeled_hash(label, subtree.digest))


def from_mapping(content: Mapping[bytes, "bytes | Tree"]) -> Tree:
    """Make a tree of one level: labels to values or subtrees. Inserting one label after the other gives the same tree."""
    nodes = [labeled(label, leaf(below) if isinstance(below, bytes) else below) for label, below in sorted(content.items(), key=_label)]
    return _join(nodes, 0, len(nodes)) if nodes else EMPTY


def insert(tree: Tree, label: bytes, subtree: Tree) -> Branch:
    """Return the tree with `subtree` below `label`, replacing what was there."""
    new = labeled(label, subtree)
    if isinstance(tree, Empty):
        return new
    if isinstance(tree, Leaf):
        raise TypeError("a leaf has no labels")
    nearest = _nearest(tree, label)
    return _place(tree, new, None if nearest == label else _critical_position(nearest, label))


def remove(tree: Tree, label: bytes) -> Tree:
    """Return the tree without `label`; the same tree when it is not there."""
    if isinstance(tree, Labeled):
        return EMPTY if tree.label == label else tree
    if not isinstance(tree, Fork):
        return tree
    goes_right = _bit(label, tree.position)
    side = tree.right if goes_right else tree.left
    rest = remove(side, label)
    if rest is side:
        return tree
    if not isinstance(rest, Labeled | Fork):
        return tree.left if goes_right else tree.right
    return _fork(tree.position, tree.left, rest) if goes_right else _fork(tree.position, rest, tree.right)


def find(tree: Tree, path: Sequence[bytes]) -> Tree | None:
    """Return what is at a path, or None."""
    for label in path:
        if isinstance(tree, Empty | Leaf):
            return None
        node: Branch = tree
        while isinstance(node, Fork):
            node = node.right if _bit(label, node.position) else node.left
        if node.label != label:
            return None
        tree = node.subtree
    return tree


def witness(tree: Tree, paths: Iterable[Sequence[bytes]]) -> list[object]:
    """Return the pruned tree, as CBOR lists, that shows the values below each path, or their absence.

    Everything below a requested path is revealed; of the neighbours that prove an absence only the
    labels are.
    """
    wanted = [tuple(path) for path in paths]
    if not wanted:
        return [_PRUNED_TAG, tree.digest]
    if isinstance(tree, Empty | Leaf) or any(not path for path in wanted):
        return _whole(tree)
    below: dict[bytes, list[tuple[bytes, ...]]] = {}
    for path in wanted:
        found, neighbours = _locate(tree, path[0])
        if found:
            below.setdefault(path[0], []).append(path[1:])
        for neighbour in neighbours:
            below.setdefault(neighbour, [])
    return _prune(tree, below, sorted(below))


def _prune(node: Branch, below: Mapping[bytes, list[tuple[bytes, ...]]], labels: Sequence[bytes]) -> list[object]:
    """Show the given labels of a level; `labels` are those of `below` inside this node."""
    if not labels:
        return [_PRUNED_TAG, node.digest]
    if isinstance(node, Labeled):
        return [_LABELED_TAG, node.label, witness(node.subtree, below[node.label])]
    left = [label for label in labels if label <= _last(node.left)]
    right = labels[len(left) :]
    return [_FORK_TAG, _prune(node.left, below, left), _prune(node.right, below, right)]


def _locate(tree: Branch, label: bytes) -> tuple[bool, tuple[bytes, ...]]:
    """Say if a level has a label; if not, which labels stand next to where it would be."""
    before: bytes | None = None
    after: bytes | None = None
    while isinstance(tree, Fork):
        if label <= _last(tree.left):
            after, tree = _first(tree.right), tree.left
        else:
            before, tree = _last(tree.left), tree.right
    if tree.label == label:
        return True, ()
    if tree.label < label:
        before = tree.label
    else:
        after = tree.label
    return False, tuple(neighbour for neighbour in (before, after) if neighbour is not None)


def _whole(tree: Tree) -> list[object]:
    if isinstance(tree, Empty):
        return [_EMPTY_TAG]
    if isinstance(tree, Leaf):
        return [_LEAF_TAG, tree.value]
    if isinstance(tree, Labeled):
        return [_LABELED_TAG, tree.label, _whole(tree.subtree)]
    return [_FORK_TAG, _whole(tree.left), _whole(tree.right)]


def _label(item: tuple[bytes, object]) -> bytes:
    return item[0]


def _join(nodes: Sequence[Labeled], start: int, end: int) -> Branch:
    """Put the forks over a range of nodes that are in order."""
    if end - start == 1:
        return nodes[start]
    position = _critical_position(nodes[start].label, nodes[end - 1].label)
    middle = bisect_left(nodes, 1, start, end, key=lambda node: _bit(node.label, position))
    return _fork(position, _join(nodes, start, middle), _join(nodes, middle, end))


def _first(node: Branch) -> bytes:
    return node.label if isinstance(node, Labeled) else node.first


def _last(node: Branch) -> bytes:
    return node.label if isinstance(node, Labeled) else node.last


def _fork(position: int, left: Branch, right: Branch) -> Fork:
    digest = hash_tree.fork_hash(left.digest, right.digest)
    return Fork(position, left, right, _first(left), _last(right), digest)


def _place(node: Branch, new: Labeled, position: int | None) -> Branch:
    """Put `new` where its bits say; `position` is where they part from the tree's, None to replace."""
    if isinstance(node, Fork) and (position is None or node.position < position):
        if _bit(new.label, node.position):
            return _fork(node.position, node.left, _place(node.right, new, position))
        return _fork(node.position, _place(node.left, new, position), node.right)
    if position is None:
        return new
    return _fork(position, node, new) if _bit(new.label, position) else _fork(position, new, node)


def _nearest(node: Branch, label: bytes) -> bytes:
    """Return the label that shares the longest run of bits with `label`."""
    while isinstance(node, Fork):
        node = node.right if _bit(label, node.position) else node.left
    return node.label


def _bit(label: bytes, position: int) -> int:
    index, offset = divmod(position, _BITS)
    if index >= len(label):
        return 0
    return 1 if offset == 0 else (label[index] >> (8 - offset)) & 1


def _critical_position(one: bytes, other: bytes) -> int:
    """Return the first bit in which two different labels differ."""
    shorter = min(len(one), len(other))
    for index in range(shorter):
        difference = one[index] ^ other[index]
        if difference:
            return index * _BITS + 1 + 8 - difference.bit_length()
    return shorter * _BITS
