"""Response verification: our verdicts and those of DFINITY's verifier, case by case."""

import gzip
import random
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.principal import Principal
from tests.support.certified_pages import Headers, Page, certify_version_one, expression
from tests.support.verification_oracle import AUTHORITY, CANISTER, NOW, OFFSET, Ask, Case, agree, make_ask, of, ours, sign

pytestmark = pytest.mark.npm
OTHER = Principal(bytes(7) + b"\x11\x01\x01")
EXACT = ("http_expr", "app", "<$>")


@pytest.fixture(scope="module")
def ask(npm_modules: Path) -> Ask:
    """Return what asks DFINITY's verifier about many cases at once."""
    return make_ask(npm_modules)


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


@pytest.mark.slow
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


NAMES = ("Content-Type", "content-type", "ETag", "X-A", "x-b", "Cache-Control", "Set-Cookie")


def random_case(chance: random.Random) -> Case:
    """Return a page with any headers and any expression, as it was certified or with one thing changed."""
    headers = tuple((chance.choice(NAMES), chance.choice(("", "1", "a, b", "é"))) for _ in range(chance.randrange(5)))
    listed = chance.sample(NAMES, chance.randrange(4))
    excludes, asks = chance.random() < 0.5, chance.random() < 0.5
    lowered = {name.lower() for name in listed}
    certified = tuple(pair for pair in headers if (pair[0].lower() in lowered) != excludes)
    sent = tuple((name.lower(), "1") for name in chance.sample(NAMES, 3))
    path = chance.choice((EXACT, ("http_expr", "<*>")))
    page = Page(
        path=path,
        status=chance.choice((200, 206, 304, 404, 599)),
        headers=headers,
        certified=certified,
        expression=expression(headers=listed, excludes=excludes, request_headers=listed if asks else None, query=("q",)),
        request=(*(pair for pair in sent if pair[0] in lowered), (":ic-cert-method", "PUT"), (":ic-cert-query", "Q=1&q")) if asks else (),
        request_body=b"sent",
    )
    case = of(page, method="PUT", url="/app?x=1&Q=1&q&y", request_headers=sent, request_body=b"sent")
    change: dict[str, Any] = chance.choice(
        (
            {},
            {},
            {"status": 201},
            {"body": b"x"},
            {"method": "GET"},
            {"url": "/app?q&Q=1"},
            {"request_headers": sent[1:]},
            {"request_body": b""},
        )
    )
    if chance.random() < 0.2:
        change = {"headers": case.headers[1:]}
    return replace(case, **change)


@pytest.mark.slow
def test_both_agree_on_random_pages(ask: Ask) -> None:
    """Headers that repeat, lists in any case, requests in part: whatever is certified and changed, the verdicts are the same."""
    chance = random.Random(17)  # noqa: S311 - samples, not secrets
    verdicts = agree(ask, [random_case(chance) for _ in range(150)])
    assert 30 < sum(verdicts) < 120
