"""The Candid page: a canister's methods as forms, called by the anonymous identity through endpoints of this gateway.

The page is one document without anything from elsewhere. Its endpoints answer pages of the same origin only.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.errors import CandidError
from orchestrator.replica.http.exchange import HttpRequest, HttpResponse
from orchestrator.replica.http.gateway.candid_calls import CallRequest, Outcome, call_method
from orchestrator.replica.http.gateway.candid_interface import describe_methods, load_service
from orchestrator.replica.http.gateway.canisters import Canisters
from orchestrator.replica.http.gateway.names import Names

__all__ = ["CandidPage"]

MAX_CALL_BYTES = 4 * 1024 * 1024
"""The longest JSON text of a call."""
_PRIVATE = (("cache-control", "no-store"), ("cross-origin-resource-policy", "same-origin"), ("x-content-type-options", "nosniff"))


class CandidPage:
    """Answers the requests to the Candid page's own host."""

    def __init__(self, canisters: Canisters, names: Names) -> None:
        self._canisters = canisters
        self._names = names

    async def answer(self, request: HttpRequest, parameters: Mapping[str, str]) -> HttpResponse:
        """Answer one request; `parameters` are those of its query string."""
        if request.path == "/candid/call":
            return await self._call(request)
        if request.method not in {"GET", "HEAD"}:
            return _json(405, {"error": "the page takes GET requests"})
        if request.path == "/candid/interface":
            return _json(200, await self._describe(parameters.get("id", "")))
        if request.path in {"/", "/index.html"}:
            return _document()
        return _json(404, {"error": "there is nothing of this name"})

    async def _describe(self, text: str) -> dict[str, object]:
        """Return what the page shows of a canister: its names and methods, or a notice that says why there are none."""
        if not text:
            return {"names": [], "known": self._names.listed()}
        try:
            canister_id = Principal.from_text(text)
        except PrincipalError as error:
            return {"names": [], "known": self._names.listed(), "notice": f"{error}."}
        known = [entry for entry in self._names.listed() if entry["canister"] == text]
        shown: dict[str, object] = {"canister": text, "names": known, "known": []}
        try:
            service = await load_service(self._canisters, canister_id)
        except CandidError as error:
            return {**shown, "notice": f"{error.summary}{f': {error.detail}' if error.detail else ''}."}
        return {**shown, "methods": describe_methods(service)}

    async def _call(self, request: HttpRequest) -> HttpResponse:
        refusal = _refusal(request)
        if refusal is not None:
            return _json(403, {"outcome": "error", "title": "Refused", "text": refusal})
        try:
            asked = _read_call(request.body)
        except ValueError as error:
            return _json(400, {"outcome": "error", "title": "Not a call", "text": str(error)})
        return _json(200, _shown(await call_method(self._canisters, asked)))


def _refusal(request: HttpRequest) -> str | None:
    """Say why a request may not call methods: pages of other origins cannot make one that passes, and a form cannot either."""
    if request.method != "POST" or request.header("content-type").partition(";")[0].strip().lower() != "application/json":
        return "calls are POST requests with a body of JSON"
    host = request.header("host").lower()
    if request.header("origin").lower() not in {f"http://{host}", f"https://{host}"}:
        return "calls are made by the page itself"
    if request.header("sec-fetch-site") not in {"", "same-origin"}:
        return "calls are made by the page itself"
    return None


def _read_call(body: bytes) -> CallRequest:
    """Read the JSON of a call; raises `ValueError`."""
    if len(body) > MAX_CALL_BYTES:
        raise ValueError(f"a call has at most {MAX_CALL_BYTES} bytes")
    try:
        content = json.loads(body)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    match content:
        case {"canister": str(canister), "method": str(method), "arguments": list(arguments)} if all(
            isinstance(text, str) for text in arguments
        ):
            return CallRequest(canister_id=Principal.from_text(canister), method=method, arguments=tuple(arguments))
    raise ValueError("a call has a canister, a method, and arguments as texts")


def _shown(outcome: Outcome) -> dict[str, object]:
    content: dict[str, object] = {"outcome": outcome.kind, "title": outcome.title, "text": outcome.text}
    if outcome.mistakes:
        content["mistakes"] = [{"index": index, "text": text} for index, text in outcome.mistakes]
    return content


def _json(status: int, content: Mapping[str, object]) -> HttpResponse:
    headers = (("content-type", "application/json; charset=utf-8"), *_PRIVATE)
    return HttpResponse(
        status=status, body=json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"), headers=headers, is_shared=False
    )


@cache
def _document() -> HttpResponse:
    """Put the page together; the policy allows its own style and script, and nothing from anywhere."""
    folder = files("orchestrator.replica.http.gateway") / "candid_page"
    page, style, script = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "style.css", "script.js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; connect-src 'self'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    body = page.replace("{style}", style).replace("{script}", script)
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        *_PRIVATE,
    )
    return HttpResponse(status=200, body=body.encode(), headers=headers, is_shared=False)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
