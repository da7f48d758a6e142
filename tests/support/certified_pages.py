"""Certified HTTP responses for tests, made by the words of the HTTP gateway protocol.

What is hashed here shares no code with the verifier that is tested.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.principal import Principal
from orchestrator.protocol import cbor, hash_tree
from orchestrator.protocol.request_id import encode_leb128
from tests.support.authority import Authority, Labels, build_tree

__all__ = [
    "Headers",
    "Page",
    "certify_pages",
    "certify_version_one",
    "expression",
    "page_headers",
    "page_proof",
    "page_tree",
    "response_hash",
    "version_one_header",
    "version_one_tree",
]

Headers = tuple[tuple[str, str], ...]
_SKIP = "default_certification(ValidationArgs{no_certification:Empty{}})"


def _sha(data: bytes | str) -> bytes:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).digest()


def _map_hash(pairs: Sequence[tuple[str, bytes]]) -> bytes:
    return _sha(b"".join(sorted(_sha(name) + _sha(value) for name, value in pairs)))


def expression(
    *,
    request_headers: Sequence[str] | None = None,
    query: Sequence[str] = (),
    headers: Sequence[str] = (),
    excludes: bool = True,
    nothing: bool = False,
) -> str:
    """Spell an expression; `request_headers` None certifies no part of the request."""
    if nothing:
        return _SKIP
    request = "no_request_certification:Empty{}"
    if request_headers is not None:
        lists = (json.dumps(list(names), separators=(",", ":")) for names in (request_headers, query))
        request = "request_certification:RequestCertification{{certified_request_headers:{},certified_query_parameters:{}}}".format(*lists)
    kind = "response_header_exclusions" if excludes else "certified_response_headers"
    listed = f"ResponseHeaderList{{headers:{json.dumps(list(headers), separators=(',', ':'))}}}"
    response = f"response_certification:ResponseCertification{{{kind}:{listed}}}"
    return f"default_certification(ValidationArgs{{certification:Certification{{{request},{response}}}}})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One response and where it stands: the path in the tree, and the parts of it that its expression covers."""

    path: tuple[str, ...]
    body: bytes = b"hello"
    status: int = 200
    headers: Headers = (("content-type", "text/plain"),)
    certified: Headers | None = None
    expression: str = field(default_factory=expression)
    request: tuple[tuple[str, str], ...] = ()
    request_body: bytes = b""


def response_hash(page: Page) -> bytes:
    """Return a page's response hash."""
    headers = page.headers if page.certified is None else page.certified
    pairs = [(name.lower(), value.encode()) for name, value in headers]
    pairs += [("ic-certificateexpression", page.expression.encode()), (":ic-cert-status", encode_leb128(page.status))]
    return _sha(_map_hash(pairs) + _sha(page.body))


def _labels_of(page: Page) -> list[bytes]:
    """Return the labels from the root to a page's empty leaf."""
    path = [*(segment.encode() for segment in page.path), _sha(page.expression)]
    if page.expression == _SKIP:
        return path
    request = b""
    if page.request:
        request = _sha(_map_hash([(name, value.encode()) for name, value in page.request]) + _sha(page.request_body))
    return [*path, request, response_hash(page)]


def _grow(pages: Sequence[Page]) -> dict[bytes, object]:
    root: dict[bytes, object] = {}
    for page in pages:
        *labels, last = _labels_of(page)
        level = root
        for label in labels:
            level = level.setdefault(label, {})  # type: ignore[assignment]  # only leaves hold bytes
        level[last] = b""
    return root


def _encode(data: bytes) -> str:
    return f":{base64.b64encode(data).decode()}:"


def page_tree(pages: Sequence[Page]) -> list[object]:
    """Return the hash tree of all pages."""
    return build_tree(_grow(pages))  # type: ignore[arg-type]  # nested labels by construction


def page_proof(page: Page, tree: list[object]) -> str:
    """Return the fields of a page's `IC-Certificate` header, but for the certificate."""
    return f"tree={_encode(cbor.dumps(tree))}, expr_path={_encode(cbor.dumps(list(page.path)))}, version=2"


def page_headers(page: Page, tree: list[object], certificate: bytes) -> Headers:
    """Return a page's headers with those that prove it."""
    header = f"certificate={_encode(certificate)}, {page_proof(page, tree)}"
    return (*page.headers, ("IC-CertificateExpression", page.expression), ("IC-Certificate", header))


def version_one_tree(bodies: Mapping[str, bytes]) -> list[object]:
    """Return version 1's hash tree of bodies by path."""
    return build_tree({b"http_assets": {path.encode(): _sha(body) for path, body in bodies.items()}})


def version_one_header(tree: list[object], certificate: bytes) -> tuple[str, str]:
    """Return the header that proves a body by version 1."""
    return ("IC-Certificate", f"certificate={_encode(certificate)}, tree={_encode(cbor.dumps(tree))}")


def _certify(tree: list[object], authority: Authority, canister: Principal, time_ns: int) -> bytes:
    certified: Labels = {b"canister": {canister.raw: {b"certified_data": hash_tree.digest(tree)}}}
    return authority.certify(certified, time_ns, sharded=False)


def certify_pages(pages: Sequence[Page], *, authority: Authority, canister: Principal, time_ns: int, answer: int = 0) -> Headers:
    """Certify all pages, and return the headers of the one that answers."""
    tree = page_tree(pages)
    return page_headers(pages[answer], tree, _certify(tree, authority, canister, time_ns))


def certify_version_one(
    bodies: Mapping[str, bytes], *, authority: Authority, canister: Principal, time_ns: int, headers: Headers = ()
) -> Headers:
    """Certify bodies by path, by version 1, and return the headers of an answer."""
    tree = version_one_tree(bodies)
    return (*headers, version_one_header(tree, _certify(tree, authority, canister, time_ns)))
