"""The canister of `certified_site.mo` on a real network: pages go in with their proofs, and come out certified."""

from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.candid import encode
from orchestrator.candid.types import BLOB, NAT16, TEXT, Vec, record, tuple_of
from orchestrator.core.principal import Principal
from orchestrator.protocol import hash_tree
from tests.support.certified_pages import Page, page_proof, page_tree
from tests.support.replica_client import ReplicaClient

__all__ = ["PART_BYTES", "deploy_site", "page_at", "parts_of"]

SOURCE = Path(__file__).with_name("certified_site.mo")
PART_BYTES = 1_900_000
"""The size of a part of a large page; a reply has room for 2 MB."""
_PAGE = record({"status": NAT16, "headers": Vec(tuple_of(TEXT, TEXT)), "proof": TEXT, "body": BLOB})


def page_at(path: str, body: bytes, kind: str) -> Page:
    """Return a page that is certified at exactly this path."""
    segments = [part for part in path.split("/") if part] + ([""] if path.endswith("/") else [])
    return Page(path=("http_expr", *segments, "<$>"), body=body, headers=(("content-type", kind),))


def parts_of(path: str, body: bytes) -> dict[str, Page]:
    """Return the partial answers that make up a large page, by their keys."""
    pages: dict[str, Page] = {}
    for start in range(0, len(body), PART_BYTES):
        part = body[start : start + PART_BYTES]
        headers = (("content-type", "application/octet-stream"), ("content-range", f"bytes {start}-{start + len(part) - 1}/{len(body)}"))
        page = Page(path=("http_expr", path.strip("/"), "<$>"), status=206, body=part, headers=headers)
        pages[f"{path} {start}" if start else path] = page
    return pages


def deploy_site(client: ReplicaClient, compile_actor: Callable[[str], bytes], pages: Mapping[str, Page]) -> Principal:
    """Install the canister with pages by key."""
    canister = client.create()
    client.install(canister, compile_actor(SOURCE.read_text(encoding="utf-8")))
    tree = page_tree(list(pages.values()))
    for key, page in pages.items():
        headers = [*page.headers, ("ic-certificateexpression", page.expression)]
        content = {"status": page.status, "headers": headers, "proof": page_proof(page, tree), "body": page.body}
        client.call(canister, "put", encode([TEXT, _PAGE], [key, content]))
    client.call(canister, "certify", encode([BLOB], [hash_tree.digest(tree)]))
    return canister
