"""The HTTPS interface: status, call, query and read_state.

Source: the IC interface specification, section "HTTPS interface".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.errors import ProtocolError, SignatureError
from orchestrator.protocol import cbor
from orchestrator.protocol.authentication import AuthenticatedRequest, verify_envelope
from orchestrator.protocol.certificate import MAINNET_ROOT_KEY
from orchestrator.protocol.response import response_message
from orchestrator.replica import limits
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.exchange import HttpError, HttpRequest, HttpResponse
from orchestrator.replica.http.read_paths import check_canister_paths, check_subnet_paths
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import RejectedError, Rejection
from orchestrator.replica.replica import Replica, UserCall
from orchestrator.replica.vm.interface import Reply

__all__ = ["Api"]

_ROUTE = re.compile(r"/api/v(?P<version>[234])/(?P<kind>canister|subnet)/(?P<id>[^/]+)/(?P<operation>call|query|read_state)")
_VERSIONS = {
    ("canister", "call"): "234",
    ("canister", "query"): "23",
    ("canister", "read_state"): "23",
    ("subnet", "call"): "4",
    ("subnet", "query"): "3",
    ("subnet", "read_state"): "23",
}
_CBOR_HEADERS = (("content-type", "application/cbor"), ("x-content-type-options", "nosniff"))
_ROUTES_KEPT = 1024
_CREATING = frozenset({"create_canister", "provisional_create_canister_with_cycles"})
_LISTING = frozenset({"list_canisters"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """The route of a request: which version, and which canister or subnet its URL names."""

    version: int
    is_subnet: bool
    operation: str
    effective_id: bytes


class Api:
    """Answers the paths below `/api`."""

    def __init__(self, driver: Driver, *, implementation: str) -> None:
        """Take the driver; `implementation` is told in the status.

        Canisters of the mainnet may sign for senders too, so that Internet Identity's users are who they are there.
        """
        self._driver = driver
        self._implementation = implementation
        self._root_keys = (driver.replica.keys.root_key, MAINNET_ROOT_KEY)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; raises `HttpError` for what is refused."""
        if request.path == "/api/v2/status":
            return self._status(request)
        target = _route(request.path)
        if request.method != "POST":
            raise HttpError(405, f"{request.path} takes POST requests only")
        authenticated = self._authenticate(request, target.operation)
        if target.is_subnet and target.effective_id != self._driver.replica.keys.subnet_id:
            raise HttpError(400, f"there is no subnet {Principal(target.effective_id)} here; this network has one subnet")
        if target.operation == "call":
            return await self._call(target, authenticated)
        if target.operation == "query":
            return await self._query(target, authenticated)
        return await self._read_state(target, authenticated)

    def _status(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            raise HttpError(405, "/api/v2/status takes GET requests only")
        status = {
            "root_key": self._driver.replica.keys.root_key,
            "impl_version": self._implementation,
            "replica_health_status": "healthy",
        }
        return _cbor_response(status)

    def _authenticate(self, request: HttpRequest, operation: str) -> AuthenticatedRequest:
        try:
            envelope = cbor.loads(request.body, max_bytes=limits.MAX_HTTP_BODY_BYTES)
            authenticated = verify_envelope(envelope, now_ns=self._driver.replica.clock.now(), root_keys=self._root_keys)
        except ProtocolError as error:
            is_unproven = isinstance(error, SignatureError) and error.slug != "protocol/delegation-expiry"
            raise HttpError(403 if is_unproven else 400, error.summary + (f": {error.detail}" if error.detail else "")) from error
        if authenticated.request_type != operation:
            raise HttpError(400, f"the request_type is `{authenticated.request_type}`, but the URL is for `{operation}`")
        return authenticated

    async def _call(self, target: _Target, request: AuthenticatedRequest) -> HttpResponse:
        call = _user_call(target, request)
        try:
            self._check_effective_id(target, request, call)
        except RejectedError as error:
            return _refusal_response(target, error.rejection)
        if target.version == 2:
            refusal = await self._driver.submit(call)
            return HttpResponse(status=202) if refusal is None else _refusal_response(target, refusal)
        end = await self._driver.call(call, timeout_seconds=limits.SYNC_CALL_TIMEOUT_SECONDS)
        if end.refusal is not None:
            return _refusal_response(target, end.refusal)
        if end.certificate is None:
            return HttpResponse(status=202)
        return _cbor_response({"status": "replied", "certificate": end.certificate})

    async def _query(self, target: _Target, request: AuthenticatedRequest) -> HttpResponse:
        call = _user_call(target, request)
        replica = self._driver.replica
        try:
            self._check_effective_id(target, request, call)
            response: Response = await self._driver.run(lambda: _evaluate(replica, call))
        except RejectedError as error:
            response = error.rejection
        return self._signed(response, request.request_id)

    def _signed(self, response: Response, request_id: bytes) -> HttpResponse:
        """Add the node's signature to a query's response."""
        if isinstance(response, Reply):
            content: dict[str, object] = {"status": "replied", "reply": {"arg": response.data}}
        else:
            content = {"status": "rejected", **_rejection_fields(response)}
        keys, now = self._driver.replica.keys, self._driver.replica.clock.now()
        signature = keys.node.sign(response_message(content, timestamp_ns=now, request_id=request_id))
        signatures = [{"timestamp": now, "signature": signature, "identity": keys.node_id}]
        return _cbor_response({**content, "signatures": signatures})

    async def _read_state(self, target: _Target, request: AuthenticatedRequest) -> HttpResponse:
        paths = cast("Sequence[Sequence[bytes]]", request.content["paths"])
        replica = self._driver.replica
        check = check_subnet_paths if target.is_subnet else check_canister_paths

        def read() -> bytes:
            check(replica, request, paths, target.effective_id)
            return replica.certificate(paths)

        return _cbor_response({"certificate": await self._driver.run(read)})

    def _check_effective_id(self, target: _Target, request: AuthenticatedRequest, call: UserCall) -> None:
        """Refuse a URL that is not about the canister that the call is about.

        Raises `HttpError`, or `RejectedError` when the management canister would not know what to do anyway.
        """
        if request.targets is not None and Principal(call.canister_id) not in request.targets:
            raise HttpError(403, f"Canister {Principal(call.canister_id)} is not one of the delegation targets.")
        if target.is_subnet:
            allowed = _CREATING if target.operation == "call" else _LISTING
            if call.canister_id or call.method not in allowed:
                raise HttpError(400, f"At a subnet's URL only {' and '.join(sorted(allowed))} of the management canister can be called.")
            return
        wanted: bytes | None = call.canister_id
        if not call.canister_id:
            anywhere = target.operation == "query" and call.method in _LISTING
            wanted = None if anywhere else self._driver.replica.management.effective_canister_id(call.method, call.arg)
        if wanted is not None and wanted != target.effective_id:
            raise HttpError(
                400,
                f"Effective canister ID in URL {Principal(target.effective_id)} does not match the canister ID in the request {Principal(wanted)}.",
            )


@lru_cache(maxsize=_ROUTES_KEPT)
def _route(path: str) -> _Target:
    match = _ROUTE.fullmatch(path)
    if match is None or match["version"] not in _VERSIONS[match["kind"], match["operation"]]:
        raise HttpError(404, f"there is no {path} here")
    try:
        effective = Principal.from_text(match["id"])
    except PrincipalError as error:
        raise HttpError(400, f"the URL names no {match['kind']}: {error}") from error
    return _Target(
        version=int(match["version"]), is_subnet=match["kind"] == "subnet", operation=match["operation"], effective_id=effective.raw
    )


def _user_call(target: _Target, request: AuthenticatedRequest) -> UserCall:
    content = request.content
    method, arg = cast("str", content["method_name"]), cast("bytes", content["arg"])
    size = len(method.encode()) + len(arg)
    if size > limits.MAX_INGRESS_BYTES:
        raise HttpError(
            413,
            f"Request is too large: its method name and argument have {size} bytes, and at most {limits.MAX_INGRESS_BYTES} are allowed.",
        )
    return UserCall(
        request_id=request.request_id,
        sender=request.sender.raw,
        canister_id=cast("bytes", content["canister_id"]),
        method=method,
        arg=arg,
        expiry=request.expiry_ns,
        effective_id=target.effective_id,
        caller_info_data=request.sender_info.info if request.sender_info is not None else b"",
        caller_info_signer=request.sender_info.signer.raw if request.sender_info is not None else b"",
    )


def _evaluate(replica: Replica, call: UserCall) -> Response:
    return replica.query(
        call.canister_id,
        call.method,
        call.arg,
        call.sender,
        caller_info_data=call.caller_info_data,
        caller_info_signer=call.caller_info_signer,
    )


def _rejection_fields(rejection: Rejection) -> dict[str, object]:
    return {"reject_code": int(rejection.code), "reject_message": rejection.message, "error_code": rejection.error_code}


def _refusal_response(target: _Target, rejection: Rejection) -> HttpResponse:
    """Say why a call was not taken in; the oldest version of the endpoint has no other answer to tell it from."""
    fields = _rejection_fields(rejection)
    return _cbor_response(fields if target.version == 2 else {"status": "non_replicated_rejection", **fields})


def _cbor_response(content: Mapping[str, object]) -> HttpResponse:
    return HttpResponse(status=200, body=cbor.dumps(content), headers=_CBOR_HEADERS)
