"""The gateway: what is certified is shown, what is not is refused with the address where it is shown all the same."""

import gzip
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio
import pytest

from orchestrator.candid import encode
from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.protocol import hash_tree
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.vm.interface import Section
from tests.support.certified_pages import Page, expression, page_headers, page_tree, version_one_header, version_one_tree
from tests.support.certified_site import Fields, Site, ask_gateway, serve_pages
from tests.support.scripted_machine import answer
from tests.support.scripted_network import ScriptedNetwork

HTML = (("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("Cache-Control", "max-age=9"))
PAGE = Page(path=("http_expr", "<$>"), body=b"<p>hello", headers=HTML)
ROOT = replace(PAGE, path=("http_expr", "", "<$>"))


def test_a_certified_page_is_shown() -> None:
    """Status, body and certified headers are the canister's."""
    found = serve_pages({"/": replace(ROOT, status=404)}).get("/?x")
    assert (found.status, found.body) == (404, b"<p>hello")
    assert (found.headers["content-type"], found.headers["set-cookie"], found.headers["cache-control"]) == ("text/html", "a=1", "max-age=9")
    assert {"ic-certificate", "ic-certificateexpression"} <= set(found.headers)


@pytest.mark.parametrize(("status", "header"), [(301, ("Location", "https://example.org/a?b#c")), (304, ("ETag", '"v1"'))])
def test_redirects_and_unchanged_pages_pass(status: int, header: tuple[str, str]) -> None:
    """What version 2 certifies includes the status and where to: browsers follow and keep what they have."""
    site = serve_pages({"/": replace(ROOT, status=status, body=b"", headers=(header,))})
    found = site.get(if_none_match='"v1"')
    assert (found.status, found.body, found.headers[header[0].lower()]) == (status, b"", header[1])
    assert ("if-none-match", '"v1"') in site.asked[0]["headers"]


def test_headers_without_certificate_are_left_out() -> None:
    """Only what the expression covers comes through; a raw host passes everything on."""
    only = replace(ROOT, certified=HTML[:1], expression=expression(headers=["content-type"], excludes=False))
    site = serve_pages({"/": only})
    assert "set-cookie" not in site.get().headers
    assert site.get(raw=True).headers["set-cookie"] == "a=1"


def refused(site: Site, path: str = "/") -> str:
    """Return the text of the page that refuses a response."""
    found = site.get(path)
    assert (found.status, found.headers["cache-control"]) == (503, "no-store")
    assert "failed verification" in found.text
    assert f"http://{site.canister}.raw.localhost:8000{path}" in found.text
    return found.text


def test_an_uncertified_response_is_refused_and_shown_raw() -> None:
    """Without a certificate there is a page that names the raw host, which shows the response."""
    site = Site(lambda _request, _certificate: {"body": b"plain"})
    assert "no certificate" in refused(site, "/a?b=<c>")
    assert site.get(raw=True).body == b"plain"


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"<p>Hello"},
        {"status_code": 201},
        {"headers": [("Content-Type", "text/plain"), *HTML[1:]]},
        {"headers": [*HTML, ("x-more", "1")]},
    ],
)
def test_a_changed_response_is_refused(change: dict[str, Any]) -> None:
    """A body, status or header that is not the certified one is not shown."""
    tree = page_tree([ROOT])

    def respond(_request: Fields, certificate: bytes) -> Mapping[str, object]:
        own = list(page_headers(ROOT, tree, certificate))
        headers = [*change.get("headers", HTML), *own[len(HTML) :]]
        return {"status_code": 200, "body": ROOT.body, **change, "headers": headers}

    assert "not those that the canister certified" in refused(Site(respond, certified_data=hash_tree.digest(tree)))


def test_a_tree_of_somebody_else_is_refused() -> None:
    """A tree that is not under the canister's certified data proves nothing."""
    tree = page_tree([ROOT])
    site = Site(
        lambda _request, certificate: {"headers": list(page_headers(ROOT, tree, certificate)), "body": ROOT.body}, certified_data=b"x" * 32
    )
    assert "hash tree is not the one" in refused(site)


def test_a_certificate_of_yesterday_is_refused() -> None:
    """A canister that keeps a certificate cannot use it for more than five minutes."""
    tree = page_tree([ROOT])
    kept: list[bytes] = []

    def respond(_request: Fields, certificate: bytes) -> Mapping[str, object]:
        kept.append(certificate)
        return {"headers": list(page_headers(ROOT, tree, kept[0])), "body": ROOT.body}

    site = Site(respond, certified_data=hash_tree.digest(tree))
    assert site.get().status == 200
    site.network.time.now += 301 * 1_000_000_000
    assert "clock" in refused(site)


def test_what_an_update_answers_needs_no_certificate() -> None:
    """A query that asks for an update is answered by that, which the network itself certifies."""
    site = Site(
        lambda _request, _certificate: {"upgrade": True}, update=lambda _request, _certificate: {"body": b"made", "status_code": 201}
    )
    found = site.get(method="POST", body=b"sent")
    assert (found.status, found.body) == (201, b"made")
    assert [(request["method"], request["body"], request["certificate_version"]) for request in site.asked] == [
        ("POST", b"sent", 2),
        ("POST", b"sent", None),
    ]


def test_an_update_that_is_too_large_is_refused() -> None:
    """What no update call can carry is said so with status 413."""
    site = Site(lambda _request, _certificate: {"upgrade": True}, update=lambda _request, _certificate: {})
    assert site.get(method="PUT", body=bytes(2 * 1024 * 1024)).status == 413


def version_one(bodies: Mapping[str, bytes], response: Mapping[str, Any], **site: Any) -> Site:
    """Serve one response that is certified by version 1."""
    tree = version_one_tree(bodies)

    def respond(_request: Fields, certificate: bytes) -> Mapping[str, object]:
        return {**response, "headers": [*response.get("headers", ()), version_one_header(tree, certificate)]}

    return Site(respond, certified_data=hash_tree.digest(tree), **site)


def test_version_one_passes_headers_but_not_what_they_could_do() -> None:
    """The body is verified; caching is not taken over, and redirects are refused: neither is certified."""
    found = version_one({"/": b"page"}, {"body": b"page", "headers": HTML}).get()
    assert (found.body, found.headers["set-cookie"], "cache-control" in found.headers) == (b"page", "a=1", False)
    assert "redirects" in refused(version_one({"/": b"page"}, {"body": b"page", "status_code": 302}))
    assert version_one({"/": b""}, {"body": b"", "status_code": 304}).get().status == 304


def test_version_one_looks_through_gzip() -> None:
    """The hash of the unpacked body is the certified one."""
    packed = gzip.compress(b"page")
    found = version_one({"/": b"page"}, {"body": packed, "headers": [("content-encoding", "gzip")]}).get()
    assert (found.status, found.body) == (200, packed)


@pytest.mark.parametrize(("content", "public", "status"), [(b"1", True, 200), (b"1, 2", True, 503), (b"2", True, 503), (b"1", False, 503)])
def test_a_canister_may_not_go_back_to_version_one(*, content: bytes, public: bool, status: int) -> None:
    """Metadata that promises version 2, or is private, makes version 1 too little."""
    metadata = {"supported_certificate_versions": Section(content=content, public=public)}
    assert version_one({"/": b"page"}, {"body": b"page"}, metadata=metadata).get().status == status


def test_a_head_tells_the_length_that_the_canister_tells() -> None:
    """HEAD has no body, and the length that GET would have."""
    site = Site(lambda _request, _certificate: {"headers": [("Content-Length", "77")]})
    found = site.get(raw=True, method="HEAD")
    assert (found.body, found.length) == (b"", 77)


def test_canisters_are_told_headers_but_not_those_of_the_connection() -> None:
    """Connection headers stay here, and bodies without encoding are always welcome."""
    site = Site(lambda _request, _certificate: {})
    site.get(raw=True, connection="keep-alive", te="trailers", accept_encoding="gzip,br", x_own="1")
    site.get(raw=True, accept_encoding="identity;q=0")
    first, second = (dict(request["headers"]) for request in site.asked)
    assert not {"connection", "te"} & set(first)
    assert (first["accept-encoding"], first["x-own"], second["accept-encoding"]) == ("gzip, br, identity", "1", "identity;q=0")


def test_an_answer_without_a_value_is_no_response() -> None:
    """It is said in words, as all that is not an HTTP response."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_query http_request": answer(encode([], []))}))
    request = HttpRequest(method="GET", path="/", target="/", query="", headers=(("host", f"{canister}.localhost"),))
    found = anyio.run(ask_gateway, network, request)
    assert (found.status, "has no value" in found.text) == (502, True)


def test_what_the_referer_decided_is_kept_apart() -> None:
    """At an address that does not name the canister, a browser may not take one canister's answer for another's."""
    site = Site(lambda _request, _certificate: {"body": b"a", "upgrade": True}, update=lambda _request, _certificate: {})
    page = f"http://127.0.0.1/?canisterId={site.canister}"
    assert site.get("/a.js", host="127.0.0.1", referer=page).headers["vary"] == "referer"
    assert "vary" not in site.get(f"/a.js?canisterId={site.canister}", host="127.0.0.1", referer=page).headers


def test_browsers_get_a_page_and_others_text() -> None:
    """Who takes HTML gets it, with everything quoted escaped; who does not gets lines of text."""
    site = Site(lambda _request, _certificate: {})
    page, text = site.get("/<b>", accept="text/html,*/*"), site.get("/<b>")
    assert (page.headers["content-type"], text.headers["content-type"]) == ("text/html; charset=utf-8", "text/plain; charset=utf-8")
    assert "/&lt;b&gt;" in page.text
    assert "<b>" not in page.text
    assert "<html" not in text.text


def test_a_canister_without_pages_has_a_link_to_its_methods() -> None:
    """The page says that there are none, and where the methods can be called."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({}))
    request = HttpRequest(method="GET", path="/", target="/", query="", headers=(("host", f"{canister}.localhost:8000"),))
    found = anyio.run(ask_gateway, network, request)
    assert (found.status, found.text.count(str(canister))) == (404, 2)
    assert f"http://{CANDID_UI_CANISTER}.localhost:8000/?id={canister}" in found.text
