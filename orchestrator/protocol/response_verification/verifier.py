"""The verification itself: certificate, certified data, path, expression and hashes have to fit together.

Source: the HTTP gateway protocol specification, sections "Response Verification Outline", "Request Hash
Calculation", "Response Hash Calculation" and "Legacy Response Verification".
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from orchestrator.core.principal import Principal
from orchestrator.protocol import hash_tree
from orchestrator.protocol.certificate import Certificate
from orchestrator.protocol.hash_tree import Found, Tree
from orchestrator.protocol.request_id import hash_of_value
from orchestrator.protocol.response_verification.bodies import BodyDigest
from orchestrator.protocol.response_verification.claims import CERTIFICATE_HEADER, EXPRESSION_HEADER, Claim, read_claim
from orchestrator.protocol.response_verification.expression import HeaderRule, RequestRule
from orchestrator.protocol.response_verification.failures import failure
from orchestrator.protocol.response_verification.paths import check_expression_path, encode_path

__all__ = ["CertifiedRequest", "CertifiedResponse", "VerifiedResponse", "verify_claim", "verify_response"]

Headers = Sequence[tuple[str, str]]
CertificateCheck = Callable[[bytes], Certificate]
"""Verifies a certificate for the canister in question, and returns it or raises `CertificateError`."""

_ASSETS = b"http_assets"
_FALLBACK = b"/index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedRequest:
    """The request as the canister was given it; `url` is the path with its query string."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedResponse:
    """The response as the canister gave it; of its body the hashes are enough."""

    status: int
    headers: Headers
    body: BodyDigest


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedResponse:
    """What was verified; `headers` are those that are certified, names in lower case.

    None means that headers and status have no certificate: version 1, or a certified waiver of certification.
    """

    version: int
    headers: tuple[tuple[str, str], ...] | None


def verify_response(
    request: CertifiedRequest, response: CertifiedResponse, *, canister_id: Principal, check_certificate: CertificateCheck
) -> VerifiedResponse:
    """Verify a response with whatever version it claims. Raises `CertificateError`."""
    return verify_claim(read_claim(response.headers), request, response, canister_id=canister_id, check_certificate=check_certificate)


def verify_claim(
    claim: Claim,
    request: CertifiedRequest,
    response: CertifiedResponse,
    *,
    canister_id: Principal,
    check_certificate: CertificateCheck,
) -> VerifiedResponse:
    """Verify a response against what its headers, read before, claim. Raises `CertificateError`."""
    path, query = _split_url(request.url)
    certificate = check_certificate(claim.header.certificate)
    _check_certified_data(certificate, canister_id, claim.header.tree)
    if claim.expression is None:
        _check_version_one(claim.header.tree, path, response.body)
        return VerifiedResponse(version=claim.version, headers=None)
    expression_path = claim.header.expression_path or ()
    check_expression_path(expression_path, path, claim.header.tree)
    expression_hash = hashlib.sha256(claim.expression_text.encode("utf-8")).digest()
    labels = [*encode_path(expression_path), expression_hash]
    if not isinstance(hash_tree.lookup_subtree(claim.header.tree, labels), hash_tree.Subtree):
        raise failure("expression", "the header `IC-CertificateExpression` is not the one that the canister certified")
    if claim.expression.response is None:
        return VerifiedResponse(version=claim.version, headers=None)
    rule = claim.expression.request
    request_hash = b"" if rule is None else _request_hash(rule, request, query)
    headers = _certified_headers(claim.expression.response, response.headers)
    response_hash = _pair_hash(_map_hash([*headers, (":ic-cert-status", response.status)]), response.body.sent)
    if hash_tree.lookup(claim.header.tree, [*labels, request_hash, response_hash]) != Found(b""):
        parts = "status, headers and body are" if rule is None else "the request's and the response's certified parts are"
        raise failure("hash", f"{parts} not those that the canister certified")
    return VerifiedResponse(version=claim.version, headers=tuple(headers))


def _split_url(url: str) -> tuple[str, str | None]:
    """Return the decoded path and the query string of a URL's path and query."""
    path, mark, query = url.partition("?")
    try:
        return unquote_to_bytes(path).decode("utf-8"), query if mark else None
    except UnicodeDecodeError as error:
        raise failure("url", "the request's path is not UTF-8") from error


def _check_certified_data(certificate: Certificate, canister_id: Principal, tree: Tree) -> None:
    certified = certificate.lookup([b"canister", canister_id.raw, b"certified_data"])
    if not isinstance(certified, Found):
        raise failure("certified-data", f"the certificate does not show the certified data of {canister_id}")
    if certified.value != hash_tree.digest(tree):
        raise failure("certified-data", "the response's hash tree is not the one that the canister certified")


def _check_version_one(tree: Tree, path: str, body: BodyDigest) -> None:
    """Look for the body's hash under the path, else under the page that single-page applications show for all."""
    found = hash_tree.lookup(tree, [_ASSETS, path.encode("utf-8")])
    if not isinstance(found, Found):
        found = hash_tree.lookup(tree, [_ASSETS, _FALLBACK])
    if not isinstance(found, Found) or found.value not in {body.decoded, body.sent}:
        raise failure("hash", f"the body is not the one that the canister certified for {path}")


def _request_hash(rule: RequestRule, request: CertifiedRequest, query: str | None) -> bytes:
    pairs: list[tuple[str, str | int]] = [(name.lower(), value) for name, value in request.headers if name.lower() in rule.headers]
    pairs.append((":ic-cert-method", request.method))
    parameters = [part for part in (query or "").split("&") if part.partition("=")[0].lower() in rule.query_parameters]
    if query is not None and parameters:
        pairs.append((":ic-cert-query", "&".join(parameters)))
    return _pair_hash(_map_hash(pairs), hashlib.sha256(request.body).digest())


def _certified_headers(rule: HeaderRule, headers: Headers) -> list[tuple[str, str]]:
    lowered = [(name.lower(), value) for name, value in headers]
    return [(name, value) for name, value in lowered if name == EXPRESSION_HEADER or (name != CERTIFICATE_HEADER and rule.includes(name))]


def _map_hash(pairs: Iterable[tuple[str, str | int]]) -> bytes:
    """Return the representation-independent hash of a map in which names may repeat."""
    hashed = sorted(hashlib.sha256(name.encode("utf-8")).digest() + hash_of_value(value) for name, value in pairs)
    return hashlib.sha256(b"".join(hashed)).digest()


def _pair_hash(first: bytes, second: bytes) -> bytes:
    return hashlib.sha256(first + second).digest()
