"""The HTTP gateway: a browser's request becomes `http_request` of the canister that it names.

What a canister answers by a query is passed on only if it is certified; raw hosts pass everything on.
Source: the HTTP gateway protocol specification.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import parse_qsl

from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.exchange import STATUSES_WITHOUT_BODY, HttpRequest, HttpResponse
from orchestrator.replica.http.gateway.answers import Answer, Headers, ask, header_of, sent_headers, stream
from orchestrator.replica.http.gateway.bodies import follow, keep_body
from orchestrator.replica.http.gateway.candid_ui import CandidPage
from orchestrator.replica.http.gateway.canisters import Canisters
from orchestrator.replica.http.gateway.failures import GatewayError, Link, NoPagesError
from orchestrator.replica.http.gateway.hosts import Target, candid_page_url, resolve
from orchestrator.replica.http.gateway.names import Names
from orchestrator.replica.http.gateway.pages import error_page
from orchestrator.replica.http.gateway.ranges import PARTIAL, asks_for_range, continue_ranges, read_content_range
from orchestrator.replica.http.gateway.verification import Asked, Verifier, new_hasher, passed_headers

__all__ = ["Gateway"]

_OK = 200
_BY_REFERER = ("vary", "referer")
"""Keeps a browser from showing one canister's page what it has kept of another's at the same address."""


class Gateway:
    """Answers every path that is not the API's."""

    def __init__(self, driver: Driver, *, names: Names | None = None) -> None:
        """Take the driver, and the names that canisters have in hosts."""
        self._canisters = Canisters(driver)
        self._verifier = Verifier(self._canisters)
        self._names = names or Names(None, {})
        self._candid_page = CandidPage(self._canisters, self._names)

    def set_names(self, names: Mapping[str, Mapping[str, Principal]]) -> None:
        """Take names of canisters by environment: those of the given environments replace what they had.

        Raises `ValueError` for too many, and `StoreError` when they cannot be written down.
        """
        self._names.replace(names)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        try:
            target = resolve(request, self._names.look_up)
            if target is None:
                text = (
                    "This is the gateway of a local network. Name a canister in the host, as in http://<canister id>.localhost:<port>/,"
                    " or add ?canisterId=<canister id> to the address."
                )
                raise GatewayError(404, "No canister here", text)  # noqa: TRY301 # one place makes pages
            response = await self._show(target, request)
            return replace(response, headers=(*response.headers, _BY_REFERER)) if target.is_by_referer else response
        except GatewayError as error:
            return error_page(error, request)

    async def _show(self, target: Target, request: HttpRequest) -> HttpResponse:
        if target.canister_id == CANDID_UI_CANISTER and not self._canisters.exists(CANDID_UI_CANISTER):
            return await self._candid_page.answer(request, dict(parse_qsl(request.query)))
        asked = Asked(canister_id=target.canister_id, request=request, headers=sent_headers(request))
        try:
            answer = await ask(self._canisters, target.canister_id, request, asked.headers)
        except NoPagesError as error:
            link = Link("Its methods can be called at", candid_page_url(request, target.canister_id))
            raise GatewayError(error.status, error.title, error.text, links=(link,)) from error
        return await self._respond(asked, answer, None if target.is_raw else self._verifier)

    async def _respond(self, asked: Asked, answer: Answer, verifier: Verifier | None) -> HttpResponse:
        """Answer; `verifier` is None for raw hosts. What an update call answered needs no certificate of the canister's."""
        has_body = answer.status not in STATUSES_WITHOUT_BODY
        if answer.strategy is not None and has_body:
            return await self._respond_streaming(asked, answer, None if answer.was_update else verifier)
        headers = await verifier.verify(asked, answer) if verifier and not answer.was_update else answer.headers
        if answer.status == PARTIAL and not asks_for_range(asked.request):
            return self._respond_whole(asked, answer, headers, verifier)
        body = answer.body if has_body else b""
        length = _told_length(answer) if asked.request.method == "HEAD" and not body else None
        return HttpResponse(status=answer.status, headers=passed_headers(headers, whole=False), body=body, length=length)

    def _respond_whole(self, asked: Asked, first: Answer, headers: Headers, verifier: Verifier | None) -> HttpResponse:
        """Answer 200 with an asset of which the canister sent the first part."""
        found = read_content_range(first)
        if found.first:
            raise GatewayError(
                502, "The canister's answer is not a part of a whole", f"It starts at byte {found.first} without being asked."
            )

        async def fetch(start: int) -> Answer:
            request = replace(asked.request, headers=(*asked.request.headers, ("range", f"bytes={start}-")))
            further = Asked(canister_id=asked.canister_id, request=request, headers=sent_headers(request))
            answer = await ask(self._canisters, asked.canister_id, request, further.headers, may_update=False)
            if verifier:
                await verifier.verify(further, answer)
            return answer

        chunks = continue_ranges(first, found.total, fetch)
        return HttpResponse(status=_OK, headers=passed_headers(headers, whole=True), chunks=chunks, length=found.total)

    async def _respond_streaming(self, asked: Asked, answer: Answer, verifier: Verifier | None) -> HttpResponse:
        """Answer with a body that a callback continues; to be verified it has to be there as a whole."""
        assert answer.strategy is not None  # noqa: S101 # the caller looked
        rest: AsyncIterator[bytes] = stream(self._canisters, asked.canister_id, answer.strategy)
        if verifier is None:
            return HttpResponse(status=answer.status, headers=passed_headers(answer.headers, whole=False), chunks=follow(answer.body, rest))
        claim = verifier.read_claim(asked, answer)
        hasher = new_hasher(claim, answer)
        try:
            body = await keep_body(answer.body, rest, hasher)
        except CertificateError as error:
            raise verifier.refusal(asked, error) from error
        async with AsyncExitStack() as failing:
            failing.push_async_callback(body.aclose)
            headers = verifier.verify_digest(asked, answer, claim, hasher)
            failing.pop_all()
        return HttpResponse(status=answer.status, headers=passed_headers(headers, whole=False), chunks=body, length=body.length)


def _told_length(answer: Answer) -> int | None:
    text = header_of(answer.headers, "content-length") or ""
    return int(text) if text.isdecimal() and len(text) < 16 else None
