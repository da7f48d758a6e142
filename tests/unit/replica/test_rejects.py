"""The table of rejects: numbers and texts go together."""

import re
from pathlib import Path

import pytest

from orchestrator.replica import vm
from orchestrator.replica.rejects import Reason, RejectCode, reject

VM = Path(vm.__file__).parent
REFERENCE = {
    101: "SubnetOversubscribed",
    102: "MaxNumberOfCanistersReached",
    201: "CanisterQueueFull",
    202: "IngressMessageTimeout",
    203: "CanisterQueueNotEmpty",
    204: "IngressHistoryFull",
    205: "CanisterIdAlreadyExists",
    206: "StopCanisterRequestTimeout",
    207: "CanisterOutOfCycles",
    208: "CertifiedStateUnavailable",
    209: "CanisterInstallCodeRateLimited",
    210: "CanisterHeapDeltaRateLimited",
    301: "CanisterNotFound",
    305: "CanisterSnapshotNotFound",
    402: "InsufficientMemoryAllocation",
    403: "InsufficientCyclesForCreateCanister",
    404: "SubnetNotFound",
    405: "CanisterNotHostedBySubnet",
    406: "CanisterRejectedMessage",
    407: "UnknownManagementMessage",
    408: "InvalidManagementPayload",
    409: "CanisterSnapshotImmutable",
    410: "InvalidSubnetAdmin",
    502: "CanisterTrapped",
    503: "CanisterCalledTrap",
    504: "CanisterContractViolation",
    505: "CanisterInvalidWasm",
    506: "CanisterDidNotReply",
    507: "CanisterOutOfMemory",
    508: "CanisterStopped",
    509: "CanisterStopping",
    510: "CanisterNotStopped",
    511: "CanisterStoppingCancelled",
    512: "CanisterInvalidController",
    513: "CanisterFunctionNotFound",
    514: "CanisterNonEmpty",
    517: "QueryCallGraphLoopDetected",
    520: "InsufficientCyclesInCall",
    521: "CanisterWasmEngineError",
    522: "CanisterInstructionLimitExceeded",
    524: "CanisterMemoryAccessLimitExceeded",
    525: "QueryCallGraphTooDeep",
    526: "QueryCallGraphTotalInstructionLimitExceeded",
    527: "CompositeQueryCalledInReplicatedMode",
    528: "QueryTimeLimitExceeded",
    529: "QueryCallGraphInternal",
    530: "InsufficientCyclesInComputeAllocation",
    531: "InsufficientCyclesInMemoryAllocation",
    532: "InsufficientCyclesInMemoryGrow",
    533: "ReservedCyclesLimitExceededInMemoryAllocation",
    534: "ReservedCyclesLimitExceededInMemoryGrow",
    535: "InsufficientCyclesInMessageMemoryGrow",
    536: "CanisterMethodNotFound",
    537: "CanisterWasmModuleNotFound",
    538: "CanisterAlreadyInstalled",
    539: "CanisterWasmMemoryLimitExceeded",
    540: "ReservedCyclesLimitIsTooLow",
    541: "CanisterInvalidControllerOrSubnetAdmin",
    542: "CanisterStatusAccessDenied",
    601: "DeadlineExpired",
    602: "ResponseDropped",
}
"""The error codes of the reference implementation (`rs/types/error_types`, read in 2026), which alone may be used."""
NAMES = {
    "INTERNAL": "SubnetOversubscribed",
    "INGRESS_TIMEOUT": "IngressMessageTimeout",
    "STOP_TIMED_OUT": "StopCanisterRequestTimeout",
    "OUT_OF_CYCLES": "CanisterOutOfCycles",
    "CANISTER_NOT_FOUND": "CanisterNotFound",
    "SNAPSHOT_NOT_FOUND": "CanisterSnapshotNotFound",
    "CREATION_CYCLES": "InsufficientCyclesForCreateCanister",
    "NOT_HOSTED": "CanisterNotHostedBySubnet",
    "CANISTER_REJECTED": "CanisterRejectedMessage",
    "UNINSTALLED": "CanisterRejectedMessage",
    "NOT_AS_INGRESS": "CanisterRejectedMessage",
    "NOT_VISIBLE": "CanisterRejectedMessage",
    "SNAPSHOT_LIMIT": "CanisterRejectedMessage",
    "NO_METADATA": "CanisterRejectedMessage",
    "NO_METADATA_SECTION": "CanisterRejectedMessage",
    "INVALID_ARGUMENT": "InvalidManagementPayload",
    "UNREADABLE_ARGUMENT": "InvalidManagementPayload",
    "SNAPSHOT_IMMUTABLE": "CanisterSnapshotImmutable",
    "CHUNK_STORE": "CanisterContractViolation",
    "INVALID_SETTING": "CanisterContractViolation",
    "EOP_OPTION_MISSING": "CanisterContractViolation",
    "EOP_NOT_SUPPORTED": "CanisterContractViolation",
    "INVALID_MODULE": "CanisterInvalidWasm",
    "DID_NOT_REPLY": "CanisterDidNotReply",
    "STOPPED": "CanisterStopped",
    "STOPPING": "CanisterStopping",
    "NOT_STOPPED": "CanisterNotStopped",
    "STOP_CANCELLED": "CanisterStoppingCancelled",
    "NOT_CONTROLLER": "CanisterInvalidController",
    "CANNOT_CONTROL": "CanisterInvalidController",
    "NOT_EMPTY": "CanisterNonEmpty",
    "TOO_FEW_CYCLES": "InsufficientCyclesInCall",
    "QUERY_TOO_DEEP": "QueryCallGraphTooDeep",
    "QUERY_TOO_LONG": "QueryCallGraphTotalInstructionLimitExceeded",
    "COMPOSITE_AS_UPDATE": "CompositeQueryCalledInReplicatedMode",
    "NO_UPDATE_METHOD": "CanisterMethodNotFound",
    "NO_QUERY_METHOD": "CanisterMethodNotFound",
    "NOT_EXPOSED": "CanisterMethodNotFound",
    "NO_MODULE": "CanisterWasmModuleNotFound",
    "CANISTER_EXISTS": "CanisterAlreadyInstalled",
    "STATUS_NOT_VISIBLE": "CanisterStatusAccessDenied",
    "DEADLINE": "DeadlineExpired",
}
"""What the reference calls our reasons."""


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name)
def test_every_reason_makes_a_rejection(reason: Reason) -> None:
    """The error code's hundreds are a reject code of the specification, and every gap of the text can be filled."""
    number, template = reason.value
    names = re.findall(r"{(\w+)}", template)
    made = reject(reason, **dict.fromkeys(names, "value"))
    assert RejectCode(made.code) == number // 100
    assert made.error_code == f"IC{number:04}"
    assert "{" not in made.message


def test_principals_are_shown_as_text() -> None:
    """Bytes among the values are principals."""
    assert reject(Reason.CANISTER_NOT_FOUND, canister=b"").message == "Canister aaaaa-aa not found"


def test_values_are_not_templates() -> None:
    """Braces in a value stay as they are."""
    assert reject(Reason.NO_UPDATE_METHOD, canister=b"", method="{detail}").message.endswith("'{detail}'.")


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name)
def test_every_error_code_is_the_references(reason: Reason) -> None:
    """No code is our own invention, and where the reference has the same case it has this code for it."""
    name = REFERENCE[reason.value[0]]
    assert NAMES.get(reason.name, name) == name


def test_the_table_is_in_order() -> None:
    """Who looks for a code finds it."""
    numbers = [reason.value[0] for reason in Reason]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("source", sorted(VM.rglob("*.py")), ids=lambda path: str(path.relative_to(VM)))
def test_the_virtual_machine_uses_the_references_codes(source: Path) -> None:
    """Its traps have codes of the same table."""
    used = set(re.findall(r"\"IC0(\d{3})\"", source.read_text(encoding="utf-8")))
    assert {int(code) for code in used} <= set(REFERENCE)
