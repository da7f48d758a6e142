"""Certificates checked once: pairings are what costs time in verifying a response."""

import hashlib
from collections import OrderedDict

from orchestrator.core.principal import Principal
from orchestrator.protocol.certificate import MAX_CERTIFICATE_SKEW_NS, Certificate, check_certificate_time, verify_certificate

__all__ = ["CertificateCache"]

CAPACITY = 256
"""How many verified certificates are remembered."""
MAX_REMEMBERED_BYTES = 16 * 1024
"""The largest certificate that is remembered, in bytes; those that canisters hand out have about one thousand."""


class CertificateCache:
    """Verifies certificates under one root key and remembers those that verified; their age is looked at each time."""

    def __init__(self, root_key_der: bytes, *, max_skew_ns: int = MAX_CERTIFICATE_SKEW_NS) -> None:
        """Take the DER-encoded root key, and how far a certificate's time may be from the clock, in nanoseconds."""
        self._root_key = root_key_der
        self._max_skew_ns = max_skew_ns
        self._verified: OrderedDict[tuple[bytes, Principal], Certificate] = OrderedDict()

    def verify(self, data: bytes, *, canister_id: Principal, now_ns: int) -> Certificate:
        """Return the certificate if it speaks for the canister and is recent. Raises `CertificateError`."""
        key = (hashlib.sha256(data).digest(), canister_id)
        certificate = self._verified.get(key)
        if certificate is not None:
            check_certificate_time(certificate, now_ns=now_ns, max_skew_ns=self._max_skew_ns)
            self._verified.move_to_end(key)
            return certificate
        certificate = verify_certificate(
            data, root_key_der=self._root_key, canister_id=canister_id, now_ns=now_ns, max_skew_ns=self._max_skew_ns
        )
        if len(data) <= MAX_REMEMBERED_BYTES:
            self._verified[key] = certificate
        if len(self._verified) > CAPACITY:
            self._verified.popitem(last=False)
        return certificate
