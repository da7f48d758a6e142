"""The Candid page: what it shows, whom it lets call, and how calls end."""

import json
from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from orchestrator.candid import encode
from orchestrator.candid import types as T
from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.http.gateway import Names
from orchestrator.replica.vm.interface import Section
from tests.support.certified_site import Received, ask_gateway
from tests.support.scripted_machine import Function, answer
from tests.support.scripted_network import ScriptedNetwork

HOST = f"{CANDID_UI_CANISTER}.localhost:8000"
INTERFACE = """service : {
  greet : (name : text, times : opt nat) -> (text) query;
  add : (record { a : nat }) -> (nat);
  ping : () -> () oneway;
  fail : () -> ();
  deep : (nat) -> (nat) composite_query;
}"""
SAME_ORIGIN = {"origin": f"http://{HOST}", "content-type": "application/json", "sec-fetch-site": "same-origin"}


def deploy(network: ScriptedNetwork, interface: str | None = INTERFACE, *, public: bool = True, **more: Function) -> Principal:
    """Install a canister with methods and, unless None, its interface as metadata."""
    exports: dict[str, Function] = {
        "canister_query greet": answer(encode([T.TEXT], ["Hello!"])),
        "canister_update add": answer(encode([T.NAT], [42])),
        "canister_update ping": answer(b""),
        "canister_update fail": lambda run: run.trap("on purpose"),
        "canister_query deep": answer(encode([T.TEXT], ["not a nat"])),
        **{name.replace("__", " ", 1): function for name, function in more.items()},
    }
    metadata = {} if interface is None else {"candid:service": Section(content=interface.encode(), public=public)}
    return network.deploy(network.machine.module(exports, metadata=metadata))


def ask(
    network: ScriptedNetwork,
    target: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    host: str = HOST,
    names: Names | None = None,
    headers: Mapping[str, str] | None = None,
) -> Received:
    """Send a request to the page's host."""
    path, _, query = target.partition("?")
    pairs = (("host", host), *(headers or {}).items())
    request = HttpRequest(method=method, path=path, target=target, query=query, headers=pairs, body=body)
    return anyio.run(ask_gateway, network, request, names)


def describe(network: ScriptedNetwork, canister: object, names: Names | None = None) -> dict[str, Any]:
    """Return what the page learns of a canister."""
    found: dict[str, Any] = json.loads(ask(network, f"/candid/interface?id={canister}", names=names).body)
    return found


def call(network: ScriptedNetwork, canister: Principal, method: str, *arguments: str) -> dict[str, Any]:
    """Call a method as the page does."""
    content = json.dumps({"canister": str(canister), "method": method, "arguments": arguments}).encode()
    found: dict[str, Any] = json.loads(ask(network, "/candid/call", method="POST", body=content, headers=SAME_ORIGIN).body)
    return found


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def test_the_page_is_one_document_without_anything_from_elsewhere(network: ScriptedNetwork) -> None:
    """Its policy allows its own script and style by their hashes; no other origin may read or frame it."""
    found = ask(network, "/?id=anything")
    policy = found.headers["content-security-policy"]
    assert (found.status, found.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "frame-ancestors 'none'" in policy
    assert "http://" not in found.text.replace("http://www.w3.org", "")
    assert "https://" not in found.text


def test_the_page_is_at_query_strings_too(network: ScriptedNetwork) -> None:
    """Where hosts cannot name canisters, the address does."""
    assert ask(network, f"/?canisterId={CANDID_UI_CANISTER}&id=x", host="127.0.0.1:8000").text.startswith("<!doctype html>")


def test_methods_are_listed_with_examples(network: ScriptedNetwork) -> None:
    """Each has its kind, its signature, and a value to start from for each argument."""
    shown = describe(network, deploy(network))
    assert [(method["name"], method["kind"]) for method in shown["methods"]] == [
        ("add", "update"),
        ("deep", "composite query"),
        ("fail", "update"),
        ("greet", "query"),
        ("ping", "oneway"),
    ]
    assert shown["methods"][0]["arguments"] == [{"type": "record { a : nat }", "example": "record {\n  a = 0;\n}"}]
    assert shown["methods"][3]["signature"] == "(text, opt nat) → (text)"


def test_a_private_interface_stays_private(network: ScriptedNetwork) -> None:
    """Metadata that is not public is not read, and the page says why there are no methods."""
    shown = describe(network, deploy(network, public=False))
    assert "methods" not in shown
    assert "is private" in shown["notice"]


def test_canisters_of_old_tell_their_interface_by_a_query(network: ScriptedNetwork) -> None:
    """What is open to anybody's question is shown, with metadata or without."""
    told = answer(encode([T.TEXT], [INTERFACE]))
    canister = deploy(network, None, canister_query____get_candid_interface_tmp_to_hack=told)
    assert len(describe(network, canister)["methods"]) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [("x", "not a principal"), ("aaaaa-aa", "no canister"), ("42u4s-piaaa-aaaaa-aoaaa-cai", "no canister"), ("<b>", "not a principal")],
)
def test_what_is_no_canister_is_said(network: ScriptedNetwork, text: str, words: str) -> None:
    """A notice in words stands where the methods would."""
    assert words in describe(network, text)["notice"]


@pytest.mark.parametrize("interface", ["", "rubbish", "type a = nat;", "service : { f : 1 }"])
def test_an_interface_that_does_not_parse_is_said(network: ScriptedNetwork, interface: str) -> None:
    """Metadata can be anything; the page then tells so."""
    assert "notice" in describe(network, deploy(network, interface))


def test_names_are_shown(network: ScriptedNetwork) -> None:
    """A canister is shown with the name that its deployment gave it; without an id all named ones are offered."""
    canister = deploy(network)
    names = Names(None, {"local": {"backend": canister}})
    entry = {"name": "backend", "environment": "local", "canister": str(canister)}
    assert describe(network, canister, names)["names"] == [entry]
    assert describe(network, "", names)["known"] == [entry]


def test_calls_end_as_replies(network: ScriptedNetwork) -> None:
    """Queries and updates are told apart by the interface, and replies are shown as text."""
    canister = deploy(network)
    assert call(network, canister, "greet", '"Ada"', "null") == {"outcome": "reply", "title": "Reply", "text": '("Hello!")'}
    assert call(network, canister, "add", "record { a = 1 }")["text"] == "(42 : nat)"
    assert call(network, canister, "ping")["title"] == "Sent"


def test_calls_end_as_traps_and_rejects(network: ScriptedNetwork) -> None:
    """A trap is called one, with the canister's words; a reject has its code."""
    canister = deploy(network)
    trapped = call(network, canister, "fail")
    assert (trapped["outcome"], "IC0503" in trapped["title"], "on purpose" in trapped["text"]) == ("trap", True, True)
    network.managed("stop_canister", {"canister_id": canister})
    assert call(network, canister, "greet", '""', "null")["outcome"] == "reject"


def test_a_reply_of_other_types_is_shown_as_bytes(network: ScriptedNetwork) -> None:
    """An interface that lies does not hide what came."""
    found = call(network, deploy(network), "deep", "1")
    assert (found["outcome"], encode([T.TEXT], ["not a nat"]).hex() in found["text"]) == ("error", True)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("1", "null"), [0]),
        (("", "null"), [0]),
        (('"a"', '"b"'), [1]),
        (("1", "true"), [0, 1]),
        (('"a", "b"', "null"), [0]),
        (('"a")', "null"), [0]),
    ],
)
def test_arguments_are_checked_one_by_one(network: ScriptedNetwork, arguments: tuple[str, ...], wrong: list[int]) -> None:
    """What is wrong is said at the argument, and nothing is called."""
    found = call(network, deploy(network), "greet", *arguments)
    assert [mistake["index"] for mistake in found["mistakes"]] == wrong
    assert all(mistake["text"] for mistake in found["mistakes"])


def test_methods_and_arguments_that_are_not_there(network: ScriptedNetwork) -> None:
    """Unknown methods, too many arguments and unknown canisters are answered in words."""
    canister = deploy(network)
    assert "no method" in call(network, canister, "nothing")["text"]
    assert "takes 2 arguments" in call(network, canister, "greet", '""')["text"]
    assert "no canister" in call(network, Principal(bytes(8) + b"\x01\x01"), "greet")["text"]


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"http://{HOST}0"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=lambda change: "-".join(map("=".join, change.items())),
)
def test_other_pages_cannot_call(network: ScriptedNetwork, change: dict[str, str]) -> None:
    """A request that a page of another origin could make is refused before anything is called."""
    canister = deploy(network)
    content = json.dumps({"canister": str(canister), "method": "add", "arguments": ["record { a = 1 }"]}).encode()
    before = len(network.state.requests.all())
    found = ask(network, "/candid/call", method="POST", body=content, headers={**SAME_ORIGIN, **change})
    assert (found.status, len(network.state.requests.all())) == (403, before)


def test_a_get_cannot_call(network: ScriptedNetwork) -> None:
    """Calls are POST requests."""
    assert ask(network, "/candid/call", headers=SAME_ORIGIN).status == 403


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"canister": "x", "method": "m", "arguments": []}', b'{"canister": 1}']
)
def test_a_call_that_is_none_is_said(network: ScriptedNetwork, body: bytes) -> None:
    """Anything else than a call is status 400."""
    assert ask(network, "/candid/call", method="POST", body=body, headers=SAME_ORIGIN).status == 400


def test_other_paths_and_methods_are_refused(network: ScriptedNetwork) -> None:
    """The page has nothing else."""
    assert ask(network, "/other").status == 404
    assert ask(network, "/", method="PUT").status == 405


def test_a_canister_of_the_pages_id_answers_for_itself(network: ScriptedNetwork) -> None:
    """Who installs another Candid page at the mainnet's id gets that one."""
    argument = {"settings": {}, "specified_id": CANDID_UI_CANISTER}
    network.managed("provisional_create_canister_with_cycles", argument)
    assert ask(network, "/").status == 503
