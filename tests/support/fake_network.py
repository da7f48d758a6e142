"""A network in this process: a transport that answers as a replica would, with real signatures, or as a liar would.

    network = FakeNetwork()
    network.methods["greet"] = lambda arg: b"hello " + arg
    client = network.client()

It authenticates requests, executes each request id once, and certifies what it says. `script` holds answers (or
errors) that come instead, first in, first out; `record` is what was posted.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anyio.lowlevel

from orchestrator.agent.client import Client
from orchestrator.agent.transport import HttpAnswer
from orchestrator.core.principal import Principal
from orchestrator.errors import ProtocolError, TransportError
from orchestrator.protocol import cbor
from orchestrator.protocol.authentication import AuthenticatedRequest, verify_envelope
from orchestrator.protocol.keys import Ed25519Identity, Identity
from orchestrator.protocol.request_id import encode_leb128
from orchestrator.protocol.response import response_message
from tests.support.authority import Authority, Labels

__all__ = ["CANISTER", "NOW", "SECOND", "FakeClock", "FakeNetwork", "Post", "RefusalError", "broken"]

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
IDENTITY = Ed25519Identity.from_seed(b"\x09" * 32)
_ROUTE = re.compile(r"/api/v(\d)/(canister|subnet)/([a-z0-9-]+)/(call|query|read_state)")

Step: TypeAlias = "HttpAnswer | Exception | Callable[[Post], HttpAnswer]"


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until somebody waits, and then runs `pace` times as fast."""

    time_ns: int = NOW
    pace: float = 1.0
    waits: list[float] = field(default_factory=list)

    def now_ns(self) -> int:
        """Return the set time."""
        return self.time_ns

    async def wait_seconds(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.waits.append(seconds)
        self.time_ns += int(seconds * self.pace * SECOND)
        await anyio.lowlevel.checkpoint()


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request as it was posted."""

    path: str
    body: bytes
    version: int
    operation: str
    effective: Principal


@dataclass(frozen=True, slots=True)
class RefusalError(Exception):
    """What a method of a fake canister raises to reject."""

    code: int
    message: str
    error_code: str | None = "IC0406"
    certified: bool = True


def broken(slug: str = "agent/disconnected") -> TransportError:
    """Return the error of a connection that broke."""
    return TransportError("the connection broke", slug=slug, detail="test")


@dataclass(slots=True)
class FakeNetwork:
    """A transport to canisters that are Python functions."""

    authority: Authority = field(default_factory=Authority)
    clock: FakeClock = field(default_factory=FakeClock)
    methods: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    versions: dict[str, frozenset[int]] = field(
        default_factory=lambda: {"call": frozenset({2, 3, 4}), "query": frozenset({2, 3}), "read_state": frozenset({2, 3})}
    )
    canister_labels: dict[bytes, Any] = field(default_factory=dict)
    statuses: dict[bytes, Labels] = field(default_factory=dict)
    executed: list[bytes] = field(default_factory=list)
    record: list[Post] = field(default_factory=list)
    script: deque[Step] = field(default_factory=deque)
    url: str = "http://fake.test"
    sharded: bool = True
    skew_ns: int = 0
    synchronous: bool = True
    deaf_before_ns: int = 0
    status_fields: dict[str, object] = field(default_factory=dict)
    lose_answers: int = 0
    lost_as: str = "agent/disconnected"
    refuse_resends: bool = False

    def client(self, identity: Identity | None = IDENTITY) -> Client:
        """Return a client of this network that knows its root key."""
        return Client(self, identity, self.authority.root_key, self.clock)

    @property
    def time_ns(self) -> int:
        """The network's own time."""
        return self.clock.time_ns + self.skew_ns

    async def get(self, path: str) -> HttpAnswer:
        """Answer the status endpoint."""
        await anyio.lowlevel.checkpoint()
        fields = self.status_fields or {"root_key": self.authority.root_key, "replica_health_status": "healthy", "impl_version": "fake"}
        return HttpAnswer(status=200 if path == "/api/v2/status" else 404, body=cbor.dumps(fields), url=self.url + path)

    async def post(self, path: str, body: bytes) -> HttpAnswer:
        """Answer a request, as scripted or truthfully."""
        await anyio.lowlevel.checkpoint()
        found = _ROUTE.fullmatch(path)
        assert found is not None, path
        posted = Post(path=path, body=body, version=int(found[1]), operation=found[4], effective=Principal.from_text(found[3]))
        self.record.append(posted)
        if self.script:
            step = self.script.popleft()
            if isinstance(step, Exception):
                raise step
            return step(posted) if callable(step) else step
        return self.answer(posted)

    def answer(self, posted: Post) -> HttpAnswer:
        """Answer as an honest replica."""
        if posted.version not in self.versions[posted.operation]:
            return self.http(404, b"not found")
        try:
            request = verify_envelope(cbor.loads(posted.body), now_ns=self.time_ns)
        except ProtocolError as error:
            return self.http(400, f"{error.summary}: {error.detail}".encode())
        if posted.operation == "call":
            return self.call(posted, request)
        if posted.operation == "query":
            return self.query(request)
        return self.cbor({"certificate": self.certify(self.read_labels(request))})

    def http(self, status: int, body: bytes = b"") -> HttpAnswer:
        """Return a plain HTTP answer that tells the network's time."""
        return HttpAnswer(status=status, body=body, url=self.url, date_ns=self.time_ns)

    def cbor(self, fields: dict[str, object]) -> HttpAnswer:
        """Return a CBOR answer."""
        return HttpAnswer(status=200, body=cbor.dumps(fields), url=self.url, content_type="application/cbor")

    def certify(self, labels: Labels) -> bytes:
        """Certify labels at the network's time."""
        return self.authority.certify(labels, self.time_ns, sharded=self.sharded)

    def call(self, posted: Post, request: AuthenticatedRequest) -> HttpAnswer:
        """Execute a call once and answer with its certificate, or without when asked asynchronously."""
        identifier = request.request_id
        if identifier in self.statuses and self.refuse_resends:
            return self.cbor({"status": "non_replicated_rejection", **_reject_fields(RefusalError(5, "the canister is stopped", "IC0508"))})
        if identifier not in self.statuses:
            try:
                self.statuses[identifier] = self.execute(request)
            except RefusalError as refusal:
                return self.cbor({"status": "non_replicated_rejection", **_reject_fields(refusal)})
        if self.lose_answers > 0:
            self.lose_answers -= 1
            raise broken(self.lost_as)
        if posted.version == 2 or not self.synchronous:
            return self.http(202)
        return self.cbor({"status": "replied", "certificate": self.certify({b"request_status": {identifier: self.statuses[identifier]}})})

    def execute(self, request: AuthenticatedRequest) -> Labels:
        """Run a method and return the labels below its request status; an uncertified refusal is raised."""
        method = self.methods[str(request.content["method_name"])]
        arg = request.content["arg"]
        assert isinstance(arg, bytes)
        try:
            reply = method(arg)
        except RefusalError as refusal:
            if not refusal.certified:
                raise
            return rejected(refusal)
        self.executed.append(request.request_id)
        return {b"status": b"replied", b"reply": reply}

    def query(self, request: AuthenticatedRequest, *, signer: Ed25519Identity | None = None) -> HttpAnswer:
        """Run a query and sign its answer as the subnet's node."""
        arg = request.content["arg"]
        assert isinstance(arg, bytes)
        try:
            response: dict[str, object] = {"status": "replied", "reply": {"arg": self.methods[str(request.content["method_name"])](arg)}}
        except RefusalError as refusal:
            response = {"status": "rejected", **_reject_fields(refusal)}
        return self.signed(response, request.request_id, signer=signer)

    def signed(self, response: dict[str, object], request_id: bytes, *, signer: Ed25519Identity | None = None) -> HttpAnswer:
        """Sign a query's response."""
        node = signer or self.authority.application.node
        message = response_message(response, timestamp_ns=self.time_ns, request_id=request_id)
        signature = {"timestamp": self.time_ns, "signature": node.sign(message), "identity": node.principal.raw}
        return self.cbor({**response, "signatures": [signature]})

    def read_labels(self, request: AuthenticatedRequest) -> Labels:
        """Return what a state read may see; requests stay invisible before `deaf_before_ns`."""
        visible = self.statuses if self.time_ns >= self.deaf_before_ns else {}
        labels: dict[bytes, Any] = {b"request_status": dict(visible), b"canister": self.canister_labels}
        paths = request.content["paths"]
        assert isinstance(paths, list)
        if any(path[0] == b"subnet" for path in paths):
            labels[b"subnet"] = self.authority.application.labels(self.time_ns)[b"subnet"]
        return labels


def rejected(refusal: RefusalError) -> Labels:
    """Return the labels of a certified reject."""
    labels: dict[bytes, Labels | bytes] = {
        b"status": b"rejected",
        b"reject_code": encode_leb128(refusal.code),
        b"reject_message": refusal.message.encode(),
    }
    if refusal.error_code is not None:
        labels[b"error_code"] = refusal.error_code.encode()
    return labels


def _reject_fields(refusal: RefusalError) -> dict[str, object]:
    fields: dict[str, object] = {"reject_code": refusal.code, "reject_message": refusal.message}
    return fields if refusal.error_code is None else {**fields, "error_code": refusal.error_code}
