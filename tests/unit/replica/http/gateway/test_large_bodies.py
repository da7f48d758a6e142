"""Large bodies through the gateway: parts that are put together, streams that are verified as a whole."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.candid import FunctionReference, Variant, encode
from orchestrator.candid import types as T
from orchestrator.core.principal import MANAGEMENT_CANISTER
from orchestrator.protocol import hash_tree
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.http.gateway.answers import MAX_STREAMED_BYTES
from orchestrator.replica.http.gateway.bodies import MAX_HELD_BYTES
from tests.support.certified_pages import Page, expression, page_headers, page_tree
from tests.support.certified_site import Fields, Site, ask_gateway, make_gateway
from tests.support.scripted_machine import answer
from tests.support.scripted_network import ScriptedNetwork

ROOT = Page(path=("http_expr", "", "<$>"), headers=(("Content-Type", "text/html"),))
WHOLE = bytes(range(256)) * 40
PARTS = 3


def part_page(start: int, size: int = 4000, *, tag: str = "v1") -> Page:
    """Return the partial answer that starts at a byte."""
    last = min(start + size, len(WHOLE)) - 1
    headers = (("Content-Range", f"bytes {start}-{last}/{len(WHOLE)}"), ("Content-Length", str(last - start + 1)), ("ETag", tag))
    return Page(path=("http_expr", "big", "<$>"), status=206, body=WHOLE[start : last + 1], headers=headers)


def in_parts(*, broken: Mapping[int, Page] | None = None, forge: bool = False) -> Site:
    """Serve a large asset in certified parts; `broken` replaces some, `forge` changes a byte of the second one."""
    pages = {start: (broken or {}).get(start, part_page(start)) for start in range(0, len(WHOLE), 4000)}
    tree = page_tree(list(pages.values()))

    def respond(request: Fields, certificate: bytes) -> Mapping[str, object]:
        asked = dict(request["headers"]).get("range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) // 4000 * 4000
        page = pages[start]
        body = b"\xff" + page.body[1:] if forge and start else page.body
        return {"status_code": 206, "headers": list(page_headers(page, tree, certificate)), "body": body}

    return Site(respond, certified_data=hash_tree.digest(tree))


@pytest.mark.parametrize("raw", [False, True])
def test_parts_are_put_together(*, raw: bool) -> None:
    """Who asks for the whole gets the whole, part by part, with its length and without the first part's range."""
    site = in_parts()
    found = site.get("/big", raw=raw)
    assert (found.status, found.body, found.length) == (200, WHOLE, len(WHOLE))
    assert not {"content-range", "content-length"} & set(found.headers)
    assert found.headers["etag"] == "v1"
    assert len(site.asked) == PARTS


def test_parts_are_fetched_when_they_are_wanted() -> None:
    """No part is asked for before the one ahead of it has gone: a large asset is never held."""
    site = in_parts()
    assert anyio.run(count_questions, site) == [1, 1, 2, 3]


async def count_questions(site: Site) -> list[int]:
    """Return how often a site was asked before and after each part was taken."""
    request = HttpRequest(method="GET", path="/big", target="/big", query="", headers=(("host", f"{site.canister}.localhost"),))
    response = await make_gateway(site.network).answer(request)
    assert response.chunks is not None
    return [len(site.asked), *[len(site.asked) async for _ in response.chunks]]


def test_parts_are_asked_for_by_queries_alone() -> None:
    """An update that answers with a part is not repeated for each of the others: it may have done something."""
    page = part_page(0)

    def update(_request: Fields, _certificate: bytes) -> Mapping[str, object]:
        return {"status_code": 206, "headers": list(page.headers), "body": page.body}

    site = Site(lambda *_: {"upgrade": True}, update=update)
    found = site.get("/big", raw=True, method="POST")
    assert (found.body, len(site.asked), "update call instead" in found.broken) == (WHOLE[:4000], 3, True)


@pytest.mark.parametrize(("forge", "broken"), [(False, ""), (True, "not those that the canister certified")])
def test_parts_after_an_update_are_verified(*, forge: bool, broken: str) -> None:
    """An update call vouches for the part that it answered, and for none that queries answer after it."""
    parts = in_parts(forge=forge)
    page = part_page(0)

    def respond(request: Fields, certificate: bytes) -> Mapping[str, object]:
        return parts.respond(request, certificate) if "range" in dict(request["headers"]) else {"upgrade": True}

    def update(_request: Fields, _certificate: bytes) -> Mapping[str, object]:
        return {"status_code": 206, "headers": list(page.headers), "body": page.body}

    found = Site(respond, update=update, certified_data=parts.certified_data).get("/big")
    assert found.body == (WHOLE[:4000] if forge else WHOLE)
    assert broken in found.broken


def test_parts_certified_for_the_range_that_was_asked_for_are_put_together() -> None:
    """As the certification library for Rust does it: the first part answers requests without a range, the others one with theirs."""

    def page(start: int) -> Page:
        ranges = (("range", f"bytes={start}-"),) if start else ()
        text = expression(request_headers=[name for name, _ in ranges])
        headers = (("content-length", str(len(part_page(start).body))), *part_page(start).headers[:1])
        return replace(part_page(start), headers=headers, expression=text, request=((":ic-cert-method", "GET"), *ranges))

    pages = [page(start) for start in range(0, len(WHOLE), 4000)]
    tree = page_tree(pages)

    def respond(request: Fields, certificate: bytes) -> Mapping[str, object]:
        start = int(dict(request["headers"]).get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        answer = pages[start // 4000]
        return {"status_code": 206, "headers": list(page_headers(answer, tree, certificate)), "body": answer.body}

    found = Site(respond, certified_data=hash_tree.digest(tree)).get("/big")
    assert (found.status, found.body, found.broken) == (200, WHOLE, "")


def test_who_asks_for_a_range_gets_it() -> None:
    """A client's own range is passed on, and so is its answer."""
    found = in_parts().get("/big", range="bytes=4000-")
    assert (found.status, found.body) == (206, WHOLE[4000:8000])
    assert found.headers["content-range"] == f"bytes 4000-7999/{len(WHOLE)}"


def test_the_head_of_a_large_asset_is_told_without_fetching_it() -> None:
    """HEAD tells the whole length after one question."""
    site = in_parts()
    found = site.get("/big", method="HEAD")
    assert (found.status, found.length, found.body, len(site.asked)) == (200, len(WHOLE), b"", 1)


@pytest.mark.parametrize(
    ("site", "why"),
    [
        (in_parts(forge=True), "not those that the canister certified"),
        (in_parts(broken={4000: part_page(4000, tag="v2")}), "changed meanwhile"),
        (in_parts(broken={4000: replace(part_page(4000), headers=())}), "Content-Range"),
        (in_parts(broken={4000: part_page(8000)}), "sent bytes 8000 to"),
    ],
    ids=["forged", "changed", "unnamed", "elsewhere"],
)
def test_a_part_that_does_not_fit_breaks_the_response_off(site: Site, why: str) -> None:
    """What was sent stays below the promised length, so that nobody takes it for the whole."""
    found = site.get("/big")
    assert (found.status, found.body) == (200, WHOLE[:4000])
    assert why in found.broken


@pytest.mark.parametrize(
    "text", ["", "bytes 0-3/*", "bytes 1-4/8", "bytes 3-0/4", "bytes 0-9/4", f"bytes 0-3/{MAX_STREAMED_BYTES + 1}", "bytes 0-3/"]
)
def test_a_part_of_nothing_known_is_refused(text: str) -> None:
    """Without a range that its body fits, a partial answer is no answer."""
    found = Site(lambda _request, _certificate: {"status_code": 206, "body": b"four", "headers": [("content-range", text)]}).get(raw=True)
    assert found.status == 502


def streaming(body: bytes, *, parts: int, certified: bytes | None = None, size: int = 0) -> Site:
    """Serve a body of which `http_request` has the first part and a callback the others."""
    size = size or -(-len(body) // parts)
    page = replace(ROOT, body=body if certified is None else certified)
    tree = page_tree([page])

    def respond(_request: Fields, certificate: bytes) -> Mapping[str, object]:
        strategy = {"callback": FunctionReference(site.canister, "next_part"), "token": {"part": 1, "of": "all"}}
        headers = list(page_headers(page, tree, certificate))
        return {"headers": headers, "body": body[:size], "streaming_strategy": Variant("Callback", strategy)}

    def part(token: Fields) -> Mapping[str, object]:
        number = token["part"]
        following = {"part": number + 1, "of": token["of"]} if (number + 1) * size < len(body) else None
        return {"body": body[number * size : (number + 1) * size], "token": following}

    site = Site(respond, certified_data=hash_tree.digest(tree), part=part)
    return site


def test_a_streamed_body_is_verified_as_a_whole() -> None:
    """It is shown when all of it is there and certified, with its length; large ones wait on disk."""
    body = bytes(range(256)) * (MAX_HELD_BYTES // 256 + 1)
    found = streaming(body, parts=5).get()
    assert (found.status, found.body == body, found.length) == (200, True, len(body))


def test_a_streamed_body_that_finds_no_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot wait on disk for its verification is said to be too much; the gateway does not fail."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "full"))
    found = streaming(bytes(MAX_HELD_BYTES + 1), parts=5).get()
    assert (found.status, "cannot be kept" in found.text) == (507, True)


def test_a_streamed_body_that_is_not_certified_is_refused() -> None:
    """Nothing of it is shown; the raw host shows it as it comes, without waiting."""
    site = streaming(b"0123456789", parts=5, certified=b"other")
    assert site.get().status == 503
    found = site.get(raw=True)
    assert (found.status, found.body, found.length, found.broken) == (200, b"0123456789", None, "")


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_body_streams_none(status: int) -> None:
    """A callback would have nothing to add: on the wire it would be the next response."""
    strategy = {"callback": FunctionReference(MANAGEMENT_CANISTER, "next_part"), "token": {"part": 1, "of": ""}}
    found = Site(lambda *_: {"status_code": status, "body": b"a", "streaming_strategy": Variant("Callback", strategy)}).get(raw=True)
    assert (found.status, found.body, found.parts) == (status, b"", 1)


def test_a_callback_of_another_canister_is_refused() -> None:
    """The rest of a body comes from the canister itself."""
    strategy = {"callback": FunctionReference(MANAGEMENT_CANISTER, "next_part"), "token": {"part": 1, "of": ""}}
    site = Site(lambda _request, _certificate: {"body": b"a", "streaming_strategy": Variant("Callback", strategy)})
    assert "its own methods only" in site.get(raw=True).broken


@pytest.mark.parametrize("kind", ["query", "composite_query"])
def test_a_callback_of_almost_the_specified_type_is_called(kind: str) -> None:
    """Other tokens, other annotations and an optional answer: whatever the canister declares, nothing is cut off silently."""
    part = T.Opt(T.record({"body": T.BLOB, "token": T.Opt(T.TEXT), "more": T.NAT}))
    callback = T.record({"callback": T.function([T.TEXT], [part], kind), "token": T.TEXT})
    strategy = T.Opt(T.variant({"Callback": callback, "Other": T.NULL}))
    wanted = T.record(
        {"status_code": T.NAT16, "headers": T.Vec(T.tuple_of(T.TEXT, T.TEXT)), "body": T.BLOB, "streaming_strategy": strategy}
    )
    network = ScriptedNetwork()
    canister = network.create()
    chosen = Variant("Callback", {"callback": FunctionReference(canister, "go_on"), "token": "next"})
    first = encode([wanted], [{"status_code": 200, "headers": [], "body": b"one ", "streaming_strategy": chosen}])
    last = encode([part], [{"body": b"two", "token": None, "more": 1}])
    network.install(canister, network.machine.module({"canister_query http_request": answer(first), "canister_query go_on": answer(last)}))
    host = f"{canister}.raw.localhost"
    request = HttpRequest(method="GET", path="/", target="/", query="", headers=(("host", host),))
    assert anyio.run(ask_gateway, network, request).body == b"one two"
