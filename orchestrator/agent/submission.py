"""Sending one signed update call until its outcome is certain, or certainly unknown.

The call is signed once. The same bytes are sent again while nothing tells that they arrived, and only until they
expire; what the network certifies about the request is the only proof of what happened.
Source: the interface specification, section "Overview of canister calling".
"""

from orchestrator.agent.answers import decode_map
from orchestrator.agent.clock import Clock
from orchestrator.agent.endpoints import READ_ATTEMPTS, RETRY_SECONDS, Endpoints
from orchestrator.agent.rejects import read_reject
from orchestrator.agent.state import RequestState, RequestStatus, StateReader, read_request_status
from orchestrator.agent.transport import TRANSIENT_SLUGS, UNREACHABLE, HttpAnswer
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, OrchestratorError, OutcomeUnknownError, TransportError
from orchestrator.protocol.envelope import SignedRequest

__all__ = [
    "POLL_SECONDS_MAX",
    "POLL_SECONDS_MIN",
    "PROCESSING_LIMIT_SECONDS",
    "RESEND_SECONDS",
    "SETTLE_SECONDS",
    "UNVERIFIED_LIMIT",
    "Submission",
]

POLL_SECONDS_MIN = 0.05
POLL_SECONDS_MAX = 3.0
RESEND_SECONDS = 10.0
"""How long to poll for a request that the network does not know before its bytes are sent again."""
PROCESSING_LIMIT_SECONDS = 1800.0
"""How long a call may run once the network knows it; stopping a canister alone may take 5 minutes."""
SETTLE_SECONDS = 60.0
"""How long after the expiry the network may take to certify a time past it."""
UNVERIFIED_LIMIT = 3
"""How many answers in a row may fail verification before the outcome is given up."""

_GROWTH = 1.5
_SECOND_NS = 1_000_000_000
_FINAL = frozenset({RequestState.REPLIED, RequestState.REJECTED, RequestState.DONE})
_UNCERTAIN = (TRANSIENT_SLUGS - {UNREACHABLE}) | {"agent/not-cbor", "agent/too-large", "agent/encoding"}


class Submission:
    """One signed call on its way."""

    def __init__(self, endpoints: Endpoints, state: StateReader, clock: Clock, signed: SignedRequest, effective_id: Principal) -> None:
        self._endpoints = endpoints
        self._state = state
        self._clock = clock
        self._signed = signed
        self._effective_id = effective_id
        self._may_have_arrived = False
        self._unverified = 0
        self._trouble: OrchestratorError | None = None

    async def run(self) -> bytes:
        """Send the call and return its reply.

        Raises `RejectError`; `TransportError` when the call certainly was not accepted; `OutcomeUnknownError` when
        it may have been accepted and nothing tells what became of it.
        """
        while self._clock.now_ns() < self._signed.expiry_ns:
            status = await self._send() or await self._poll(RESEND_SECONDS)
            if status is not None:
                return self._finish(status)
        return self._finish(await self._poll(SETTLE_SECONDS))

    async def _send(self) -> RequestStatus | None:
        """Send the bytes; return a final status if the answer proves one, None if the network has to be asked."""
        wait = RETRY_SECONDS
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                answer = await self._endpoints.post("call", "canister", self._effective_id, self._signed.body)
                return self._read(answer)
            except TransportError as error:
                if error.slug != UNREACHABLE or attempt == READ_ATTEMPTS:
                    self._judge(error)
                    return None
            await self._clock.wait_seconds(wait)
            wait *= _GROWTH
        return None

    def _judge(self, error: TransportError) -> None:
        """Raise an error that proves that the call was not accepted; note that it may have been for any other."""
        if not self._may_have_arrived and error.slug not in _UNCERTAIN:
            raise error
        self._may_have_arrived = True
        self._trouble = error

    def _read(self, answer: HttpAnswer) -> RequestStatus | None:
        """Read an answer; a reject that is not certified counts only if these bytes cannot have arrived before."""
        if answer.status == 202:
            self._may_have_arrived = True
            return None
        fields = decode_map(answer)
        certificate = fields.get("certificate")
        if not isinstance(certificate, bytes):
            reject = read_reject(fields)
            if not self._may_have_arrived:
                raise reject
            self._trouble = reject
            return None
        self._may_have_arrived = True
        try:
            status = read_request_status(self._state.verify(certificate, canister_id=self._effective_id), self._signed.request_id)
        except CertificateError as error:
            self._count_unverified(error)
            return None
        return status if status.state in _FINAL else None

    async def _poll(self, seconds: float) -> RequestStatus | None:
        """Ask until the status is final, or a certified time past the expiry does not know the request.

        Returns None after some seconds in which the network did not know the request or could not be asked; once
        it knows the request, its last status after `PROCESSING_LIMIT_SECONDS`.
        """
        start, wait = self._clock.now_ns(), POLL_SECONDS_MIN
        known: RequestStatus | None = None
        while True:
            status = await self._ask()
            if status is not None:
                if status.state in _FINAL or (status.state is RequestState.ABSENT and status.time_ns > self._signed.expiry_ns):
                    return status
                known = status if status.state is not RequestState.ABSENT else known
            limit = PROCESSING_LIMIT_SECONDS if known is not None else seconds
            if self._clock.now_ns() - start >= limit * _SECOND_NS:
                return known
            await self._clock.wait_seconds(wait)
            wait = min(wait * _GROWTH, POLL_SECONDS_MAX)

    async def _ask(self) -> RequestStatus | None:
        try:
            status = await self._state.fetch_request_status(self._signed.request_id, self._effective_id)
        except CertificateError as error:
            self._count_unverified(error)
            return None
        except TransportError as error:
            self._trouble = error
            return None
        self._unverified = 0
        return status

    def _count_unverified(self, error: CertificateError) -> None:
        """Give up after several answers in a row that do not verify: somebody answers who is not the network."""
        self._unverified += 1
        self._trouble = error
        if self._unverified >= UNVERIFIED_LIMIT:
            raise self._unknown("its answers do not verify", error.hint) from error

    def _finish(self, status: RequestStatus | None) -> bytes:
        if status is None:
            raise self._unknown("the network could not be asked what became of it", None) from self._trouble
        if status.reply is not None:
            return status.reply
        if status.reject is not None:
            raise status.reject
        reason = {
            RequestState.DONE: "it was executed, and the network has forgotten its reply",
            RequestState.ABSENT: "it has expired, and the network does not know it; most likely it never took effect",
        }.get(status.state, "it is still being executed")
        raise self._unknown(reason, None, status) from self._trouble

    def _unknown(self, reason: str, hint: str | None, status: RequestStatus | None = None) -> OutcomeUnknownError:
        facts = [reason, f"request 0x{self._signed.request_id.hex()} at {self._effective_id}"]
        if self._trouble is not None:
            facts.append(f"last trouble: {self._trouble.summary}" + (f" ({self._trouble.detail})" if self._trouble.detail else ""))
        error = OutcomeUnknownError(
            "a call was sent, and its outcome is unknown",
            detail="; ".join(facts),
            hint=hint or "look at the canister's state before sending the call again: it may have taken effect",
        )
        error.request_id = self._signed.request_id
        error.expiry_ns = self._signed.expiry_ns
        error.certified_time_ns = status.time_ns if status is not None else None
        return error
