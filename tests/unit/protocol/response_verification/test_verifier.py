"""Response verification: what proves a response, what does not, and how the refusal is named."""

import gzip
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError
from orchestrator.protocol.response_verification import (
    BodyHasher,
    CertificateCache,
    CertifiedRequest,
    CertifiedResponse,
    VerifiedResponse,
    verify_response,
)
from orchestrator.protocol.response_verification.certificates import MAX_REMEMBERED_BYTES
from tests.support.authority import Authority
from tests.support.certified_pages import Page, certify_pages, certify_version_one, expression

NOW = 1_700_000_000_000_000_000
MINUTES = 60_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
OTHER = Principal(bytes(7) + b"\x11\x01\x01")
AUTHORITY = Authority()
PAGE = Page(path=("http_expr", "app", "<$>"), headers=(("Content-Type", "text/html"), ("Set-Cookie", "a")))
SOME = replace(PAGE, expression=expression(headers=["content-type"], excludes=False), certified=(("content-type", "text/html"),))


def sign(*pages: Page) -> tuple[tuple[str, str], ...]:
    """Certify pages and return the headers of the first."""
    return certify_pages(pages, authority=AUTHORITY, canister=CANISTER, time_ns=NOW)


def verify(
    page: Page, *others: Page, url: str = "/app", now_ns: int = NOW, canister: Principal = CANISTER, **response: Any
) -> VerifiedResponse:
    """Verify a page as it was certified, but for the changes."""
    hasher = BodyHasher()
    hasher.update(response.get("body", page.body))
    cache = CertificateCache(AUTHORITY.root_key)
    return verify_response(
        CertifiedRequest(method="GET", url=url),
        CertifiedResponse(
            status=response.get("status", page.status), headers=response.get("headers") or sign(page, *others), body=hasher.digest()
        ),
        canister_id=canister,
        check_certificate=lambda data: cache.verify(data, canister_id=canister, now_ns=now_ns),
    )


def test_a_certified_response_verifies_with_its_certified_headers() -> None:
    """Headers that the expression covers are returned, with the expression's own."""
    names = [name for name, _ in verify(PAGE).headers or ()]
    assert names == ["content-type", "set-cookie", "ic-certificateexpression"]
    assert [name for name, _ in verify(SOME).headers or ()] == ["content-type", "ic-certificateexpression"]


def test_a_waiver_certifies_no_headers() -> None:
    """A canister may certify that it certifies nothing; headers then have no certificate."""
    assert verify(replace(PAGE, expression=expression(nothing=True)), body=b"anything").headers is None


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("protocol/response-hash", {"body": b"other"}),
        ("protocol/response-hash", {"status": 404}),
        ("protocol/response-path", {"url": "/elsewhere"}),
        ("protocol/response-uncertified", {"headers": PAGE.headers}),
        ("protocol/response-certified-data", {"canister": OTHER}),
        ("protocol/certificate-time", {"now_ns": NOW + 6 * MINUTES}),
        ("protocol/response-url", {"url": "/%ff"}),
    ],
)
def test_each_refusal_has_its_own_name(kind: str, change: dict[str, Any]) -> None:
    """What does not fit is named by the error's slug."""
    with pytest.raises(CertificateError) as caught:
        verify(PAGE, **change)
    assert caught.value.slug == kind


def test_a_closer_path_must_be_absent() -> None:
    """A wildcard may not answer where the canister certifies something closer."""
    everywhere = Page(path=("http_expr", "<*>"))
    assert verify(everywhere).version == 2
    with pytest.raises(CertificateError, match="not what its canister certified"):
        verify(everywhere, PAGE)


def test_version_one_covers_the_body_alone() -> None:
    """Status and headers have no certificate in version 1, and a packed body is looked through."""
    packed = gzip.compress(b"hello")
    headers = certify_version_one({"/app": b"hello"}, authority=AUTHORITY, canister=CANISTER, time_ns=NOW)
    hasher = BodyHasher("gzip")
    hasher.update(packed[:9])
    hasher.update(packed[9:])
    cache = CertificateCache(AUTHORITY.root_key)
    verified = verify_response(
        CertifiedRequest(method="GET", url="/app?x"),
        CertifiedResponse(status=500, headers=headers, body=hasher.digest()),
        canister_id=CANISTER,
        check_certificate=lambda data: cache.verify(data, canister_id=CANISTER, now_ns=NOW),
    )
    assert verified == VerifiedResponse(version=1, headers=None)


def test_a_cut_off_body_cannot_be_unpacked() -> None:
    """A compressed body that ends too early is refused, not hashed."""
    hasher = BodyHasher("gzip")
    hasher.update(gzip.compress(b"hello")[:-5])
    with pytest.raises(CertificateError) as caught:
        hasher.digest()
    assert caught.value.slug == "protocol/response-body-encoding"


def test_nothing_may_follow_a_packed_body() -> None:
    """Some readers unpack what follows as well, and would show what nobody certified."""
    hasher = BodyHasher("gzip")
    hasher.update(gzip.compress(b"hello"))
    hasher.digest()
    hasher.update(gzip.compress(b" there"))
    with pytest.raises(CertificateError) as caught:
        hasher.digest()
    assert caught.value.slug == "protocol/response-body-encoding"


def test_large_certificates_are_not_remembered() -> None:
    """Memory does not grow with what canisters hand out as certificates."""
    cache = CertificateCache(AUTHORITY.root_key)
    data = AUTHORITY.certify({b"large": bytes(MAX_REMEMBERED_BYTES)}, NOW)
    first = cache.verify(data, canister_id=CANISTER, now_ns=NOW)
    assert cache.verify(data, canister_id=CANISTER, now_ns=NOW) is not first


def test_a_remembered_certificate_grows_old() -> None:
    """A certificate that verified once is refused when its time has passed."""
    cache = CertificateCache(AUTHORITY.root_key)
    data = AUTHORITY.certify({}, NOW)
    first = cache.verify(data, canister_id=CANISTER, now_ns=NOW)
    assert cache.verify(data, canister_id=CANISTER, now_ns=NOW + MINUTES) is first
    with pytest.raises(CertificateError) as caught:
        cache.verify(data, canister_id=CANISTER, now_ns=NOW + 6 * MINUTES)
    assert caught.value.slug == "protocol/certificate-time"
