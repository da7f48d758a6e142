"""Hash trees: the partial, prunable trees that certificates sign.

A tree is the decoded CBOR form: `[0]` empty, `[1, left, right]` fork, `[2, label, tree]` labelled, `[3, value]`
leaf, `[4, hash]` pruned. Source: the interface specification, sections "Certificate" and "Lookup".
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.errors import CertificateError

__all__ = [
    "EMPTY_HASH",
    "HASH_BYTES",
    "MAX_TREE_DEPTH",
    "Absent",
    "Found",
    "Interior",
    "Lookup",
    "Subtree",
    "Unknown",
    "check_well_formed",
    "digest",
    "fork_hash",
    "labeled_hash",
    "leaf_hash",
    "list_labels",
    "lookup",
    "lookup_subtree",
]

HASH_BYTES = 32
MAX_TREE_DEPTH = 190
"""The deepest tree that is read, in nodes from the root; a full subnet's state tree reaches about 60."""

_EMPTY, _FORK, _LABELED, _LEAF, _PRUNED = range(5)
_SIZES = {_EMPTY: 1, _FORK: 3, _LABELED: 3, _LEAF: 2, _PRUNED: 2}


def _separator(name: str) -> bytes:
    return bytes([len(name)]) + name.encode("ascii")


_FORK_SEPARATOR = _separator("ic-hashtree-fork")
_LABELED_SEPARATOR = _separator("ic-hashtree-labeled")
_LEAF_SEPARATOR = _separator("ic-hashtree-leaf")
EMPTY_HASH = hashlib.sha256(_separator("ic-hashtree-empty")).digest()
"""The hash of the empty tree."""

Tree: TypeAlias = Sequence[object]


@dataclass(frozen=True, slots=True)
class Found:
    """The path leads to this value."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Absent:
    """The tree proves that the path does not exist."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The path may exist: its part of the tree is pruned."""


@dataclass(frozen=True, slots=True)
class Interior:
    """The path exists and has labels below it, not a value (the specification's `Error`)."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """The tree below a path."""

    tree: Tree


Lookup: TypeAlias = Found | Absent | Unknown | Interior


def fork_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a fork from the hashes of its sides."""
    return hashlib.sha256(_FORK_SEPARATOR + left + right).digest()


def labeled_hash(label: bytes, tree: bytes) -> bytes:
    """Return the hash of a labelled node from its label and the hash of the tree below."""
    return hashlib.sha256(_LABELED_SEPARATOR + label + tree).digest()


def leaf_hash(value: bytes) -> bytes:
    """Return the hash of a leaf with this value."""
    return hashlib.sha256(_LEAF_SEPARATOR + value).digest()


def digest(tree: Tree) -> bytes:
    """Return the 32-byte root hash; raise `CertificateError` for a malformed or too deep tree."""
    return _digest(tree, 0)


def _digest(tree: object, depth: int) -> bytes:
    node = _node(tree, depth)
    kind = node[0]
    if kind == _FORK:
        return fork_hash(_digest(node[1], depth + 1), _digest(node[2], depth + 1))
    if kind == _LABELED:
        return labeled_hash(_blob(node[1]), _digest(node[2], depth + 1))
    if kind == _LEAF:
        return leaf_hash(_blob(node[1]))
    if kind == _PRUNED:
        pruned = _blob(node[1])
        if len(pruned) != HASH_BYTES:
            raise _malformed(f"a pruned node has {len(pruned)} bytes instead of {HASH_BYTES}")
        return pruned
    return EMPTY_HASH


def check_well_formed(tree: Tree) -> None:
    """Raise `CertificateError` unless labels increase strictly and never stand beside a leaf."""
    pending: list[tuple[object, int]] = [(tree, 0)]
    while pending:
        current, depth = pending.pop()
        forest = _flatten(current, depth)
        if len(forest) == 1 and forest[0][0][0] == _LEAF:
            continue
        previous: bytes | None = None
        for node, level in forest:
            if node[0] == _LEAF:
                raise _malformed("a leaf stands beside other nodes")
            if node[0] == _LABELED:
                label = _blob(node[1])
                if previous is not None and label <= previous:
                    raise _malformed("labels are not in increasing order")
                previous = label
                pending.append((node[2], level + 1))


def lookup(tree: Tree, path: Sequence[bytes]) -> Lookup:
    """Return what the tree proves about a path: its value, its absence, or nothing.

    The tree must be well-formed (`check_well_formed`); every certificate that verified is.
    """
    below = lookup_subtree(tree, path)
    if not isinstance(below, Subtree):
        return below
    node = _node(below.tree, 0)
    if node[0] == _LEAF:
        return Found(_blob(node[1]))
    if node[0] == _EMPTY:
        return Absent()
    if node[0] == _PRUNED:
        return Unknown()
    return Interior()


def lookup_subtree(tree: Tree, path: Sequence[bytes]) -> Subtree | Absent | Unknown:
    """Return the tree below a path, its proven absence, or that the tree does not tell."""
    current: object = tree
    depth = 0
    for label in path:
        found = _find_label(label, _flatten(current, depth))
        if isinstance(found, (Absent, Unknown)):
            return found
        current, depth = found
    return Subtree(_node(current, depth))


def list_labels(tree: Tree, path: Sequence[bytes] = ()) -> list[bytes]:
    """Return the labels that the tree shows directly below a path; pruned ones are not among them."""
    below = lookup_subtree(tree, path)
    if not isinstance(below, Subtree):
        return []
    return [_blob(node[1]) for node, _ in _flatten(below.tree, 0) if node[0] == _LABELED]


def _find_label(label: bytes, forest: list[tuple[Tree, int]]) -> tuple[object, int] | Absent | Unknown:
    """Search one level; a gap proves absence only when no pruned node stands in it."""
    gap_is_known = True
    for node, depth in forest:
        if node[0] == _LABELED:
            here = _blob(node[1])
            if here == label:
                return node[2], depth + 1
            if label < here:
                return Absent() if gap_is_known else Unknown()
            gap_is_known = True
        elif node[0] == _PRUNED:
            gap_is_known = False
    return Absent() if gap_is_known else Unknown()


def _flatten(tree: object, depth: int) -> list[tuple[Tree, int]]:
    """Return the nodes of one level in order, forks dissolved and empties dropped, each with its depth."""
    nodes: list[tuple[Tree, int]] = []
    pending: list[tuple[object, int]] = [(tree, depth)]
    while pending:
        current, level = pending.pop()
        node = _node(current, level)
        if node[0] == _FORK:
            pending.extend(((node[2], level + 1), (node[1], level + 1)))
        elif node[0] != _EMPTY:
            nodes.append((node, level))
    return nodes


def _node(tree: object, depth: int) -> Tree:
    if depth > MAX_TREE_DEPTH:
        raise _malformed(f"the tree is deeper than {MAX_TREE_DEPTH} nodes")
    if not isinstance(tree, (list, tuple)) or not tree:
        raise _malformed("a node is not a list")
    kind = tree[0]
    if not isinstance(kind, int) or isinstance(kind, bool) or _SIZES.get(kind) != len(tree):
        raise _malformed("a node is of no known kind")
    return tree


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise _malformed("a label, value or hash is not a byte string")
    return value


def _malformed(reason: str) -> CertificateError:
    return CertificateError("the certificate's tree is malformed", slug="protocol/hash-tree", detail=reason)
