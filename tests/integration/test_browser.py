"""What people see: the gateway's pages in a real Chromium."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal
from tests.support.certified_canister import deploy_site, page_at, parts_of
from tests.support.chromium import Browser, Page, find_browser, running_browser
from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import RunningReplica, running_replica
from tests.support.vm import module

pytestmark = [pytest.mark.browser, pytest.mark.npm, pytest.mark.slow]
HTML = b"""<!doctype html><title>loading</title><link rel="stylesheet" href="/style.css"><h1>Certified</h1>
<img src="/dot.svg" alt="dot"><script src="/app.js" defer></script>"""
PAGES = {
    "/": page_at("/", HTML, "text/html; charset=utf-8"),
    "/style.css": page_at("/style.css", b"h1 { color: rgb(1, 2, 3) }", "text/css"),
    "/app.js": page_at(
        "/app.js", b"fetch('/data').then((answer) => answer.blob()).then((blob) => { document.title = blob.size })", "text/javascript"
    ),
    "/dot.svg": page_at("/dot.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"/>', "image/svg+xml"),
}
DATA_BYTES = 5_000_000
SERVICE = """service : {
  greet : (name : text, times : opt nat) -> (text) query;
  store : (record { key : text; value : variant { number : nat; nothing } }) -> (nat);
  fail : () -> ();
}"""


@dataclass(frozen=True, slots=True)
class Sites:
    """A network with a certified site and a backend."""

    replica: RunningReplica
    site: Principal
    backend: Principal

    def url(self, canister: Principal, path: str = "/") -> str:
        """Return an address at a canister's host."""
        return f"http://{canister}.localhost:{self.replica.port}{path}"

    def candid(self, canister: object) -> str:
        """Return the address of the Candid page for a canister."""
        return self.url(CANDID_UI_CANISTER, f"/?id={canister}")


def backend() -> bytes:
    """Return a canister that answers the service above with fixed replies, its interface being public metadata."""
    name, text = b"icp:public candid:service", SERVICE.encode()
    replies = (("query greet", 0, b"DIDL\x00\x01\x71\x06Hello!"), ("update store", 64, b"DIDL\x00\x01\x7d\x2a"))
    parts = ['(func (export "canister_update fail") unreachable)']
    for kind, offset, reply in replies:
        data = "".join(f"\\{byte:02x}" for byte in reply)
        answer = f"(call $msg_reply_data_append (i32.const {offset}) (i32.const {len(reply)})) (call $msg_reply)"
        parts += [f'(data (i32.const {offset}) "{data}")', f'(func (export "canister_{kind}") {answer})']
    wasm = module(("msg_reply", "msg_reply_data_append"), "\n".join(parts))
    content = bytes([len(name)]) + name + text
    size = bytes([len(content) & 0x7F | 0x80, len(content) >> 7])
    return wasm + b"\x00" + size + content


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, compile_actor: Callable[[str], bytes]) -> Iterator[Sites]:
    """Run a network with both canisters."""
    find_browser()
    with running_replica(tmp_path_factory.mktemp("replica")) as replica, ReplicaClient(replica.url, replica.root_key) as client:
        site = deploy_site(client, compile_actor, {**PAGES, **parts_of("/data", bytes(DATA_BYTES))})
        made = client.create()
        client.install(made, backend())
        yield Sites(replica, site, made)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Run one browser for this file."""
    with running_browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made


def test_a_site_loads_with_all_its_parts(sites: Sites, browser: Browser) -> None:
    """Style, script and picture are loaded from the canister's host, and the script fetches a large asset whole."""
    page = browser.open(sites.url(sites.site))
    page.wait("document.title !== 'loading'")
    assert page.evaluate("document.title") == str(DATA_BYTES)
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    assert page.evaluate("document.querySelector('img').naturalWidth") == 40
    assert [text for text in page.complaints() if "favicon" not in text] == []


def test_a_refused_response_is_a_page_that_names_the_raw_host(sites: Sites, browser: Browser) -> None:
    """What is not certified is explained, and the link leads to the same path at the raw host."""
    page = browser.open(sites.url(sites.site, "/missing?x=1"))
    assert "The response failed verification" in page.text()
    link = f"http://{sites.site}.raw.localhost:{sites.replica.port}/missing?x=1"
    assert page.evaluate("document.querySelector('a').href") == link
    assert browser.open(link).text() == "no page /missing"


def call(page: Page, method: str, *arguments: str) -> str:
    """Open a method, type arguments over the examples where any are given, press the button, and return how it ended."""
    block = f"document.getElementById('method-{method}')"
    page.evaluate(f"{block}.open = true")
    for index, text in enumerate(arguments):
        page.evaluate(f"{block}.querySelectorAll('textarea')[{index}].value = {text!r}")
    page.evaluate(f"{block}.querySelector('button').click()")
    page.wait(f"!{block}.querySelector('button').disabled")
    return str(page.evaluate(f"{block}.querySelector('form').innerText"))


def test_methods_are_called_from_the_candid_page(sites: Sites, browser: Browser, tmp_path: Path) -> None:
    """A query, an update with its example, a trap, and an argument that is wrong each show how they ended."""
    page = browser.open(sites.candid(sites.backend))
    page.wait("document.querySelectorAll('details').length === 3")
    assert '("Hello!")' in call(page, "greet", '"Ada"')
    assert "(42 : nat)" in call(page, "store")
    assert "Trapped (IC0502)" in call(page, "fail")
    mistaken = call(page, "greet", "12")
    assert "Not called" in mistaken
    assert page.evaluate("document.querySelector('#method-greet textarea').getAttribute('aria-invalid')") == "true"
    assert page.complaints() == []
    page.screenshot(tmp_path / "candid.png")
    assert (tmp_path / "candid.png").stat().st_size > 10_000


def test_what_has_no_interface_is_explained(sites: Sites, browser: Browser) -> None:
    """The page says in words why there are no methods, and quotes nothing as markup."""
    assert "is private" in browser.open(sites.candid(sites.site)).wait("document.getElementById('notice').textContent")
    strange = browser.open(sites.candid("%3Cb%3E"))
    assert "not a principal" in strange.wait("document.getElementById('notice').textContent")


def test_another_page_cannot_call(sites: Sites, browser: Browser) -> None:
    """A page of a canister's own origin that posts to the Candid page's endpoint gets nothing, and nothing is called."""
    page = browser.open(sites.url(sites.site))
    target = sites.url(CANDID_UI_CANISTER, "/candid/call")
    body = f'{{"canister": "{sites.backend}", "method": "store", "arguments": []}}'
    for kind in ("application/json", "text/plain"):
        options = f"{{method: 'POST', headers: {{'content-type': '{kind}'}}, body: {body!r}}}"
        outcome = page.evaluate(f"fetch({target!r}, {options}).then((answer) => answer.text(), (error) => String(error))")
        assert outcome == "TypeError: Failed to fetch"
