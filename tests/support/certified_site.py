"""A canister that serves web pages by a Python function, on a network in this process, and the gateway before it.

    site = Site(respond, certified_data=digest)
    site.get("/path")

The function gets the request's fields and the canister's certificate, and returns the response's fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from orchestrator.candid import decode, encode
from orchestrator.candid.types import BLOB, BOOL, NAT, NAT16, TEXT, Opt, Type, Vec, function, record, tuple_of, variant
from orchestrator.protocol import hash_tree
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.exchange import BrokenBodyError, HttpRequest, HttpResponse
from orchestrator.replica.http.gateway.gateway import Gateway
from orchestrator.replica.http.gateway.names import Names
from orchestrator.replica.vm.interface import Section
from tests.support.certified_pages import Page, page_headers, page_tree
from tests.support.scripted_machine import Function, Run
from tests.support.scripted_network import ScriptedNetwork

__all__ = ["RESPONSE", "TOKEN", "Fields", "NoPersistence", "Received", "Site", "ask_gateway", "make_gateway", "serve_pages"]

HEADERS = Vec(tuple_of(TEXT, TEXT))
TOKEN = record({"part": NAT, "of": TEXT})
_PART = record({"body": BLOB, "token": Opt(TOKEN)})
_CALLBACK = record({"callback": function([TOKEN], [_PART], "query"), "token": TOKEN})
REQUEST = record({"method": TEXT, "url": TEXT, "headers": HEADERS, "body": BLOB, "certificate_version": Opt(NAT16)})
RESPONSE: Type = record(
    {
        "status_code": NAT16,
        "headers": HEADERS,
        "body": BLOB,
        "upgrade": Opt(BOOL),
        "streaming_strategy": Opt(variant({"Callback": _CALLBACK})),
    }
)
Fields = dict[str, Any]
Respond = Callable[[Fields, bytes], Mapping[str, object]]


class NoPersistence:
    """Keeps nothing."""

    def save_created(self) -> None:
        """Do nothing."""

    def checkpoint(self) -> float:
        """Do nothing."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """A response with all of its body, or how far it came before `broken` cut it off."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    length: int | None
    parts: int
    broken: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Site:
    """One canister with web pages; `asked` are the requests that it got."""

    def __init__(
        self,
        respond: Respond,
        *,
        certified_data: bytes = b"",
        update: Respond | None = None,
        part: Callable[[Fields], Mapping[str, object]] | None = None,
        metadata: Mapping[str, Section] | None = None,
        names: Names | None = None,
    ) -> None:
        self.network = ScriptedNetwork()
        self.asked: list[Fields] = []
        self.names = names
        self.respond, self.certified_data = respond, certified_data
        exports: dict[str, Function] = {"canister_query http_request": self._answer(respond)}
        exports["canister_update publish"] = partial(_publish, certified_data)
        if update is not None:
            exports["canister_update http_request_update"] = self._answer(update)
        if part is not None:
            exports["canister_query next_part"] = lambda run: run.reply(encode([_PART], [part(_argument(run, TOKEN))]))
        self.canister = self.network.deploy(self.network.machine.module(exports, metadata=metadata))
        self.network.call(self.canister, "publish")

    def _answer(self, respond: Respond) -> Function:
        def run_one(run: Run) -> None:
            request = _argument(run, REQUEST)
            self.asked.append(request)
            certificate = run.message.data_certificate() if run.message.data_certificate else b""
            run.reply(encode([RESPONSE], [{"headers": [], "body": b"", "status_code": 200, **respond(request, certificate)}]))

        return run_one

    def get(
        self, path: str = "/", *, raw: bool = False, host: str = "", method: str = "GET", body: bytes = b"", **headers: str
    ) -> Received:
        """Ask the gateway; `host` defaults to the canister's own, header names have underscores for dashes."""
        name = host or f"{self.canister}{'.raw' if raw else ''}.localhost:8000"
        pairs = (("host", name), *((key.replace("_", "-"), value) for key, value in headers.items()))
        query = path.partition("?")[2]
        request = HttpRequest(method=method, path=path.partition("?")[0], target=path, query=query, headers=pairs, body=body)
        return anyio.run(ask_gateway, self.network, request, self.names)


def _argument(run: Run, type_: Type) -> Fields:
    fields = decode(run.message.arg, [type_])[0]
    assert isinstance(fields, dict)
    return fields


def _publish(certified_data: bytes, run: Run) -> None:
    run.outcome.certified_data = certified_data
    run.reply()


async def ask_gateway(network: ScriptedNetwork, request: HttpRequest, names: Names | None = None) -> Received:
    """Send one request to a gateway before a network, and take in the whole response."""
    response = await make_gateway(network, names).answer(request)
    return await _receive(response, without_body=request.method == "HEAD")


def make_gateway(network: ScriptedNetwork, names: Names | None = None) -> Gateway:
    """Put a gateway before a network; it belongs to the event loop that runs."""
    return Gateway(Driver(network.replica, NoPersistence(), limiter=anyio.CapacityLimiter(1)), names=names)


async def _receive(response: HttpResponse, *, without_body: bool) -> Received:
    parts, broken = [response.body], ""
    if response.chunks is not None and not without_body:
        try:
            async for chunk in response.chunks:
                parts.append(chunk)  # noqa: PERF401 # what came before it broke is looked at too
        except BrokenBodyError as error:
            broken = str(error)
    close = getattr(response.chunks, "aclose", None)
    if close is not None:
        await close()
    headers = {name.lower(): value for name, value in response.headers}
    body = b"" if without_body else b"".join(parts)
    return Received(response.status, headers, body, response.length, len(parts), broken)


def serve_pages(pages: Mapping[str, Page], *others: Page) -> Site:
    """Serve certified pages by path."""
    tree = page_tree([*pages.values(), *others])

    def respond(request: Fields, certificate: bytes) -> Mapping[str, object]:
        page = pages[request["url"].partition("?")[0]]
        return {"status_code": page.status, "headers": list(page_headers(page, tree, certificate)), "body": page.body}

    return Site(respond, certified_data=hash_tree.digest(tree))
