"""From a call to the management canister to the method that does it, with Candid on both sides."""

import logging
from dataclasses import dataclass
from enum import Flag, auto
from functools import cache
from typing import cast

from orchestrator.candid import decode, encode, load_interface
from orchestrator.candid import types as T  # the name that Candid's types go by
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidError
from orchestrator.replica.management import elsewhere, installing, lifecycle, observing, snapshot_data, snapshots
from orchestrator.replica.management.context import Answer, Argument, Context, Method
from orchestrator.replica.messages import Call, IngressOrigin, NoOrigin, Response
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, reject
from orchestrator.replica.vm.interface import Reply

__all__ = ["Management"]


_LOG = logging.getLogger(__name__)


class _Via(Flag):
    """How a method may be called."""

    CANISTER = auto()
    INGRESS = auto()
    QUERY = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A method and how it may be called; `is_open` means that ingress needs no controller.

    `visibility` names the setting that says who else may call it.
    """

    run: Method
    via: _Via
    is_open: bool = False
    visibility: str = ""


_UPDATE = _Via.CANISTER | _Via.INGRESS
_METHODS: dict[str, _Entry] = {
    "canister_info": _Entry(observing.canister_info, _Via.CANISTER),
    "canister_metadata": _Entry(observing.canister_metadata, _Via.CANISTER),
    "canister_metrics": _Entry(observing.canister_metrics, _UPDATE | _Via.QUERY),
    "canister_status": _Entry(observing.canister_status, _UPDATE | _Via.QUERY, visibility="status_visibility"),
    "clear_chunk_store": _Entry(installing.clear_chunk_store, _UPDATE),
    "create_canister": _Entry(lifecycle.create_canister, _Via.CANISTER),
    "delete_canister": _Entry(lifecycle.delete_canister, _UPDATE),
    "delete_canister_snapshot": _Entry(snapshots.delete_canister_snapshot, _UPDATE),
    "deposit_cycles": _Entry(lifecycle.deposit_cycles, _Via.CANISTER),
    "fetch_canister_logs": _Entry(observing.fetch_canister_logs, _Via.QUERY),
    "install_chunked_code": _Entry(installing.install_chunked_code, _UPDATE),
    "install_code": _Entry(installing.install_code, _UPDATE),
    "list_canister_snapshots": _Entry(snapshots.list_canister_snapshots, _UPDATE, visibility="snapshot_visibility"),
    "list_canisters": _Entry(elsewhere.list_canisters, _Via.QUERY),
    "load_canister_snapshot": _Entry(snapshots.load_canister_snapshot, _UPDATE),
    "node_metrics_history": _Entry(elsewhere.node_metrics_history, _Via.CANISTER),
    "provisional_create_canister_with_cycles": _Entry(lifecycle.provisional_create_canister_with_cycles, _UPDATE, is_open=True),
    "provisional_top_up_canister": _Entry(lifecycle.provisional_top_up_canister, _UPDATE, is_open=True),
    "raw_rand": _Entry(lifecycle.raw_rand, _Via.CANISTER),
    "read_canister_snapshot_data": _Entry(snapshot_data.read_canister_snapshot_data, _UPDATE, visibility="snapshot_visibility"),
    "read_canister_snapshot_metadata": _Entry(snapshot_data.read_canister_snapshot_metadata, _UPDATE, visibility="snapshot_visibility"),
    "start_canister": _Entry(lifecycle.start_canister, _UPDATE),
    "stop_canister": _Entry(lifecycle.stop_canister, _UPDATE),
    "stored_chunks": _Entry(installing.stored_chunks, _UPDATE),
    "subnet_info": _Entry(elsewhere.subnet_info, _Via.CANISTER),
    "take_canister_snapshot": _Entry(snapshots.take_canister_snapshot, _UPDATE),
    "uninstall_code": _Entry(lifecycle.uninstall_code, _UPDATE),
    "update_settings": _Entry(lifecycle.update_settings, _UPDATE),
    "upload_canister_snapshot_data": _Entry(snapshot_data.upload_canister_snapshot_data, _UPDATE),
    "upload_canister_snapshot_metadata": _Entry(snapshot_data.upload_canister_snapshot_metadata, _UPDATE),
    "upload_chunk": _Entry(installing.upload_chunk, _UPDATE),
}
_METHODS |= {method: _Entry(elsewhere.refuse_method, _Via.CANISTER) for method in elsewhere.REFUSED}
_CREATING = frozenset({"create_canister", "provisional_create_canister_with_cycles"})


@cache
def _signatures() -> dict[str, T.Function]:
    """Return the methods of the packaged interface."""
    service = load_interface("management").service
    return dict(service.methods) if service is not None else {}


class Management:
    """Executes calls to `aaaaa-aa`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def execute(self, call: Call) -> tuple[Response, int] | None:
        """Execute an update call: the response and the cycles to refund, or None when the answer comes later."""
        via = _Via.INGRESS if isinstance(call.origin, IngressOrigin) else _Via.CANISTER
        answer: Answer | None = None
        try:
            answer = self._run(call, via)
            return None if answer is None else (_reply(call.method, answer), call.cycles - answer.accepted_cycles)
        except RejectedError as error:
            return error.rejection, call.cycles
        except Exception:  # noqa: BLE001 # the edge between the network and whatever a request makes it do
            _LOG.exception("the management method %s failed", call.method)
            return reject(Reason.INTERNAL, method=call.method), call.cycles - (answer.accepted_cycles if answer is not None else 0)

    def query(self, method: str, arg: bytes, caller: bytes) -> Response:
        """Execute a user's query."""
        call = Call(caller=caller, callee=b"", method=method, arg=arg, cycles=0, origin=NoOrigin())
        try:
            answer = self._run(call, _Via.QUERY)
        except RejectedError as error:
            return error.rejection
        return _reply(method, answer or Answer())

    def inspect(self, method: str, arg: bytes, caller: bytes) -> Rejection | None:
        """Say why a user's update call is refused before anything of it runs, or None."""
        try:
            entry = _find(method, _Via.INGRESS)
            if not entry.is_open:
                canister = self._context.state.canister(self.effective_canister_id(method, arg) or b"")
                seen = entry.visibility and getattr(canister.settings, entry.visibility).allows(caller)
                if not seen and not canister.is_controlled_by(caller):
                    return reject(Reason.NOT_CONTROLLER, canister=canister.id, method=method)
        except RejectedError as error:
            return error.rejection
        return None

    @staticmethod
    def effective_canister_id(method: str, arg: bytes) -> bytes | None:
        """Return the canister that a call is about, or None when any effective canister id will do.

        Raises `RejectedError` for unknown methods and for arguments that do not decode.
        """
        if method in _CREATING:
            return None
        argument = _decode(method, arg)
        target = argument.get("target_canister", argument.get("canister_id"))
        return target.raw if isinstance(target, Principal) else None

    def _run(self, call: Call, via: _Via) -> Answer | None:
        entry = _find(call.method, via)
        argument = _decode(call.method, call.arg)
        answer = entry.run(self._context, call, argument)
        target = argument.get("target_canister", argument.get("canister_id"))
        canister = self._context.state.canisters.get(target.raw) if isinstance(target, Principal) else None
        if canister is not None:
            canister.forget_size()
        return answer


def _find(method: str, via: _Via) -> _Entry:
    entry = _METHODS.get(method)
    if entry is None:
        raise RejectedError(reject(Reason.NOT_EXPOSED if via is _Via.INGRESS else Reason.NO_MANAGEMENT_METHOD, method=method))
    if via not in entry.via:
        reasons = {_Via.INGRESS: Reason.NOT_AS_INGRESS, _Via.CANISTER: Reason.NOT_AS_UPDATE, _Via.QUERY: Reason.NO_MANAGEMENT_METHOD}
        raise RejectedError(reject(reasons[via], method=method))
    return entry


def _decode(method: str, arg: bytes) -> Argument:
    signature = _signatures().get(method)
    if signature is None:
        raise RejectedError(reject(Reason.NO_MANAGEMENT_METHOD, method=method))
    try:
        values = decode(arg, signature.arguments)
    except CandidError as error:
        detail = f"Error decoding candid: {error.summary}" + (f" ({error.detail})" if error.detail else "")
        raise RejectedError(reject(Reason.UNREADABLE_ARGUMENT, method=method, detail=detail)) from error
    return cast("Argument", values[0]) if values else {}


def _reply(method: str, answer: Answer) -> Reply:
    return Reply(encode(_signatures()[method].results, answer.values))
