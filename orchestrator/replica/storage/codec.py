"""The state's plain values as CBOR and back: dataclasses, enums, tuples and deques by name, all else as it is.

Only the classes listed here are ever made from a file. A field that a file does not have takes its default,
so that a newer version reads an older state.
"""

import zlib
from collections import deque
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, cast

from orchestrator.errors import ProtocolError, ReplicaError
from orchestrator.protocol import cbor
from orchestrator.replica import canister, messages, rejects, requests
from orchestrator.replica.system import records
from orchestrator.replica.vm import interface

__all__ = ["FORMAT_VERSION", "dump", "dump_packed", "dump_part", "load", "load_part", "pack"]

FORMAT_VERSION = 2
_CLASS, _VALUE = "@", "value"
_HINT = "`orchestrator network reset` deletes it, with all canisters"
_CLASSES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        canister.CanisterStatus,
        canister.Change,
        canister.ChangeKind,
        canister.LoadedSnapshot,
        canister.LogRecord,
        canister.LowMemoryHook,
        canister.Settings,
        canister.StopWaiter,
        canister.Visibility,
        interface.Callback,
        interface.Reply,
        messages.Call,
        messages.CallContext,
        messages.CallbackOrigin,
        messages.IngressOrigin,
        messages.NoOrigin,
        messages.PendingCallback,
        messages.ResponseMessage,
        messages.SystemTask,
        messages.TaskKind,
        records.Allowance,
        records.LedgerBlock,
        records.LedgerTransaction,
        records.Notification,
        records.PendingBurn,
        records.PendingCall,
        records.PendingNotification,
        records.PendingReturn,
        records.Seen,
        rejects.RejectCode,
        rejects.Rejection,
        requests.RequestRecord,
        requests.RequestState,
    )
}
_CONTAINERS: dict[str, type[Any]] = {"tuple": tuple, "deque": deque}


def dump(packed: object) -> bytes:
    """Encode a value that `pack` made, or maps and lists of such, with its CRC-32."""
    content = cbor.dumps(packed, tagged=False)
    return cbor.dumps({"v": FORMAT_VERSION, "checksum": zlib.crc32(content), "state": content})


def dump_part(value: object) -> bytes:
    """Encode a value that goes into a state as bytes, so that it need not be encoded every time."""
    return cbor.dumps(pack(value), tagged=False)


def dump_packed(packed: object) -> bytes:
    """Encode as `dump_part` does what `pack` made already."""
    return cbor.dumps(packed, tagged=False)


def load(data: bytes) -> object:
    """Decode what `dump` made; raises `ReplicaError` when it is damaged or this version cannot read it."""
    content = _decode(data)
    if not isinstance(content, dict) or "v" not in content:
        raise _unreadable("it is not a file of a network's state")
    if content["v"] != FORMAT_VERSION:
        raise ReplicaError("the network's state was written by another version", slug="replica/state-version", hint=_HINT)
    state = content.get("state")
    if not isinstance(state, bytes) or zlib.crc32(state) != content.get("checksum"):
        raise _unreadable("its checksum is another one")
    return _decode(state)


def load_part(data: bytes) -> object:
    """Decode what `dump_part` made; raises `ReplicaError` when this version cannot read it."""
    return _decode(data)


def _decode(data: bytes) -> object:
    try:
        return _unpack(cbor.loads_own(data))
    except (ProtocolError, KeyError, TypeError, ValueError) as error:
        raise _unreadable(str(error)) from error


def _unreadable(detail: str) -> ReplicaError:
    return ReplicaError("the network's state on disk cannot be read", slug="replica/state-unreadable", detail=detail, hint=_HINT)


def pack(value: object) -> object:
    """Return the value as maps and lists that share nothing mutable with it.

    Raises `ReplicaError` for a value of a class that could not be read again.
    """
    if isinstance(value, Enum):
        return {_CLASS: _name(type(value)), _VALUE: value.value}
    if is_dataclass(value) and not isinstance(value, type):
        packed = {field.name: pack(getattr(value, field.name)) for field in fields(value)}
        return {_CLASS: _name(type(value)), **packed}
    if isinstance(value, tuple | deque):
        return {_CLASS: type(value).__name__, _VALUE: [pack(item) for item in value]}
    if isinstance(value, list):
        return [pack(item) for item in value]
    if isinstance(value, dict):
        return {key: pack(item) for key, item in value.items()}
    return value


def _name(kind: type[object]) -> str:
    if _CLASSES.get(kind.__name__) is not kind:
        raise ReplicaError(
            "the network's state cannot be saved", slug="replica/state-unsaveable", detail=f"{kind.__name__} has no place in it"
        )
    return kind.__name__


def _unpack(value: object) -> object:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get(_CLASS)
    if name is None:
        return {key: _unpack(item) for key, item in value.items()}
    if name in _CONTAINERS:
        return _CONTAINERS[name](_unpack(item) for item in cast("list[object]", value[_VALUE]))
    kind = _CLASSES[name]
    if issubclass(kind, Enum):
        return kind(value[_VALUE])
    known = {field.name for field in fields(kind)}
    return kind(**{key: _unpack(item) for key, item in value.items() if key in known})
