"""Response verification: our verdicts and those of DFINITY's verifier, case by case."""

import gzip
import json
import random
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

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
from tests.support.certified_pages import Page, certify_pages, certify_version_one, expression

pytestmark = pytest.mark.npm
DRIVER = Path(__file__).parent.parent / "support" / "response_verification.mjs"
NOW = 1_700_000_000_000_000_000
OFFSET = 300 * 1_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
OTHER = Principal(bytes(7) + b"\x11\x01\x01")
AUTHORITY = Authority()
CACHE = CertificateCache(AUTHORITY.root_key, max_skew_ns=OFFSET)
Headers = tuple[tuple[str, str], ...]
EXACT = ("http_expr", "app", "<$>")
WILD = ("http_expr", "<*>")


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


@pytest.fixture(scope="module")
def ask(npm_modules: Path) -> Ask:
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


HEADERS: Headers = (("Content-Type", "text/html"), ("X-Kind", "a"), ("x-kind", "b"), ("Set-Cookie", "a=1"))
ALL = Page(path=EXACT, headers=HEADERS, certified=HEADERS)
SOME = Page(
    path=EXACT,
    headers=HEADERS,
    certified=(("content-type", "text/html"),),
    expression=expression(headers=["Content-Type"], excludes=False),
)
WITH_REQUEST = Page(
    path=EXACT,
    expression=expression(request_headers=["Accept"], query=["x", "z"]),
    request=(("accept", "text/html"), (":ic-cert-method", "POST"), (":ic-cert-query", "x=1&z=%20")),
    request_body=b"asked",
)
SKIPPED = Page(path=EXACT, expression=expression(nothing=True))


def test_both_verify_what_was_certified(ask: Ask) -> None:
    """Every kind of expression verifies in both, with the same certified headers."""
    excluded = tuple(pair for pair in HEADERS if pair[0] != "Set-Cookie")
    asked = {"method": "POST", "url": "/app?y=2&x=1&z=%20", "request_headers": (("Accept", "text/html"), ("host", "h"))}
    cases = [
        of(ALL),
        of(replace(ALL, status=404)),
        of(SOME),
        of(Page(path=EXACT, headers=HEADERS, certified=excluded, expression=expression(headers=["Set-Cookie"]))),
        of(WITH_REQUEST, request_body=b"asked", **asked),
        of(SKIPPED, body=b"anything", status=500),
        of(Page(path=EXACT, expression=expression().replace(":", " :\t").replace("{", "{ ").replace("}", " }"))),
        of(Page(path=EXACT, headers=(), body=b"")),
    ]
    assert all(agree(ask, cases))


def test_both_refuse_what_was_changed_since(ask: Ask) -> None:
    """Status, body, certified headers, expression, canister and time: a change of any is refused by both."""
    other_expression = expression(headers=["X-Kind"])
    cases = [
        of(ALL, body=b"hellO"),
        of(ALL, status=201),
        of(ALL, headers=tuple((name, value.replace("html", "plain")) for name, value in sign(ALL))),
        of(ALL, headers=sign(ALL)[1:]),
        of(ALL, headers=(*sign(ALL), ("x-more", "1"))),
        of(ALL, headers=tuple((name, other_expression if name == "IC-CertificateExpression" else value) for name, value in sign(ALL))),
        of(ALL, canister=OTHER),
        of(ALL, now=NOW + OFFSET + 1),
        of(ALL, now=NOW - OFFSET - 1),
        of(ALL, url="/other"),
        of(WITH_REQUEST, request_body=b"asked", method="GET", url="/app?x=1&z=%20", request_headers=(("accept", "text/html"),)),
        of(WITH_REQUEST, request_body=b"asked", method="POST", url="/app?x=2&z=%20", request_headers=(("accept", "text/html"),)),
        of(WITH_REQUEST, request_body=b"asked", method="POST", url="/app?x=1&z=%20"),
        of(WITH_REQUEST, method="POST", url="/app?x=1&z=%20", request_headers=(("accept", "text/html"),)),
        Case(headers=HEADERS),
        of(ALL, headers=tuple(pair for pair in sign(ALL) if pair[0] != "IC-CertificateExpression")),
        of(ALL, headers=tuple((name, value.replace("version=2", "version=3")) for name, value in sign(ALL))),
        of(ALL, headers=tuple((name, value.replace("version=2", "version=1")) for name, value in sign(ALL))),
    ]
    assert not any(agree(ask, cases))


def test_both_allow_the_same_changes(ask: Ask) -> None:
    """What is not certified may change: headers that are not listed, the request, other query parameters."""
    cases = [
        of(SOME, headers=(*sign(SOME), ("x-more", "1"))),
        of(ALL, method="DELETE", request_headers=(("x", "y"),), url="/app?anything"),
        of(ALL, url="/%61pp"),
        of(ALL, url="//app"),
        of(ALL, now=NOW + OFFSET),
        of(ALL, now=NOW - OFFSET),
    ]
    assert all(agree(ask, cases))


PATHS: tuple[tuple[str, ...], ...] = (
    ("http_expr", "<*>"),
    ("http_expr", "<$>"),
    ("http_expr", "", "<$>"),
    ("http_expr", "", "<*>"),
    ("http_expr", "a", "<$>"),
    ("http_expr", "a", "<*>"),
    ("http_expr", "a", "", "<$>"),
    ("http_expr", "a", "", "<*>"),
    ("http_expr", "a", "b", "<$>"),
    ("http_expr", "a", "b", "<*>"),
    ("http_expr", "a", "b", "", "<*>"),
    ("http_expr", "c", "<*>"),
    ("http_assets", "a", "<$>"),
    ("http_expr", "a"),
)
URLS = ("/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/c", "/a%2Fb", "/a/b?x=/c", "/%ff", "/d//a/")


def path_cases() -> Iterator[Case]:
    """Yield every path asked for by every URL, alone and beside each other path."""
    chance = random.Random(5)  # noqa: S311 - samples, not secrets
    for path in PATHS:
        others = [(), *(((other,)) for other in chance.sample(PATHS, 3))]
        for beside in others:
            pages = [Page(path=path), *(Page(path=other) for other in beside if other != path)]
            headers = sign(*pages)
            yield from (Case(headers=headers, url=url) for url in URLS)


def test_both_find_the_same_paths_specific_enough(ask: Ask) -> None:
    """Exact paths, wildcards, folders and what stands beside them: the verdicts are the same for all URLs."""
    verdicts = agree(ask, list(path_cases()))
    assert 100 < sum(verdicts) < len(verdicts) - 100


def test_both_read_version_one(ask: Ask) -> None:
    """The body's hash stands under the path, else the start page's counts; gzip and deflate are looked through."""
    page, packed = b"<html>", gzip.compress(b"<html>", mtime=0)
    deflater = zlib.compressobj(wbits=-15)
    deflated = deflater.compress(page) + deflater.flush()

    def case(bodies: dict[str, bytes], body: bytes, encoding: str | None = None, **changes: Any) -> Case:
        extra = () if encoding is None else (("Content-Encoding", encoding),)
        made = certify_version_one(bodies, authority=AUTHORITY, canister=CANISTER, time_ns=NOW, headers=extra)
        return replace(Case(headers=made, body=body), **changes)

    valid = [
        case({"/app": page}, page),
        case({"/index.html": page}, page),
        case({"/app": page}, packed, "gzip"),
        case({"/app": packed}, packed, "gzip"),
        case({"/app": page}, deflated, "deflate"),
        case({"/app": page}, page, "br"),
        case({"/a b": page}, page, url="/a%20b?x"),
    ]
    spoiled = [
        case({"/app": page}, b"<HTML>"),
        case({"/app": page, "/index.html": b""}, b""),
        case({"/other": page}, page),
        case({"/app": page}, packed[:-4], "gzip"),
        case({"/app": page}, page, "gzip"),
        case({"/app": page}, page, canister=OTHER),
        case({"/app": page}, page, now=NOW + OFFSET + 1),
    ]
    assert agree(ask, [*valid, *spoiled]) == [True] * len(valid) + [False] * len(spoiled)


def test_both_refuse_flipped_bits(ask: Ask) -> None:
    """A changed character anywhere in the certificate header is refused by both; nothing is believed here alone."""
    chance = random.Random(11)  # noqa: S311 - samples, not secrets
    headers = sign(ALL, Page(path=("http_expr", "b", "<$>")))
    value = dict(headers)["IC-Certificate"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cases = []
    for _ in range(60):
        position = chance.randrange(len(value))
        if value[position] not in alphabet:
            continue
        spoiled = value[:position] + chance.choice(alphabet.replace(value[position], "")) + value[position + 1 :]
        cases.append(of(ALL, headers=tuple((name, spoiled if name == "IC-Certificate" else text) for name, text in headers)))
    believed = [("error" not in their, ours(case) is not None) for case, their in zip(cases, ask(cases), strict=True)]
    assert (False, True) not in believed
    assert believed.count((False, False)) >= len(cases) - 3  # they also read trees with another CBOR tag


MALFORMED = (
    "",
    "default_certification",
    "default_certification()",
    "default_certification(ValidationArgs{})",
    "other(ValidationArgs{no_certification:Empty{}})",
    "default_certification(Other{no_certification:Empty{}})",
    "default_certification(ValidationArgs{no_certification:Empty{},certification:Certification{}})",
    "default_certification(ValidationArgs{certification:Certification{}})",
    "default_certification(ValidationArgs{certification:Certification{no_request_certification:Empty{}}})",
    expression().replace("no_request_certification:Empty{},", ""),
    expression().replace("[]", "[1]"),
    expression().replace("[]", '["a" "b"]'),
    expression().replace("ResponseHeaderList", "List"),
    expression()[:-1],
    expression(nothing=True).replace("}", "]"),
)


def test_both_refuse_malformed_expressions(ask: Ask) -> None:
    """What is no expression certifies nothing."""
    assert not any(agree(ask, [of(Page(path=EXACT, expression=text)) for text in MALFORMED]))
