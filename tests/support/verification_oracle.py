"""The same questions for two verifiers of responses: ours, and DFINITY's (Rust, as wasm of the npm package)."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.core.principal import Principal
from orchestrator.errors import OrchestratorError
from orchestrator.protocol.response_verification import (
    BodyHasher,
    CertificateCache,
    CertifiedRequest,
    CertifiedResponse,
    VerifiedResponse,
    verify_response,
)
from tests.support.authority import Authority
from tests.support.certified_pages import Headers, Page, certify_pages

__all__ = ["AUTHORITY", "CANISTER", "NOW", "OFFSET", "Ask", "Case", "agree", "make_ask", "of", "ours", "sign"]

DRIVER = Path(__file__).with_name("response_verification.mjs")
NOW = 1_700_000_000_000_000_000
OFFSET = 300 * 1_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
AUTHORITY = Authority()
CACHE = CertificateCache(AUTHORITY.root_key, max_skew_ns=OFFSET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request, its response, and for whom and when it is verified."""

    headers: Headers
    url: str = "/app"
    body: bytes = b"hello"
    status: int = 200
    method: str = "GET"
    request_headers: Headers = ()
    request_body: bytes = b""
    canister: Principal = CANISTER
    now: int = NOW


def sign(*pages: Page, answer: int = 0, time_ns: int = NOW) -> Headers:
    """Return the headers of the answering page."""
    return certify_pages(pages, authority=AUTHORITY, canister=CANISTER, time_ns=time_ns, answer=answer)


def of(page: Page, *others: Page, **changes: Any) -> Case:
    """Return the case in which a page answers as it was certified, but for the changes."""
    made = Case(headers=sign(page, *others), body=page.body, status=page.status)
    return replace(made, **changes)


def ours(case: Case) -> VerifiedResponse | None:
    """Return our verdict."""
    encoding = next((value for name, value in case.headers if name.lower() == "content-encoding"), None)
    try:
        hasher = BodyHasher(encoding if all("version=2" not in value for _, value in case.headers) else None)
        hasher.update(case.body)
        return verify_response(
            CertifiedRequest(method=case.method, url=case.url, headers=case.request_headers, body=case.request_body),
            CertifiedResponse(status=case.status, headers=case.headers, body=hasher.digest()),
            canister_id=case.canister,
            check_certificate=lambda data: CACHE.verify(data, canister_id=case.canister, now_ns=case.now),
        )
    except OrchestratorError:
        return None


Ask = Callable[[Sequence[Case]], list[dict[str, Any]]]


def make_ask(npm_modules: Path) -> Ask:
    """Return what asks DFINITY's verifier about many cases at once."""

    def question(case: Case) -> str:
        request = {"method": case.method, "url": case.url, "headers": case.request_headers, "body": case.request_body.hex()}
        response = {"statusCode": case.status, "headers": case.headers, "body": case.body.hex()}
        where = {"canister": case.canister.raw.hex(), "now": str(case.now), "offset": str(OFFSET), "rootKey": AUTHORITY.root_key.hex()}
        return json.dumps({"request": request, "response": {**response, "status_code": case.status}, **where})

    def run(cases: Sequence[Case]) -> list[dict[str, Any]]:
        lines = "\n".join(map(question, cases))
        command = ["node", str(DRIVER), str(npm_modules)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=100, check=True)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return run


def agree(ask: Ask, cases: Sequence[Case]) -> list[bool]:
    """Check that both give the same verdicts and certify the same headers; return which cases verified."""
    theirs = ask(cases)
    assert len(theirs) == len(cases)
    verdicts = []
    for number, (case, their) in enumerate(zip(cases, theirs, strict=True)):
        our = ours(case)
        assert (our is not None) == ("error" not in their), (number, case.url, our, their)
        if our is not None:
            assert our.version == their["version"], number
            shown = [tuple(pair) for pair in their["headers"] or () if pair[0].lower() != "ic-certificate"]
            assert sorted(our.headers or ()) == sorted(shown), number
        verdicts.append(our is not None)
    return verdicts
