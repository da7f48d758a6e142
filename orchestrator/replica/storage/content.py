"""What a state on disk says: a base, and frames of a journal that say what has changed since; both are the same kind of map.

rest         encoded fields of the state, and the time, by name
canisters    encoded records by canister id;  removed: ids that are gone
requests     encoded requests by id;          forgotten: ids that are gone
pages        parts of memories by canister id, and the folder whose content they replace, or that they are the whole
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from orchestrator.errors import ProtocolError
from orchestrator.protocol import cbor
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.requests import RequestRecord, RequestState
from orchestrator.replica.storage import codec
from orchestrator.replica.vm.interface import Reply

__all__ = ["Content", "Frame", "Overlay", "decode_request", "encode_frame", "encode_request"]

Frame = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Overlay:
    """Bytes that replace those of the memory in a folder, by their offset; sizes are in pages. See `Changes`."""

    folder: str
    is_whole: bool
    memory_size: int
    memory: dict[int, bytes]
    stable_size: int
    stable: dict[int, bytes]
    globals: bytes


@dataclass(slots=True)
class Content:
    """A state as it is on disk, its parts still encoded."""

    rest: dict[str, bytes] = field(default_factory=dict)
    canisters: dict[bytes, bytes] = field(default_factory=dict)
    requests: dict[bytes, bytes] = field(default_factory=dict)
    overlays: dict[bytes, Overlay] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        """Apply a base or a frame; raises KeyError or TypeError for something else."""
        self.rest.update(frame["rest"])
        self.canisters.update(frame["canisters"])
        self.requests.update(frame["requests"])
        for canister_id in frame["removed"]:
            self.canisters.pop(canister_id, None)
        for request_id in frame["forgotten"]:
            self.requests.pop(request_id, None)
        for canister_id, pages in frame["pages"].items():
            self._overlay(canister_id, Overlay(**pages))

    def add_encoded(self, data: bytes) -> None:
        """Apply an encoded frame; raises what `add` raises, and `ProtocolError`."""
        self.add(cast("Frame", cbor.loads_own(data)))

    def _overlay(self, canister_id: bytes, later: Overlay) -> None:
        before = self.overlays.get(canister_id)
        if before is not None and before.folder == later.folder and not later.is_whole:
            later.is_whole = before.is_whole
            later.memory = {**before.memory, **later.memory}
            later.stable = {**before.stable, **later.stable}
        self.overlays[canister_id] = later


def encode_frame(frame: Frame) -> bytes:
    """Encode a frame for the journal."""
    return cbor.dumps(frame, tagged=False)


def encode_request(record: RequestRecord) -> bytes:
    """Encode a request in few bytes and quickly: there may be very many."""
    response = record.response
    answer: object = codec.dump_part(response) if isinstance(response, Rejection) else None if response is None else [response.data]
    receiver = (record.sender, record.receiver, record.effective_id)
    return cbor.dumps([record.request_id, *receiver, record.expiry, str(record.state), answer, record.is_queued], tagged=False)


def decode_request(data: bytes) -> RequestRecord:
    """Decode what `encode_request` made; raises `ReplicaError`, `ProtocolError`, TypeError or ValueError for anything else."""
    request_id, sender, receiver, effective_id, expiry, state, answer, is_queued = cast("Iterable[Any]", cbor.loads_own(data))
    if not isinstance(request_id, bytes):
        raise ProtocolError("a request's id is not bytes", slug="protocol/cbor")
    response = cast("Rejection", codec.load_part(answer)) if isinstance(answer, bytes) else None if answer is None else Reply(answer[0])
    return RequestRecord(
        request_id=request_id,
        sender=sender,
        receiver=receiver,
        effective_id=effective_id,
        expiry=expiry,
        state=RequestState(state),
        response=response,
        is_queued=is_queued,
    )
