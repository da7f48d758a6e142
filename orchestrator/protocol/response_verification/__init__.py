"""Is an HTTP response what its canister certified? Versions 1 and 2 of response verification, over plain values.

Source: the HTTP gateway protocol specification, sections "Response Verification" and "Legacy Response
Verification"; where it is silent, DFINITY's library `ic-response-verification` 3.0.
"""

from orchestrator.protocol.response_verification.bodies import MAX_DECODED_BYTES, BodyDigest, BodyHasher
from orchestrator.protocol.response_verification.certificates import CertificateCache
from orchestrator.protocol.response_verification.claims import Claim, read_claim
from orchestrator.protocol.response_verification.verifier import (
    CertifiedRequest,
    CertifiedResponse,
    VerifiedResponse,
    verify_claim,
    verify_response,
)

__all__ = [
    "MAX_DECODED_BYTES",
    "BodyDigest",
    "BodyHasher",
    "CertificateCache",
    "CertifiedRequest",
    "CertifiedResponse",
    "Claim",
    "VerifiedResponse",
    "read_claim",
    "verify_claim",
    "verify_response",
]
