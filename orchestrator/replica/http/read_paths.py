"""Which paths of the state tree a sender may read.

Source: the IC interface specification, section "Request: Read state".
"""

from collections.abc import Sequence

from orchestrator.core.principal import Principal
from orchestrator.protocol.authentication import AuthenticatedRequest
from orchestrator.replica.http.exchange import HttpError
from orchestrator.replica.replica import Replica

__all__ = ["check_canister_paths", "check_subnet_paths"]

Path = Sequence[bytes]

_CANISTER_LEAVES = frozenset({b"module_hash", b"controllers", b"canister_creation_timestamp", b"last_install_timestamp"})
_REQUEST_LEAVES = frozenset({b"status", b"reply", b"reject_code", b"reject_message", b"error_code"})


def check_canister_paths(replica: Replica, request: AuthenticatedRequest, paths: Sequence[Path], canister_id: bytes) -> None:
    """Refuse paths that may not be read through this canister, with HTTP 403 or 404."""
    for path in paths:
        if path and path[0] == b"canister":
            _check_canister(replica, request.sender.raw, path, canister_id)
        elif path and path[0] == b"canister_ranges":
            raise HttpError(404, "Invalid path requested: /canister_ranges is read at the subnet endpoint.")
        else:
            _check_shared(replica, request, path, canister_id)
    _check_one_request(paths)


def check_subnet_paths(replica: Replica, request: AuthenticatedRequest, paths: Sequence[Path], subnet_id: bytes) -> None:
    """Refuse paths that may not be read through the subnet, with HTTP 403 or 404."""
    for path in paths:
        if path and path[0] == b"canister_ranges" and len(path) == 2:
            continue
        _check_shared(replica, request, path, subnet_id)
    _check_one_request(paths)


def _check_shared(replica: Replica, request: AuthenticatedRequest, path: Path, effective_id: bytes) -> None:
    head = path[0] if path else b""
    if head == b"request_status":
        _check_request_status(replica, request, path, effective_id)
    elif not (_is_time(path) or head in {b"subnet", b"api_boundary_nodes"}):
        raise HttpError(404, f"Invalid path requested: {_show(path)}")


def _is_time(path: Path) -> bool:
    return len(path) == 1 and path[0] == b"time"


def _check_canister(replica: Replica, sender: bytes, path: Path, canister_id: bytes) -> None:
    if len(path) < 3 or path[1] != canister_id:
        raise HttpError(
            404, f"Invalid path requested: {_show(path)}; the canister of the path must be that of the URL, {Principal(canister_id)}."
        )
    if len(path) == 3 and path[2] in _CANISTER_LEAVES:
        return
    if len(path) != 4 or path[2] != b"metadata":
        raise HttpError(404, f"Invalid path requested: {_show(path)}")
    try:
        name = path[3].decode()
    except UnicodeDecodeError as error:
        raise HttpError(400, "Could not parse the custom section name as UTF-8.") from error
    canister = replica.state.canisters.get(canister_id)
    if canister is None or canister.instance is None:
        return
    section = canister.instance.module.info.metadata.get(name)
    if section is not None and not section.public and not canister.is_controlled_by(sender):
        raise HttpError(403, f"Custom section {name} can only be requested by the controllers of the canister.")


def _check_request_status(replica: Replica, request: AuthenticatedRequest, path: Path, effective_id: bytes) -> None:
    well_formed = len(path) in {2, 3} and len(path[1]) == 32 and (len(path) == 2 or path[2] in _REQUEST_LEAVES)
    if not well_formed:
        raise HttpError(404, f"Invalid path requested: {_show(path)}")
    record = replica.request(path[1])
    if record is None:
        return
    if record.sender != request.sender.raw:
        raise HttpError(403, "The user tries to access Request ID not signed by the caller.")
    if record.effective_id != effective_id:
        raise HttpError(403, "The request was submitted with another effective id than the one in the URL.")
    if request.targets is not None and Principal(record.receiver) not in request.targets:
        raise HttpError(403, "The user tries to access request IDs for canisters that are not among the delegation's targets.")


def _check_one_request(paths: Sequence[Path]) -> None:
    if len({path[1] for path in paths if len(path) > 1 and path[0] == b"request_status"}) > 1:
        raise HttpError(400, "More than one request ID in the paths of one read_state request.")


def _show(path: Path) -> str:
    return "/" + "/".join(label.decode() if label.isascii() and label.decode().isprintable() else label.hex() for label in path)
