"""A replica on scripted canisters, driven without HTTP or files."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.candid.types import Type
from orchestrator.core.principal import Principal
from orchestrator.replica.canister import Canister
from orchestrator.replica.fees import FREE, FeeSchedule
from orchestrator.replica.messages import Response
from orchestrator.replica.network_keys import NetworkKeys
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.replica import Replica, UserCall
from orchestrator.replica.state import Clock, ReplicaState
from orchestrator.replica.vm.interface import Reply
from tests.support.scripted_machine import ScriptedMachine

OWNER = Principal(b"\x01" * 28 + b"\x02")
STRANGER = Principal(b"\x02" * 28 + b"\x02")
START_TIME = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
EXPIRY = START_TIME + 200 * SECOND
MAX_STEPS = 1000
_NUMBERS = itertools.count()
"""Request ids differ also between a network and the one that its state is loaded into."""


@dataclass(slots=True)
class Time:
    """A clock that the test turns."""

    now: int = START_TIME

    def __call__(self) -> int:
        """Return the time."""
        return self.now


@dataclass(slots=True)
class ScriptedNetwork:
    """A replica with its machine and its clock; nothing costs anything unless `fees` say so."""

    machine: ScriptedMachine = field(default_factory=ScriptedMachine)
    time: Time = field(default_factory=Time)
    state: ReplicaState = field(default_factory=ReplicaState)
    fees: FeeSchedule = FREE
    replica: Replica = field(init=False)

    def __post_init__(self) -> None:
        """Start the replica."""
        keys = NetworkKeys.from_seeds(bytes(32), bytes(32))
        self.replica = Replica(
            machine=self.machine, keys=keys, entropy=lambda size: b"\x07" * size, state=self.state, clock=Clock(self.time), fees=self.fees
        )

    def submit(self, canister_id: Principal, method: str, arg: bytes = b"", *, caller: Principal = OWNER) -> bytes | Rejection:
        """Take in a call without executing it; returns its request id, or why it is refused."""
        request_id = next(_NUMBERS).to_bytes(32, "big")
        call = UserCall(
            request_id=request_id,
            sender=caller.raw,
            canister_id=canister_id.raw,
            method=method,
            arg=arg,
            expiry=EXPIRY,
            effective_id=canister_id.raw,
        )
        refusal = self.replica.accept(call)
        if refusal is not None:
            return refusal
        self.replica.enqueue(call)
        return request_id

    def run(self) -> None:
        """Execute everything that is queued."""
        assert not self.replica.run(MAX_STEPS), "the queue does not get empty"

    def response(self, request_id: bytes | Rejection) -> Response | None:
        """Return how a request ended, or None."""
        if isinstance(request_id, Rejection):
            return request_id
        record = self.replica.request(request_id)
        assert record is not None
        return record.response

    def call(self, canister_id: Principal, method: str, arg: bytes = b"", *, caller: Principal = OWNER) -> Response | None:
        """Call and execute until nothing is left; None when no answer came."""
        request_id = self.submit(canister_id, method, arg, caller=caller)
        self.run()
        return self.response(request_id)

    def manage(self, method: str, argument: Mapping[str, object], *, caller: Principal = OWNER) -> Response | None:
        """Call the management canister; fields that are not given are null."""
        return self.call(Principal(b""), method, encode_argument(method, argument), caller=caller)

    def managed(self, method: str, argument: Mapping[str, object], *, caller: Principal = OWNER) -> object:
        """Call the management canister and return its result; a reject fails the test."""
        response = self.manage(method, argument, caller=caller)
        assert isinstance(response, Reply), response
        results = decode(response.data, signature(method)[1])
        return results[0] if results else None

    def create(self, **settings: object) -> Principal:
        """Create a canister of the owner."""
        return cast("dict[str, Principal]", self.managed("provisional_create_canister_with_cycles", {"settings": settings}))["canister_id"]

    def install(self, canister_id: Principal, wasm: bytes, *, mode: Variant | None = None) -> Response | None:
        """Install a module."""
        argument = {"mode": mode or Variant("install"), "canister_id": canister_id, "wasm_module": wasm, "arg": b""}
        return self.manage("install_code", argument)

    def deploy(self, wasm: bytes) -> Principal:
        """Create a canister and install a module."""
        canister_id = self.create()
        assert isinstance(self.install(canister_id, wasm), Reply)
        return canister_id

    def canister(self, canister_id: Principal) -> Canister:
        """Return a canister's record."""
        return self.state.canisters[canister_id.raw]

    def status(self, canister_id: Principal) -> dict[str, object]:
        """Return what canister_status reports to the owner."""
        return cast("dict[str, object]", self.managed("canister_status", {"canister_id": canister_id}))


def signature(method: str) -> tuple[tuple[Type, ...], tuple[Type, ...]]:
    """Return the argument and result types of a management method."""
    service = load_interface("management").service
    assert service is not None
    function = service.methods[method]
    return function.arguments, function.results


def encode_argument(method: str, argument: Mapping[str, object]) -> bytes:
    """Encode a management argument, with null for every field that is not given."""
    return encode(signature(method)[0], [argument])
