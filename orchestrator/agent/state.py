"""Certified reads: the state tree's values, each proven by the root key before it is used.

Source: the interface specification, sections "Request: Read state" and "Request status".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.agent.answers import MOVED_CLOCK, decode_map
from orchestrator.agent.clock import Clock
from orchestrator.agent.endpoints import Endpoints, Place, retry_read
from orchestrator.agent.rejects import make_reject
from orchestrator.core.hosts import is_on_this_machine
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, RejectError, TransportError
from orchestrator.protocol.certificate import (
    MAINNET_ROOT_KEY,
    MAX_DELEGATION_AGE_NS,
    WRONG_KEY,
    WRONG_TIME,
    Certificate,
    decode_leb128,
    verify_certificate,
)
from orchestrator.protocol.envelope import sign_read_state
from orchestrator.protocol.hash_tree import Absent, Found
from orchestrator.protocol.keys import Identity

__all__ = ["INGRESS_EXPIRY_NS", "RequestState", "RequestStatus", "StateReader", "lookup_optional", "read_request_status"]

INGRESS_EXPIRY_NS = 4 * 60 * 1_000_000_000
"""How long a request is valid: a minute less than the network allows, because clocks differ."""
_LOCAL_HINTS = {
    WRONG_KEY: "the network may have been reset, and has another root key then: "
    "take it from `orchestrator network status --json` in the network's own project",
    WRONG_TIME: MOVED_CLOCK,
}
"""What to do about certificates of networks on this machine, by slug."""


class RequestState(StrEnum):
    """The certified status of a request; `ABSENT` when the network does not know it."""

    ABSENT = "absent"
    RECEIVED = "received"
    PROCESSING = "processing"
    REPLIED = "replied"
    REJECTED = "rejected"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStatus:
    """What certified state says about a request: its reply, its reject, or how far it is.

    `time_ns` is the certified time, in nanoseconds since 1970.
    """

    state: RequestState
    time_ns: int
    reply: bytes | None = None
    reject: RejectError | None = None


class StateReader:
    """Reads the state tree as one identity."""

    def __init__(self, endpoints: Endpoints, identity: Identity, root_key_der: bytes, clock: Clock) -> None:
        self._endpoints = endpoints
        self._identity = identity
        self._root_key_der = root_key_der
        self._clock = clock

    async def fetch(
        self, paths: Sequence[Sequence[bytes]], *, canister_id: Principal | None = None, subnet_id: Principal | None = None
    ) -> Certificate:
        """Fetch and verify a certificate for some paths, at a canister or at a subnet (one of the two is given).

        Raises `TransportError`, or `CertificateError` when the answer proves nothing.
        """
        effective = canister_id if canister_id is not None else subnet_id
        if effective is None:
            raise CertificateError("a state read is for one canister or one subnet", slug="protocol/certificate-scope")
        place = effective

        async def read() -> bytes:
            signed = sign_read_state(self._identity, paths, expiry_ns=self._clock.now_ns() + INGRESS_EXPIRY_NS)
            kind: Place = "canister" if canister_id is not None else "subnet"
            fields = decode_map(await self._endpoints.post("read_state", kind, place, signed.body))
            certificate = fields.get("certificate")
            if not isinstance(certificate, bytes):
                raise TransportError("the network's answer holds no certificate", slug="agent/not-cbor", detail=f"fields: {sorted(fields)}")
            return certificate

        return self.verify(await retry_read(self._clock, read), canister_id=canister_id, subnet_id=subnet_id)

    def verify(self, data: bytes, *, canister_id: Principal | None = None, subnet_id: Principal | None = None) -> Certificate:
        """Verify a certificate that came with some answer, at the present time."""
        try:
            return verify_certificate(
                data,
                root_key_der=self._root_key_der,
                now_ns=self._clock.now_ns(),
                canister_id=canister_id,
                subnet_id=subnet_id,
                max_delegation_age_ns=MAX_DELEGATION_AGE_NS if self._root_key_der == MAINNET_ROOT_KEY else None,
            )
        except CertificateError as error:
            hint = _LOCAL_HINTS.get(error.slug) if is_on_this_machine(self._endpoints.url) else None
            if hint is None:
                raise
            raise CertificateError(error.summary, slug=error.slug, detail=error.detail, hint=hint) from error

    async def fetch_request_status(self, request_id: bytes, effective_canister_id: Principal) -> RequestStatus:
        """Fetch what became of a request of this identity."""
        certificate = await self.fetch([[b"request_status", request_id]], canister_id=effective_canister_id)
        return read_request_status(certificate, request_id)


def read_request_status(certificate: Certificate, request_id: bytes) -> RequestStatus:
    """Read a request's status from a verified certificate; raise `CertificateError` if it does not tell."""
    path: list[bytes | str] = ["request_status", request_id]
    status = lookup_optional(certificate, [*path, "status"])
    if status is None:
        return RequestStatus(state=RequestState.ABSENT, time_ns=certificate.time_ns)
    try:
        state = RequestState(status.decode("ascii", errors="replace"))
    except ValueError as error:
        raise CertificateError("a request's certified status is unknown", detail=repr(status[:40])) from error
    reply = _lookup_required(certificate, [*path, "reply"]) if state is RequestState.REPLIED else None
    reject = _read_reject(certificate, path) if state is RequestState.REJECTED else None
    return RequestStatus(state=state, time_ns=certificate.time_ns, reply=reply, reject=reject)


def _read_reject(certificate: Certificate, path: list[bytes | str]) -> RejectError:
    code = decode_leb128(_lookup_required(certificate, [*path, "reject_code"]))
    message = _lookup_required(certificate, [*path, "reject_message"]).decode("utf-8", errors="replace")
    error_code = lookup_optional(certificate, [*path, "error_code"])
    return make_reject(code, message, error_code.decode("utf-8", errors="replace") if error_code else None)


def lookup_optional(certificate: Certificate, path: Iterable[bytes | str]) -> bytes | None:
    """Return a certified value, or None when its absence is certified.

    Raises `CertificateError` when the certificate does not tell: that must not be taken for absence.
    """
    found = certificate.lookup(path)
    if isinstance(found, Found):
        return found.value
    if isinstance(found, Absent):
        return None
    raise CertificateError("a certificate does not show what was asked for", slug="protocol/certificate-pruned")


def _lookup_required(certificate: Certificate, path: Iterable[bytes | str]) -> bytes:
    value = lookup_optional(certificate, path)
    if value is None:
        raise CertificateError("a certificate lacks a part of a request's answer", slug="protocol/certificate-pruned")
    return value
