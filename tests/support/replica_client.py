"""A small client that speaks the interface specification to a replica and verifies what it hears.

It shares the wire formats with the code under test; the conformance tests use independent clients.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, cast

import httpx

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import Certificate, verify_certificate
from orchestrator.protocol.envelope import SignedRequest, sign_call, sign_query, sign_read_state
from orchestrator.protocol.hash_tree import Found
from orchestrator.protocol.keys import Ed25519Identity, Identity

EXPIRY_NS = 240 * 1_000_000_000
MAX_SKEW_NS = 300 * 1_000_000_000
TIMEOUT_SECONDS = 60.0


class CallRejectedError(Exception):
    """Raised when a call or query is rejected."""

    def __init__(self, code: int, message: str, error_code: str) -> None:
        """Keep what the replica said."""
        super().__init__(f"{code} {error_code}: {message}")
        self.code, self.message, self.error_code = code, message, error_code


class ReplicaClient:
    """Talks to one replica as one identity."""

    def __init__(self, url: str, root_key: bytes, identity: Identity | None = None) -> None:
        self.root_key = root_key
        self.identity = identity or Ed25519Identity.generate()
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)
        self.clock_offset_ns = 0

    def now(self) -> int:
        """Return the time of a network whose clock was moved by `clock_offset_ns`."""
        return time.time_ns() + self.clock_offset_ns

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self.http.close()

    def prepare(self, canister_id: Principal, method: str, arg: bytes) -> SignedRequest:
        """Sign an update call with a fresh nonce."""
        return sign_call(self.identity, canister_id, method, arg, expiry_ns=self.now() + EXPIRY_NS, nonce=secrets.token_bytes(16))

    def post(self, path: str, body: bytes) -> httpx.Response:
        """Send an envelope."""
        return self.http.post(path, content=body, headers={"content-type": "application/cbor"})

    def submit(self, request: SignedRequest, effective: Principal, *, version: int = 4) -> dict[str, object]:
        """Send a signed call and return the body of its 200 answer."""
        response = self.post(f"/api/v{version}/canister/{effective}/call", request.body)
        assert response.status_code == 200, response.text
        return cast("dict[str, object]", cbor.loads(response.content))

    def call(self, canister_id: Principal, method: str, arg: bytes, *, effective: Principal | None = None) -> bytes:
        """Call an update method and return the certified reply."""
        request = self.prepare(canister_id, method, arg)
        return self.finish(request, self.submit(request, effective or canister_id))

    def finish(self, request: SignedRequest, answer: dict[str, object]) -> bytes:
        """Return the reply that an answer to a call certifies."""
        if answer["status"] == "non_replicated_rejection":
            raise CallRejectedError(
                cast("int", answer["reject_code"]), cast("str", answer["reject_message"]), cast("str", answer["error_code"])
            )
        certificate = self.verify(cast("bytes", answer["certificate"]))

        def value(name: str) -> bytes:
            found = certificate.lookup([b"request_status", request.request_id, name.encode()])
            assert isinstance(found, Found), name
            return found.value

        if value("status") == b"replied":
            return value("reply")
        assert value("status") == b"rejected"
        raise CallRejectedError(value("reject_code")[0], value("reject_message").decode(), value("error_code").decode())

    def query(self, canister_id: Principal, method: str, arg: bytes) -> bytes:
        """Evaluate a query and return its reply."""
        request = sign_query(self.identity, canister_id, method, arg, expiry_ns=self.now() + EXPIRY_NS, nonce=None)
        response = self.post(f"/api/v3/canister/{canister_id}/query", request.body)
        assert response.status_code == 200, response.text
        answer = cast("dict[str, object]", cbor.loads(response.content))
        if answer["status"] == "replied":
            return cast("dict[str, bytes]", answer["reply"])["arg"]
        raise CallRejectedError(
            cast("int", answer["reject_code"]), cast("str", answer["reject_message"]), cast("str", answer["error_code"])
        )

    def read_state(self, paths: Sequence[Sequence[bytes]], canister_id: Principal) -> httpx.Response:
        """Ask for a certificate of these paths."""
        request = sign_read_state(self.identity, paths, expiry_ns=self.now() + EXPIRY_NS)
        return self.post(f"/api/v3/canister/{canister_id}/read_state", request.body)

    def certificate(self, paths: Sequence[Sequence[bytes]], canister_id: Principal) -> Certificate:
        """Return the verified certificate of these paths."""
        response = self.read_state(paths, canister_id)
        assert response.status_code == 200, response.text
        return self.verify(cast("dict[str, bytes]", cbor.loads(response.content))["certificate"])

    def verify(self, certificate: bytes) -> Certificate:
        """Check a certificate against the network's root key."""
        return verify_certificate(
            certificate,
            root_key_der=self.root_key,
            now_ns=self.now(),
            max_skew_ns=MAX_SKEW_NS,
            subnet_id=Principal.self_authenticating(self.root_key),
        )

    def manage(self, method: str, argument: Mapping[str, object], *, effective: Principal | None = None) -> list[object]:
        """Call a method of the management canister with Candid on both sides."""
        service = load_interface("management").service
        assert service is not None
        signature = service.methods[method]
        target = effective or cast("Principal | None", argument.get("canister_id", argument.get("target_canister")))
        reply = self.call(MANAGEMENT_CANISTER, method, encode(signature.arguments, [argument]), effective=target or MANAGEMENT_CANISTER)
        return decode(reply, signature.results)

    def create(self, **settings: object) -> Principal:
        """Create a canister."""
        argument = {"amount": None, "settings": settings or None, "specified_id": None, "sender_canister_version": None}
        result = self.manage("provisional_create_canister_with_cycles", argument)[0]
        return cast("dict[str, Principal]", result)["canister_id"]

    def install(self, canister_id: Principal, wasm: bytes, *, mode: Variant | None = None, arg: bytes = b"DIDL\x00\x00") -> None:
        """Install a module."""
        argument = {
            "mode": mode or Variant("install"),
            "canister_id": canister_id,
            "wasm_module": wasm,
            "arg": arg,
            "sender_canister_version": None,
        }
        self.manage("install_code", argument)

    def status(self, canister_id: Principal) -> dict[str, object]:
        """Return what canister_status reports."""
        return cast("dict[str, object]", self.manage("canister_status", {"canister_id": canister_id})[0])
