"""The replica as one object: what the HTTP interface, the gateway and the daemon drive.

Every method belongs on the one thread that executes canisters. Nothing here waits: a call that is not
answered yet is picked up again by `run`.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from orchestrator.replica.canister import CanisterStatus
from orchestrator.replica.certified_state import CertifiedState
from orchestrator.replica.execution import Execution
from orchestrator.replica.fees import APPLICATION_SUBNET, FeeSchedule
from orchestrator.replica.management.context import Context
from orchestrator.replica.management.dispatch import Management
from orchestrator.replica.management.removing import remove_code
from orchestrator.replica.messages import Call, IngressOrigin, Response
from orchestrator.replica.network_keys import NetworkKeys
from orchestrator.replica.queries import QueryRunner, Question
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, reject
from orchestrator.replica.rent import Rent
from orchestrator.replica.requests import RequestRecord
from orchestrator.replica.scheduler import Scheduler
from orchestrator.replica.state import Clock, Environment, ReplicaState
from orchestrator.replica.system.installing import install_system_canisters, seed_accounts
from orchestrator.replica.vm.interface import Machine

__all__ = ["Replica", "UserCall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCall:
    """An update call of a user; `effective_id` is the canister (or subnet) of the URL it came to.

    The caller info is what the canister that signed for the user says about the user, and that canister's id.
    """

    request_id: bytes
    sender: bytes
    canister_id: bytes
    method: str
    arg: bytes
    expiry: int
    effective_id: bytes
    caller_info_data: bytes = b""
    caller_info_signer: bytes = b""


class Replica:
    """A network of one node, with its state. `activity` rises whenever the state may have changed."""

    def __init__(
        self,
        *,
        machine: Machine,
        keys: NetworkKeys,
        entropy: Callable[[int], bytes],
        state: ReplicaState | None = None,
        clock: Clock | None = None,
        fees: FeeSchedule = APPLICATION_SUBNET,
    ) -> None:
        """Put the parts together around a state, an empty one by default; canisters pay `fees`."""
        self.keys = keys
        self.interrupt = machine.interrupt
        self.entropy = entropy
        self.activity = 0
        self.state = state or ReplicaState()
        self.clock = clock or Clock(time.time_ns)
        self._certified = CertifiedState(self.state, keys, self.clock.now)
        environment = Environment(
            machine=machine,
            clock=self.clock,
            entropy=entropy,
            subnet_id=keys.subnet_id,
            root_key=keys.root_key,
            data_certificate=self._certified.data_certificate,
            fees=fees,
        )
        execution = Execution(self.state, environment)
        self._charging = execution.charging
        self.management: Management

        def make_management(scheduler: Scheduler) -> Management:
            self.management = Management(Context(state=self.state, execution=execution, environment=environment, scheduler=scheduler))
            return self.management

        self._scheduler = Scheduler(self.state, execution, make_management)
        self._rent = Rent(self.state, fees, partial(remove_code, self.state, self._scheduler))
        self._queries = QueryRunner(self.state, execution, environment, self.management.query)

    def install_system_canisters(self) -> None:
        """Put the ledgers, the minting canister and the proxy in their places, unless they are there."""
        if install_system_canisters(self.state, self.clock.now()):
            self.activity += 1

    def seed_accounts(self, principals: Iterable[bytes]) -> None:
        """Give each principal that has none yet its ICP and cycles, and control of the proxy canister."""
        if seed_accounts(self.state, principals, self.clock.now()):
            self.activity += 1

    def accept(self, call: UserCall) -> Rejection | None:
        """Check a user's call and remember its request; `enqueue` executes it. Returns why it is refused, or None."""
        if self.state.requests.get(call.request_id) is not None:
            return None
        try:
            refusal = self._inspect(call)
            if refusal is None:
                self._charge(call)
        except RejectedError as error:
            refusal = error.rejection
        if refusal is None:
            self.state.requests.put(
                RequestRecord(
                    request_id=call.request_id,
                    sender=call.sender,
                    receiver=call.canister_id,
                    effective_id=call.effective_id,
                    expiry=call.expiry,
                )
            )
        return refusal

    def enqueue(self, call: UserCall) -> None:
        """Queue an accepted call; one that was queued before is left alone."""
        record = self.state.requests.get(call.request_id)
        if record is None or record.is_queued:
            return
        self.state.requests.put(replace(record, is_queued=True))
        self.state.queue.append(
            Call(
                caller=call.sender,
                callee=call.canister_id,
                method=call.method,
                arg=call.arg,
                cycles=0,
                origin=IngressOrigin(call.request_id),
                expiry=call.expiry,
                caller_info_data=call.caller_info_data,
                caller_info_signer=call.caller_info_signer,
            )
        )

    def _inspect(self, call: UserCall) -> Rejection | None:
        if not call.canister_id:
            return self.management.inspect(call.method, call.arg, call.sender)
        canister = self.state.canister(call.canister_id)
        if canister.status is not CanisterStatus.RUNNING:
            reason = Reason.STOPPED if canister.status is CanisterStatus.STOPPED else Reason.STOPPING
            return reject(reason, canister=canister.id)
        if canister.instance is None:
            return reject(Reason.NO_MODULE, canister=canister.id)
        refusal = self._charging.ingress_refusal(canister, _size(call))
        return refusal or self._queries.inspect(
            Question(
                canister_id=call.canister_id,
                method=call.method,
                arg=call.arg,
                caller=call.sender,
                caller_info_data=call.caller_info_data,
                caller_info_signer=call.caller_info_signer,
            )
        )

    def _charge(self, call: UserCall) -> None:
        """Let the canister that a call is about pay for receiving it, as far as it can."""
        target = call.canister_id or self.management.effective_canister_id(call.method, call.arg)
        canister = self.state.canisters.get(target) if target else None
        if canister is not None:
            self._charging.take_ingress(canister, _size(call))

    def run(self, limit: int) -> bool:
        """Execute at most `limit` messages; returns True when more are waiting."""
        self.activity += len(self.state.queue)
        return self._scheduler.run(limit)

    def tick(self) -> None:
        """Queue what is due: timers, heartbeats, deadlines; forget some old requests."""
        now = self.clock.now()
        if self._rent.collect(now):
            self.activity += 1
        self._scheduler.tick()
        self.activity += self.state.requests.prune(now)

    def request(self, request_id: bytes) -> RequestRecord | None:
        """Return what is known of a request."""
        return self.state.requests.get(request_id)

    def query(
        self, canister_id: bytes, method: str, arg: bytes, caller: bytes, *, caller_info_data: bytes = b"", caller_info_signer: bytes = b""
    ) -> Response:
        """Evaluate a query; an empty canister id means the management canister."""
        if not canister_id:
            return self.management.query(method, arg, caller)
        return self._queries.query(
            Question(
                canister_id=canister_id,
                method=method,
                arg=arg,
                caller=caller,
                caller_info_data=caller_info_data,
                caller_info_signer=caller_info_signer,
            )
        )

    def certificate(self, paths: Iterable[Sequence[bytes]]) -> bytes:
        """Certify paths of the state tree."""
        return self._certified.certificate(paths)

    def request_certificates(self, request_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Certify what became of some requests, each for itself, with one signature."""
        if not request_ids:
            return {}
        certificates = self._certified.certificates([[(b"request_status", request_id)] for request_id in request_ids])
        return dict(zip(request_ids, certificates, strict=True))


def _size(call: UserCall) -> int:
    return len(call.method.encode()) + len(call.arg)
