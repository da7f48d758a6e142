"""The gateway: canisters answer browsers, and people are told in plain words when they do not."""

from collections.abc import Iterator

import httpx
import pytest

from orchestrator.candid import FunctionReference, Variant, encode
from orchestrator.candid.types import BLOB, BOOL, NAT, NAT16, TEXT, Opt, Type, Vec, function, record, tuple_of, variant
from orchestrator.core.principal import Principal
from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import RunningReplica
from tests.support.vm import module

TOKEN = record({"part": NAT, "of": TEXT})
CALLBACK = record({"callback": function([TOKEN], [record({"body": BLOB, "token": Opt(TOKEN)})], "query"), "token": TOKEN})
RESPONSE = record(
    {
        "status_code": NAT16,
        "headers": Vec(tuple_of(TEXT, TEXT)),
        "body": BLOB,
        "upgrade": Opt(BOOL),
        "streaming_strategy": Opt(variant({"Callback": CALLBACK})),
    }
)


def website(queried: bytes, *, updated: bytes = b"", streamed: bytes = b"") -> bytes:
    """Return a canister that answers `http_request`, its update and its streaming callback with these bytes."""
    names = ("http_request", "http_request_update", "next_part")
    kinds = ("query", "update", "query")
    parts = []
    offset = 1024
    for name, kind, reply in zip(names, kinds, (queried, updated, streamed), strict=True):
        text = "".join(f"\\{byte:02x}" for byte in reply)
        parts.append(f'(data (i32.const {offset}) "{text}")')
        parts.append(
            f'(func (export "canister_{kind} {name}")'
            f" (call $msg_reply_data_append (i32.const {offset}) (i32.const {len(reply)})) (call $msg_reply))"
        )
        offset += len(reply)
    return module(("msg_reply", "msg_reply_data_append"), "\n".join(parts))


def response(body: bytes = b"hello", *, status: int = 200, headers: list[tuple[str, str]] | None = None, **fields: object) -> bytes:
    """Encode what a canister answers."""
    return encode([RESPONSE], [{"status_code": status, "headers": headers or [], "body": body, **fields}])


@pytest.fixture
def client(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client of the network."""
    with ReplicaClient(replica.url, replica.root_key) as made:
        yield made


def get(client: ReplicaClient, canister: Principal, path: str = "/", **headers: str) -> httpx.Response:
    """Ask the gateway for a path of a canister's raw host, where nothing needs a certificate."""
    return client.http.get(path, headers={"host": f"{canister}.raw.localhost:8000", **headers})


def deploy(client: ReplicaClient, wasm: bytes) -> Principal:
    """Create a canister and install a module."""
    canister = client.create()
    client.install(canister, wasm)
    return canister


def test_a_canister_answers_by_host_query_and_referer(client: ReplicaClient) -> None:
    """Status, headers and body are the canister's, however it was named."""
    answer = response(b"I am a teapot", status=418, headers=[("Content-Type", "text/plain"), ("X-Kind", "teapot")])
    canister = deploy(client, website(answer))
    found = get(client, canister, "/any/path?x=1")
    assert (found.status_code, found.content, found.headers["x-kind"]) == (418, b"I am a teapot", "teapot")
    upgraded = deploy(client, website(response(upgrade=True), updated=answer))
    by_host = client.http.get("/", headers={"host": f"{upgraded}.localhost"})
    by_query = client.http.get("/", params={"canisterId": str(upgraded)})
    by_referer = client.http.get("/style.css", headers={"referer": f"http://localhost:8000/?canisterId={upgraded}"})
    for found in (by_host, by_query, by_referer):
        assert (found.status_code, found.content, found.headers["x-kind"]) == (418, b"I am a teapot", "teapot")


def test_headers_cannot_be_smuggled(client: ReplicaClient) -> None:
    """A header with a line break, or a name that is none, is left out; the others arrive."""
    headers = [("x-bad", "a\r\nx-injected: 1"), ("x bad name", "1"), ("content-length", "3"), ("x-good", "1")]
    found = get(client, deploy(client, website(response(b"hello", headers=headers))))
    assert (found.content, found.headers["x-good"]) == (b"hello", "1")
    assert not {"x-bad", "x-injected", "x bad name"} & set(found.headers)


def test_head_has_no_body(client: ReplicaClient) -> None:
    """HEAD tells the length and sends nothing."""
    canister = deploy(client, website(response(b"12345")))
    found = client.http.head("/", headers={"host": f"{canister}.raw.localhost"})
    assert (found.status_code, found.content, found.headers["content-length"]) == (200, b"", "5")


def test_a_request_may_be_upgraded_to_an_update(client: ReplicaClient) -> None:
    """When the query asks for it the update's answer is passed on."""
    canister = deploy(client, website(response(b"", upgrade=True), updated=response(b"updated", status=201)))
    found = get(client, canister)
    assert (found.status_code, found.content) == (201, b"updated")


@pytest.mark.parametrize("status", [0, 99, 101, 600, 65535])
def test_a_status_that_ends_no_request_is_refused(client: ReplicaClient, status: int) -> None:
    """What is not a final HTTP status becomes a page, not a broken connection."""
    found = get(client, deploy(client, website(response(status=status))))
    assert (found.status_code, f"{status} is not the status of one" in found.text) == (502, True)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(client: ReplicaClient, status: int) -> None:
    """A body that may not be there is left out, so that the next response on the connection is read right."""
    canister = deploy(client, website(response(b"too much", status=status)))
    assert [(found.status_code, found.content) for found in (get(client, canister), get(client, canister))] == [(status, b"")] * 2


def test_a_body_is_streamed_with_the_canisters_own_token(client: ReplicaClient) -> None:
    """The token goes back in the type in which it came, and the parts are put together."""
    canister = client.create()
    strategy = {"callback": FunctionReference(canister, "next_part"), "token": {"part": 1, "of": "two"}}
    first = response(b"one ", streaming_strategy=Variant("Callback", strategy))
    last: list[Type] = [record({"body": BLOB, "token": Opt(TOKEN)})]
    client.install(canister, website(first, streamed=encode(last, [{"body": b"two", "token": None}])))
    found = get(client, canister)
    assert (found.content, found.headers.get("transfer-encoding")) == (b"one two", "chunked")


def test_a_body_that_breaks_off_is_not_taken_for_whole(client: ReplicaClient) -> None:
    """When a later part fails the connection is cut, and the next request is answered as ever."""
    canister = client.create()
    strategy = {"callback": FunctionReference(canister, "no_such_method"), "token": {"part": 1, "of": "two"}}
    client.install(canister, website(response(b"one ", streaming_strategy=Variant("Callback", strategy))))
    with pytest.raises(httpx.RemoteProtocolError):
        get(client, canister)
    assert client.http.get("/api/v2/status").status_code == 200


def test_an_uncertified_response_is_not_shown(client: ReplicaClient) -> None:
    """The page says so, and names the raw host, which shows it."""
    canister = deploy(client, website(response(b"hello")))
    found = client.http.get("/page", headers={"host": f"{canister}.localhost:8000"})
    assert found.status_code == 503
    assert f"http://{canister}.raw.localhost:8000/page" in found.text
    assert get(client, canister, "/page").content == b"hello"


@pytest.mark.parametrize(
    ("host", "status", "words"),
    [
        ("localhost:8000", 404, "No canister here"),
        ("not-a-canister.localhost", 400, "Not a canister id"),
        ("aaaaa-aa.localhost", 404, "serves no web pages"),
        ("42u4s-piaaa-aaaaa-aoaaa-cai.localhost", 404, "There is no such canister"),
    ],
)
def test_unknown_hosts_get_a_page_in_plain_words(client: ReplicaClient, host: str, status: int, words: str) -> None:
    """The page says what is wrong, as HTML for browsers and as text for others."""
    for accept in ("text/html", "*/*"):
        found = client.http.get("/", headers={"host": host, "accept": accept})
        assert found.status_code == status
        assert words in found.text
        assert found.headers["content-type"].startswith(accept.replace("*/*", "text/plain"))


def test_canisters_that_cannot_answer_are_explained(client: ReplicaClient) -> None:
    """No code, no web pages, rubbish and a stopped canister each have their own page."""
    empty, mute, rubbish = client.create(), deploy(client, module((), "")), deploy(client, website(b"rubbish"))
    stopped = deploy(client, website(response()))
    client.manage("stop_canister", {"canister_id": stopped})
    pages = [get(client, canister) for canister in (empty, mute, rubbish, stopped)]
    assert [found.status_code for found in pages] == [503, 404, 502, 503]
    titles = ("no code yet", "serves no web pages", "not an HTTP response", "is stopped")
    assert all(title in found.text for title, found in zip(titles, pages, strict=True))


def test_what_a_page_quotes_is_escaped(client: ReplicaClient) -> None:
    """Text of the request cannot become markup."""
    found = client.http.get("/", params={"canisterId": "<script>alert(1)</script>"}, headers={"accept": "text/html"})
    assert found.status_code == 400
    assert "<script>" not in found.text


def test_the_api_is_there_at_a_canisters_host_too(client: ReplicaClient) -> None:
    """A page's own agent finds the API at its origin."""
    canister = deploy(client, website(response()))
    assert get(client, canister, "/api/v2/status").status_code == 200
