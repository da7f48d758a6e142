"""Which canister a request is for."""

from dataclasses import replace

import pytest

from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.http.gateway.failures import GatewayError
from orchestrator.replica.http.gateway.hosts import Target, candid_page_url, raw_url, resolve

ID = Principal(bytes(7) + b"\x10\x01\x01")
NAMED = Principal(bytes(7) + b"\x11\x01\x01")
DEEP = Principal(bytes(7) + b"\x12\x01\x01")
NAMES = {"web.local": NAMED, "web.lib.local": DEEP, "web.lib": NAMED}


def request(host: str, target: str = "/", **headers: str) -> HttpRequest:
    """Make a request to a host."""
    path, _, query = target.partition("?")
    return HttpRequest(method="GET", path=path, target=target, query=query, headers=(("host", host), *headers.items()))


@pytest.mark.parametrize(
    ("host", "target"),
    [
        (f"{ID}.localhost", Target(ID)),
        (f"{ID}.localhost:8000", Target(ID)),
        (f"{str(ID).upper()}.LocalHost.:8000", Target(ID)),
        (f"{ID}.raw.localhost:8000", Target(ID, is_raw=True)),
        (f"{ID}.dev.example", Target(ID)),
        (f"{ID}.raw.dev.example:8000", Target(ID, is_raw=True)),
        ("web.local.localhost:8000", Target(NAMED)),
        ("Web.Local.localhost", Target(NAMED)),
        ("web.local.raw.localhost", Target(NAMED, is_raw=True)),
        ("web.local.dev.example", Target(NAMED)),
        ("web.lib.local.localhost:8000", Target(DEEP)),
        ("web.lib.local.raw.dev.example", Target(DEEP, is_raw=True)),
        ("web.lib.localhost", Target(NAMED)),
    ],
)
def test_hosts_name_canisters(host: str, target: Target) -> None:
    """By id and by name, raw or not, under any domain."""
    assert resolve(request(host), NAMES.get) == target


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "dev.example", "", "a:b:c", "192.168.0.7"])
def test_other_hosts_leave_it_to_the_query_string_and_the_referer(host: str) -> None:
    """`canisterId` of the address, else of the page that the request comes from; else nothing is named."""
    assert resolve(request(host, f"/a?canisterId={ID}"), NAMES.get) == Target(ID)
    assert resolve(request(host, "/a.css", referer=f"http://{host}/?canisterId={ID}"), NAMES.get) == Target(ID, is_by_referer=True)
    assert resolve(request(host, "/a"), NAMES.get) is None


@pytest.mark.parametrize(
    ("host", "query", "status"),
    [("nobody.localhost", "", 400), ("nobody.local.localhost", "", 404), ("raw.localhost", "", 400), ("localhost", "?canisterId=x", 400)],
)
def test_what_names_no_canister_is_said(host: str, query: str, status: int) -> None:
    """A host or a parameter that should name a canister and does not is an error in words."""
    with pytest.raises(GatewayError) as caught:
        resolve(request(host, f"/{query}"), NAMES.get)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (f"{ID}.localhost:8000", f"http://{ID}.raw.localhost:8000/a?b"),
        ("web.local.localhost:8000", f"http://{ID}.raw.localhost:8000/a?b"),
        ("127.0.0.1:8000", f"http://{ID}.raw.localhost:8000/a?b"),
        ("[::1]:8000", f"http://{ID}.raw.localhost:8000/a?b"),
        (f"{ID}.dev.example", f"http://{ID}.raw.dev.example/a?b"),
        (f"{ID}.raw.dev.example:80", f"http://{ID}.raw.dev.example:80/a?b"),
        ("", f"http://{ID}.raw.localhost/a?b"),
    ],
)
def test_the_raw_address_of_a_page(host: str, url: str) -> None:
    """It keeps port, path and query, and the domain where the host has the canister's id."""
    assert raw_url(request(host, "/a?b"), ID) == url


def test_several_hosts_are_refused() -> None:
    """Who stands between may read another one than the gateway does."""
    twice = request(f"{ID}.localhost")
    with pytest.raises(GatewayError) as caught:
        resolve(replace(twice, headers=(*twice.headers, ("host", "dev.example"))), NAMES.get)
    assert caught.value.status == 400


@pytest.mark.parametrize("referer", ["http://[::1", "http://[x]/a", "?", "#?canisterId=x", "\x00"])
def test_a_referer_that_is_no_address_names_nothing(referer: str) -> None:
    """Whatever is sent there, it is no failure."""
    assert resolve(request("127.0.0.1", referer=referer), NAMES.get) is None


def test_the_candid_pages_address() -> None:
    """It is on the same domain and port."""
    assert candid_page_url(request(f"{ID}.localhost:8000"), ID) == f"http://{CANDID_UI_CANISTER}.localhost:8000/?id={ID}"
