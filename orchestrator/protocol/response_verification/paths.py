"""Expression paths: whether a certified path answers for a request's path, and none does so more exactly.

Source: the HTTP gateway protocol specification, section "Expression Path".
"""

from collections.abc import Iterator, Sequence

from orchestrator.protocol.hash_tree import Absent, Subtree, Tree, Unknown, lookup_subtree
from orchestrator.protocol.response_verification.failures import failure

__all__ = ["EXACT", "PREFIX", "WILDCARD", "check_expression_path", "encode_path"]

PREFIX = "http_expr"
EXACT = "<$>"
WILDCARD = "<*>"
_FOLDER = ""
"""The last segment of a path that ends in a slash."""


def encode_path(path: Sequence[str]) -> list[bytes]:
    """Return a path's labels in the tree."""
    return [segment.encode("utf-8") for segment in path]


def check_expression_path(path: Sequence[str], request_path: str, tree: Tree) -> None:
    """Return if `path` is in the tree and the most specific one for a request's path, which is percent-decoded.

    Raises `CertificateError`.
    """
    if len(path) < 2 or path[0] != PREFIX or path[-1] not in {EXACT, WILDCARD}:
        raise failure("path", f"the expression path {_show(path)} does not start with {PREFIX} and end with {EXACT} or {WILDCARD}")
    segments = _segments(request_path)
    exact = [PREFIX, *segments, EXACT]
    if list(path) != exact:
        _check_wildcard(path, segments, tree)
        if not isinstance(lookup_subtree(tree, encode_path(exact)), Absent):
            raise failure("path", f"the canister may certify {request_path} itself, but answered for {_show(path)}")
    if not isinstance(lookup_subtree(tree, encode_path(path)), Subtree):
        raise failure("path", f"the expression path {_show(path)} is not in the certified tree")


def _check_wildcard(path: Sequence[str], segments: Sequence[str], tree: Tree) -> None:
    base = list(path[1:-1])
    if path[-1] == EXACT or not _covers(base, segments):
        raise failure("path", f"the expression path {_show(path)} is not for /{'/'.join(segments)}")
    levels = _levels(tree, segments)
    for length, tail in _closer_wildcards(segments, base):
        level = levels[min(length, len(levels) - 1)]
        found = lookup_subtree(level.tree, encode_path([*tail, WILDCARD])) if isinstance(level, Subtree) else level
        if not isinstance(found, Absent):
            closer = [*segments[:length], *tail, WILDCARD]
            raise failure("path", f"the canister may certify {_show(closer)}, but answered for {_show(path)}")


def _levels(tree: Tree, segments: Sequence[str]) -> list[Subtree | Absent | Unknown]:
    """Return what the tree has below ever more of a path's segments; the last is so for all that are longer."""
    levels = [lookup_subtree(tree, encode_path([PREFIX]))]
    for segment in segments:
        level = levels[-1]
        if not isinstance(level, Subtree):
            break
        levels.append(lookup_subtree(level.tree, encode_path([segment])))
    return levels


def _segments(request_path: str) -> list[str]:
    """Split a path; empty segments count for nothing but at the end, where they tell a folder from a file."""
    segments = [segment for segment in request_path.split("/") if segment]
    return [*segments, _FOLDER] if request_path.endswith("/") else segments


def _covers(base: Sequence[str], segments: Sequence[str]) -> bool:
    if list(segments[: len(base)]) == list(base):
        return True
    return base[-1:] == [_FOLDER] and list(segments[: len(base) - 1]) == list(base[:-1])


def _closer_wildcards(segments: Sequence[str], base: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield every path between the request's own and `base`, from the longest on: a/b, then a/, then a.

    A path is how many of the request's segments it has, and what follows them.
    """
    length, tail = len(segments), tuple[str, ...]()
    while length or tail:
        last = tail[0] if tail else segments[length - 1]
        if length + len(tail) <= len(base) and base[-1] == last:
            return
        yield length, tail
        if tail:
            tail = ()
        else:
            length, tail = length - 1, () if last == _FOLDER else (_FOLDER,)


def _show(path: Sequence[str]) -> str:
    return "/".join(path)
