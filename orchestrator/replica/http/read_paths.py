"""Which paths of the state tree a sender may read.

Source: the IC interface specification, section "Request: Read state".
"""

from collections.abc import Sequence

from orchestrator.core.principal import MAX_PRINCIPAL_BYTES, Principal
from orchestrator.protocol.authentication import AuthenticatedRequest
from orchestrator.protocol.hash_tree import HASH_BYTES
from orchestrator.replica.http.exchange import HttpError
from orchestrator.replica.replica import Replica

__all__ = ["check_canister_paths", "check_subnet_paths"]

Path = Sequence[bytes]

_CANISTER_LEAVES = frozenset({b"module_hash", b"controllers", b"canister_creation_timestamp", b"last_install_timestamp"})
_REQUEST_LEAVES = frozenset({b"status", b"reply", b"reject_code", b"reject_message", b"error_code"})
_BOUNDARY_NODE_LEAVES = frozenset({b"domain", b"ipv4_address", b"ipv6_address"})
_SUBNET_LEAVES = frozenset({b"public_key", b"type", b"canister_ranges", b"node"})
_MAX_METADATA_NAME_SHOWN = 100


def check_canister_paths(replica: Replica, request: AuthenticatedRequest, paths: Sequence[Path], canister_id: bytes) -> None:
    """Refuse paths that may not be read through this canister, with HTTP 400, 403 or 404."""
    for path in paths:
        if path and path[0] == b"canister":
            _check_canister(replica, request.sender.raw, path, canister_id)
        else:
            _check_shared(replica, request, path, canister_id)
    _check_one(paths, b"request_status", "request ID")


def check_subnet_paths(replica: Replica, request: AuthenticatedRequest, paths: Sequence[Path], subnet_id: bytes) -> None:
    """Refuse paths that may not be read through the subnet, with HTTP 400, 403 or 404."""
    for path in paths:
        is_metrics = len(path) == 3 and path[0] == b"subnet" and path[2] == b"metrics"
        if is_metrics:
            _check_same(path[1], subnet_id, "subnet")
        elif not (len(path) == 2 and path[0] == b"canister_ranges"):
            _check_shared(replica, request, path, subnet_id)
    _check_one(paths, b"request_status", "request ID")
    _check_one(paths, b"canister_ranges", "subnet ID")


def _check_shared(replica: Replica, request: AuthenticatedRequest, path: Path, effective_id: bytes) -> None:
    if path and path[0] == b"request_status":
        _check_request_status(replica, request, path, effective_id)
    elif not _is_public(path):
        raise HttpError(404, f"Invalid path requested: {_show(path)}")


def _is_public(path: Path) -> bool:
    """Say if anybody may read a path at any endpoint: time, subnets with their nodes, API boundary nodes."""
    match list(path):
        case [b"time"] | [b"subnet"] | [b"subnet", _] | [b"api_boundary_nodes"] | [b"api_boundary_nodes", _]:
            return True
        case [b"subnet", _, leaf]:
            return leaf in _SUBNET_LEAVES
        case [b"subnet", _, b"node", _] | [b"subnet", _, b"node", _, b"public_key"]:
            return True
        case [b"api_boundary_nodes", _, leaf]:
            return leaf in _BOUNDARY_NODE_LEAVES
    return False


def _check_same(asked: bytes, effective_id: bytes, kind: str) -> None:
    """Refuse a path about another canister or subnet than the URL's."""
    if asked != effective_id:
        named = str(Principal(asked)) if len(asked) <= MAX_PRINCIPAL_BYTES else asked.hex()
        raise HttpError(400, f"Effective {kind} id in URL {Principal(effective_id)} does not match requested {kind} id: {named}.")


def _check_canister(replica: Replica, sender: bytes, path: Path, canister_id: bytes) -> None:
    is_leaf = len(path) == 3 and path[2] in _CANISTER_LEAVES
    is_metadata = len(path) == 4 and path[2] == b"metadata"
    if not is_leaf and not is_metadata:
        raise HttpError(404, f"Invalid path requested: {_show(path)}")
    _check_same(path[1], canister_id, "canister")
    if is_metadata:
        _check_metadata(replica, sender, path[3], canister_id)


def _check_metadata(replica: Replica, sender: bytes, encoded: bytes, canister_id: bytes) -> None:
    try:
        name = encoded.decode()
    except UnicodeDecodeError as error:
        raise HttpError(400, f"Could not parse the custom section name: {error}.") from error
    canister = replica.state.canisters.get(canister_id)
    if canister is None or canister.instance is None:
        return
    section = canister.instance.module.info.metadata.get(name)
    if section is not None and not section.public and not canister.is_controlled_by(sender):
        shown = name[:_MAX_METADATA_NAME_SHOWN]
        raise HttpError(403, f"Custom section {shown} can only be requested by the controllers of the canister.")


def _check_request_status(replica: Replica, request: AuthenticatedRequest, path: Path, effective_id: bytes) -> None:
    if len(path) not in {2, 3} or (len(path) == 3 and path[2] not in _REQUEST_LEAVES):
        raise HttpError(404, f"Invalid path requested: {_show(path)}")
    if len(path[1]) != HASH_BYTES:
        raise HttpError(400, f"Invalid request id in paths: it has {len(path[1])} bytes, not {HASH_BYTES}.")
    record = replica.request(path[1])
    if record is None:
        return
    if record.sender != request.sender.raw:
        raise HttpError(403, "The user tries to access Request ID not signed by the caller.")
    if record.effective_id != effective_id:
        raise HttpError(403, "The request was submitted with another effective id than the one in the URL.")
    if request.targets is not None and Principal(record.receiver) not in request.targets:
        raise HttpError(403, "The user tries to access request IDs for canisters that are not among the delegation's targets.")


def _check_one(paths: Sequence[Path], head: bytes, what: str) -> None:
    """Refuse paths below `head` that are about several of what its labels name."""
    if len({path[1] for path in paths if len(path) > 1 and path[0] == head}) > 1:
        raise HttpError(400, f"More than one {what} in the paths of one read_state request.")


def _show(path: Path) -> str:
    return "/" + "/".join(label.decode() if label.isascii() and label.decode().isprintable() else label.hex() for label in path)
