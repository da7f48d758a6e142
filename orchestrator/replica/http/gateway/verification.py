"""Nothing is passed on to a browser that its canister did not certify; who looks for it anyway is told where.

Source: the HTTP gateway protocol specification, section "Response Verification" and "Response Verification Version
Assertion"; what version 1 leaves uncertified is treated as DFINITY's gateway does.
"""

from dataclasses import dataclass

import anyio.to_thread

from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError
from orchestrator.protocol.response_verification import (
    BodyHasher,
    CertificateCache,
    CertifiedRequest,
    CertifiedResponse,
    Claim,
    read_claim,
    verify_claim,
)
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.http.gateway.answers import Answer, Headers, header_of
from orchestrator.replica.http.gateway.canisters import Canisters, PrivateMetadataError
from orchestrator.replica.http.gateway.failures import GatewayError, Link
from orchestrator.replica.http.gateway.hosts import raw_url

__all__ = ["Asked", "Verifier", "new_hasher", "passed_headers"]

_SUPPORTED_VERSIONS = "supported_certificate_versions"
_REDIRECTS = range(300, 400)
_NOT_MODIFIED = 304
_CERTIFICATE = "ic-certificate"
_UNCERTIFIED = "protocol/response-uncertified"
_ADVICE = (
    "It sends no certificate with this response. Certify the page, as asset canisters do, or let http_request ask for an"
    " upgrade and answer in http_request_update: the network itself certifies what update calls answer."
)
_MAX_HASHED_AT_ONCE_BYTES = 64 * 1024
"""A larger body is hashed on another thread: nobody else's request waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, the canister that was asked, and the headers that it was told."""

    canister_id: Principal
    request: HttpRequest
    headers: Headers


class Verifier:
    """Verifies answers under the network's root key."""

    def __init__(self, canisters: Canisters) -> None:
        self._canisters = canisters
        self._certificates = CertificateCache(canisters.root_key)

    async def verify(self, asked: Asked, answer: Answer) -> Headers:
        """Verify an answer with its whole body, and return the headers to pass on. Raises `GatewayError`."""
        claim = self.read_claim(asked, answer)
        hasher = new_hasher(claim, answer)
        try:
            if hasher.unpacks or len(answer.body) > _MAX_HASHED_AT_ONCE_BYTES:
                await anyio.to_thread.run_sync(hasher.update, answer.body)
            else:
                hasher.update(answer.body)
        except CertificateError as error:
            raise self.refusal(asked, error) from error
        return self.verify_digest(asked, answer, claim, hasher)

    def read_claim(self, asked: Asked, answer: Answer) -> Claim:
        """Read what an answer says of its certification, before its body is fetched. Raises `GatewayError`."""
        try:
            return read_claim(answer.headers)
        except CertificateError as error:
            raise self.refusal(asked, error) from error

    def verify_digest(self, asked: Asked, answer: Answer, claim: Claim, body: BodyHasher) -> Headers:
        """Verify an answer whose body was hashed meanwhile, and return the headers to pass on. Raises `GatewayError`."""
        request = asked.request
        now = self._canisters.now()
        try:
            verified = verify_claim(
                claim,
                CertifiedRequest(method=request.method, url=request.target, headers=asked.headers, body=request.body),
                CertifiedResponse(status=answer.status, headers=answer.headers, body=body.digest()),
                canister_id=asked.canister_id,
                check_certificate=lambda data: self._certificates.verify(data, canister_id=asked.canister_id, now_ns=now),
            )
        except CertificateError as error:
            raise self.refusal(asked, error) from error
        if verified.version == 1:
            self._check_version_one(asked, answer)
            return tuple((name, value) for name, value in answer.headers if name.lower() != "cache-control")
        if verified.headers is None:
            return answer.headers
        certificate = header_of(answer.headers, _CERTIFICATE) or ""
        return (*verified.headers, (_CERTIFICATE, certificate))

    @staticmethod
    def refusal(asked: Asked, error: CertificateError) -> GatewayError:
        """Return the page that tells why a response is not shown, and where it can be seen all the same."""
        if error.slug == _UNCERTIFIED:
            return _refusal(asked, _ADVICE)
        reason = error.detail or error.summary
        return _refusal(asked, f"{reason[:1].upper()}{reason[1:]}.")

    def _check_version_one(self, asked: Asked, answer: Answer) -> None:
        """Refuse what version 1 cannot protect, and canisters that promise version 2."""
        if answer.status in _REDIRECTS and answer.status != _NOT_MODIFIED:
            raise _refusal(asked, "It redirects, and version 1 of certification does not cover where to.")
        try:
            promised = self._canisters.metadata(asked.canister_id, _SUPPORTED_VERSIONS)
        except PrivateMetadataError:
            raise _refusal(asked, f"Its metadata `{_SUPPORTED_VERSIONS}` is private, so nobody can tell what it promises.") from None
        if promised is not None and b"2" in [version.strip() for version in promised.split(b",")]:
            raise _refusal(asked, "It promises version 2 of certification, and answered with version 1.")


def new_hasher(claim: Claim, answer: Answer) -> BodyHasher:
    """Return what hashes the answer's body; only version 1 looks through its content encoding."""
    return BodyHasher(header_of(answer.headers, "content-encoding") if claim.version == 1 else None)


def passed_headers(headers: Headers, *, whole: bool) -> Headers:
    """Leave out what the gateway says itself; of a range that was completed also what told the range."""
    dropped = {"content-length", "content-range"} if whole else {"content-length"}
    return tuple((name, value) for name, value in headers if name.lower() not in dropped)


def _refusal(asked: Asked, reason: str) -> GatewayError:
    text = f"Canister {asked.canister_id} answered, and nothing proves that the answer is its own. {reason}"
    link = Link("Shown without verification, as on the mainnet's raw hosts, it is at", raw_url(asked.request, asked.canister_id))
    return GatewayError(503, "The response failed verification", text, links=(link,))
