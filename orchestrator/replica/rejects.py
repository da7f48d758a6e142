"""Every rejection of the embedded network in one table: error code, reject code and text.

The numbers and the wording follow the reference implementation wherever it has the same case, because
programs and people match on them. An error code's hundreds are its reject code (IC0536 is a CANISTER_ERROR, 5).
Source: the IC interface specification, sections "Reject codes" and "Error codes".
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from orchestrator.core.principal import Principal

__all__ = ["Reason", "RejectCode", "RejectedError", "Rejection", "explicit_reject", "reject", "trapped"]


class RejectCode(IntEnum):
    """What kind of failure a reject reports."""

    SYS_FATAL = 1
    SYS_TRANSIENT = 2
    DESTINATION_INVALID = 3
    CANISTER_REJECT = 4
    CANISTER_ERROR = 5
    SYS_UNKNOWN = 6


class Reason(Enum):
    """Why something is rejected: the error code's number and the text."""

    INTERNAL = (101, "The embedded network failed to execute {method}; its log says why.")
    INGRESS_TIMEOUT = (202, "Ingress message timed out waiting to start executing.")
    STOP_TIMED_OUT = (206, "Stop canister request timed out")
    OUT_OF_CYCLES = (207, "Canister {canister} is out of cycles: please top up the canister with at least {missing} additional cycles")
    OUT_OF_CYCLES_TO_INSTALL = (
        207,
        "Canister installation failed with `Canister {canister} is out of cycles: please top up the canister with at least {missing} additional cycles`.",
    )
    OUT_OF_CYCLES_FOR_SNAPSHOT = (
        207,
        "Canister snapshotting failed with: `Canister {canister} is out of cycles: please top up the canister with at least {missing} additional cycles`",
    )
    FROZEN_FOR_QUERIES = (
        207,
        "Canister {canister} is unable to process query calls because it's frozen. Please top up the canister with cycles and try again.",
    )
    CANISTER_NOT_FOUND = (301, "Canister {canister} not found")
    SNAPSHOT_NOT_FOUND = (305, "Could not find the snapshot ID {snapshot} for canister {canister}.")
    CREATION_CYCLES = (
        403,
        "Creating a canister requires a fee of {fee} that is deducted from the canister's initial balance but only {received} cycles were received with the create_canister request.",
    )
    SUBNET_NOT_FOUND = (404, "Could not find subnet {subnet}. This network has one subnet, {own}.")
    NOT_HOSTED = (405, "Unsuccessful validation of specified ID: Specified CanisterId {canister} is not hosted by subnet {subnet}.")
    CANISTER_REJECTED = (406, "Error from Canister {canister}: Canister rejected the message")
    UNINSTALLED = (406, "Canister has been uninstalled.")
    NOT_AS_INGRESS = (406, "ic00 method {method} can not be called via ingress messages")
    NOT_AS_UPDATE = (406, "{method} API is only accessible in non-replicated mode")
    NO_KEYS = (
        406,
        "Unable to route management canister request {method}: the embedded network has no threshold keys. A network with `launcher: pocket-ic` in the manifest has test keys.",
    )
    NO_BITCOIN = (
        406,
        "Unable to route management canister request {method}: the embedded network has no Bitcoin interface. A network with `launcher: pocket-ic` in the manifest can have one.",
    )
    SNAPSHOT_OF_ANOTHER = (406, "The snapshot {snapshot} does not belong to canister {canister}.")
    SNAPSHOT_OF_EMPTY = (406, "Failed to create snapshot for empty canister {canister}:")
    SNAPSHOT_LIMIT = (406, "Canister {canister} has reached the maximum number of snapshots allowed: {limit}.")
    NOT_VISIBLE = (406, "Caller {caller} is not allowed to access canister {what}")
    NO_METADATA = (406, "The canister {canister} has no Wasm module and hence no metadata is available.")
    NO_METADATA_SECTION = (406, "The canister {canister} has no metadata section with the name {name}.")
    INVALID_SLICE = (408, "Invalid subslice into wasm module / main memory / stable memory: offset: {offset}, size: {size}")
    SLICE_TOO_LARGE = (408, "Requested slice too large: {requested} > {allowed}")
    INVALID_ARGUMENT = (408, "{detail}")
    UNREADABLE_ARGUMENT = (408, "Failed to parse payload for ic00 method {method}: {detail}")
    SNAPSHOT_IMMUTABLE = (409, "Only canister snapshots created by metadata upload can be mutated.")
    NO_SUBNET_ADMINS = (410, "Caller {caller} is not allowed to call {method}: only subnet admins are, and the embedded network has none.")
    CHUNK_STORE = (504, "Error from Wasm chunk store: {detail}.")
    INVALID_SETTING = (504, "{detail}")
    NO_OUTCALLS = (
        504,
        "This API is not enabled on this subnet: the embedded network makes no HTTP requests for canisters. A network with `launcher: pocket-ic` in the manifest does.",
    )
    EOP_OPTION_MISSING = (
        504,
        "Missing upgrade option: Enhanced orthogonal persistence requires the `wasm_memory_persistence` upgrade option.",
    )
    EOP_NOT_SUPPORTED = (
        504,
        "Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option requires that the new canister module supports enhanced orthogonal persistence.",
    )
    INVALID_MODULE = (505, "Error from Canister {canister}: Canister's Wasm module is not valid: {detail}")
    DID_NOT_REPLY = (506, "Error from Canister {canister}: Canister did not reply to the call")
    STOPPED = (508, "Canister {canister} is stopped")
    STOPPING = (509, "Canister {canister} is stopping")
    NOT_STOPPED = (510, "Canister {canister} must be stopped before it is deleted.")
    STOP_CANCELLED = (511, "Canister {canister}'s stop request was cancelled.")
    NOT_CONTROLLER = (512, "Only controllers of canister {canister} can call ic00 method {method}")
    CANNOT_CONTROL = (
        512,
        "Only the controllers of the canister {canister} can control it.\nCanister's controllers: {controllers}\nSender's ID: {caller}",
    )
    NOT_EMPTY = (
        514,
        "Canister {canister} cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead.",
    )
    TOO_FEW_CYCLES = (520, "Canister {canister} requires at least {minimum} transferred cycles, but the call has {received}.")
    QUERY_TOO_DEEP = (525, "Composite query calls exceeded the maximum call depth.")
    QUERY_TOO_LONG = (526, "Composite query calls exceeded the instruction limit.")
    COMPOSITE_AS_UPDATE = (527, "Composite query cannot be called in replicated mode")
    COMPUTE_CYCLES = (
        530,
        "Cannot increase compute allocation to {wanted} due to insufficient cycles. At least {missing} additional cycles are required.",
    )
    MEMORY_CYCLES = (
        531,
        "Cannot increase memory allocation to {wanted} due to insufficient cycles. At least {missing} additional cycles are required.",
    )
    GROWTH_CYCLES = (
        532,
        "Canister cannot grow memory by {size} bytes due to insufficient cycles. At least {missing} additional cycles are required.",
    )
    NO_UPDATE_METHOD = (536, "Error from Canister {canister}: Canister has no update method '{method}'.")
    NO_QUERY_METHOD = (536, "Error from Canister {canister}: Canister has no query method '{method}'.")
    NOT_EXPOSED = (536, "ic00 interface does not expose method {method}")
    NO_MANAGEMENT_METHOD = (536, "Management canister has no method '{method}'")
    NO_MODULE = (
        537,
        "Error from Canister {canister}: Attempted to execute a message, but the canister contains no Wasm module.",
    )
    CANISTER_EXISTS = (538, "Canister {canister} is already installed.")
    STATUS_NOT_VISIBLE = (542, "Caller {caller} is not allowed to call canister_status")
    DEADLINE = (601, "Call deadline has expired.")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A call's failure. `is_explicit` when a canister rejected on purpose, with its own words."""

    code: int
    message: str
    error_code: str
    is_explicit: bool = False


class RejectedError(Exception):
    """Raised inside the replica to end a call with a rejection."""

    def __init__(self, rejection: Rejection) -> None:
        """Keep the rejection."""
        super().__init__(rejection.message)
        self.rejection = rejection


def reject(reason: Reason, **values: bytes | str | int) -> Rejection:
    """Make a rejection; values that are bytes are principals."""
    code, template = reason.value
    texts = {name: str(Principal(value)) if isinstance(value, bytes) else str(value) for name, value in values.items()}
    return Rejection(code=code // 100, message=template.format(**texts), error_code=f"IC{code:04}")


def trapped(canister_id: bytes, message: str, error_code: str) -> Rejection:
    """Say that execution failed; `message` and `error_code` are the virtual machine's."""
    text = f"Error from Canister {Principal(canister_id)}: {message}"
    return Rejection(code=RejectCode.CANISTER_ERROR, message=text, error_code=error_code)


def explicit_reject(message: str) -> Rejection:
    """Say what a canister said when it rejected a call."""
    return Rejection(code=RejectCode.CANISTER_REJECT, message=message, error_code="IC0406", is_explicit=True)
