"""System API: what a canister learns about itself, its environment and time; certified data; debugging aids.

Spec: "Self-identification" to "Environment Variables", "Debugging aids".
"""

from orchestrator.replica.vm.api.calls import read_principal
from orchestrator.replica.vm.api.table import SystemCalls
from orchestrator.replica.vm.execution import Execution, GuestTrapError, called_trap, contract_violation
from orchestrator.replica.vm.interface import MessageKind
from orchestrator.replica.vm.limits import MAX_CERTIFIED_DATA_BYTES, MAX_ENVIRONMENT_VARIABLE_NAME_BYTES, MAX_LOG_LINE_BYTES

__all__ = ["CALLS"]

CALLS = SystemCalls()

_REPLICATED_ONLY = "I G U RQ Ry Rt C T"
_WITH_CERTIFICATE = frozenset({MessageKind.QUERY, MessageKind.COMPOSITE_QUERY})
_UNREPLICATED = frozenset(
    {
        MessageKind.QUERY,
        MessageKind.TRANSFORM,
        MessageKind.COMPOSITE_QUERY,
        MessageKind.COMPOSITE_REPLY_CALLBACK,
        MessageKind.COMPOSITE_REJECT_CALLBACK,
        MessageKind.COMPOSITE_CLEANUP,
        MessageKind.INSPECT_MESSAGE,
    }
)

CALLS.add_value("canister_self", "*", lambda execution: execution.view.id)
CALLS.add_value("subnet_self", "*", lambda execution: execution.view.subnet_id)
CALLS.add_value("root_key", _REPLICATED_ONLY, lambda execution: execution.view.root_key)


def _certificate(execution: Execution) -> bytes:
    if execution.certificate is None:
        make = execution.message.data_certificate
        if make is None:
            raise contract_violation("ic0.data_certificate: there is no data certificate for this message")
        execution.certificate = make()
    return execution.certificate


CALLS.add_value("data_certificate", "NRQ CQ", _certificate)


@CALLS.define("*", result="i")
def data_certificate_present(execution: Execution) -> int:
    """Return 1 if there is a certificate of the certified data."""
    return int(execution.kind in _WITH_CERTIFICATE and execution.message.data_certificate is not None)


@CALLS.define("I G U Ry Rt T", "II")
def certified_data_set(execution: Execution, source: int, size: int) -> None:
    """Set the certified data."""
    if size > MAX_CERTIFIED_DATA_BYTES:
        raise contract_violation(
            f"ic0.certified_data_set failed because the passed data must be no larger than {MAX_CERTIFIED_DATA_BYTES} bytes. Found {size} bytes."
        )
    execution.outcome.certified_data = execution.read(source, size)


@CALLS.define("*", result="i")
def canister_status(execution: Execution) -> int:
    """Return 1 for running, 2 for stopping, 3 for stopped."""
    return execution.view.status


@CALLS.define("*", result="l")
def canister_version(execution: Execution) -> int:
    """Return the canister's version."""
    return execution.view.version


@CALLS.define("*", result="l")
def time(execution: Execution) -> int:
    """Return the time in nanoseconds since 1970."""
    return execution.message.now


@CALLS.define("I G U Ry Rt C T", "l", "l")
def global_timer_set(execution: Execution, timestamp: int) -> int:
    """Set the timer and return when it would have fired."""
    before = execution.outcome.global_timer
    execution.outcome.global_timer = timestamp
    return execution.view.global_timer if before is None else before


@CALLS.define("* s", "i", "l")
def performance_counter(execution: Execution, counter: int) -> int:
    """Return how many instructions this message (0) or this call context (1) has executed."""
    if counter == 0:
        return execution.instructions()
    if counter == 1:
        return execution.message.context_instructions + execution.instructions()
    raise contract_violation(f"Error getting performance counter type {counter}")


@CALLS.define("* s", "II", "i")
def is_controller(execution: Execution, source: int, size: int) -> int:
    """Return 1 if a principal controls the canister."""
    return int(read_principal(execution, source, size) in execution.view.controllers)


@CALLS.define("* s", result="i")
def in_replicated_execution(execution: Execution) -> int:
    """Return 1 if every node of the subnet runs this message."""
    return int(execution.kind not in _UNREPLICATED)


@CALLS.define("*", result="I")
def env_var_count(execution: Execution) -> int:
    """Return the number of environment variables."""
    return len(execution.view.environment_variables)


@CALLS.define("*", "I", "I")
def env_var_name_size(execution: Execution, index: int) -> int:
    """Return the length of a variable's name."""
    return len(_variable_name(execution, index))


@CALLS.define("*", "IIII")
def env_var_name_copy(execution: Execution, index: int, destination: int, offset: int, size: int) -> None:
    """Copy a variable's name."""
    execution.copy(_variable_name(execution, index), destination, offset, size)


@CALLS.define("*", "II", "i")
def env_var_name_exists(execution: Execution, source: int, size: int) -> int:
    """Return 1 if there is a variable of that name."""
    return int(_read_variable_name(execution, source, size) in execution.view.environment_variables)


@CALLS.define("*", "II", "I")
def env_var_value_size(execution: Execution, source: int, size: int) -> int:
    """Return the length of a variable's value."""
    return len(_variable_value(execution, source, size))


@CALLS.define("*", "IIIII")
def env_var_value_copy(execution: Execution, source: int, size: int, destination: int, offset: int, length: int) -> None:
    """Copy a variable's value."""
    execution.copy(_variable_value(execution, source, size), destination, offset, length)


@CALLS.define("* s", "II")
def debug_print(execution: Execution, source: int, size: int) -> None:
    """Add a line to the log; never traps."""
    execution.log(_log_line(execution, source, size, b"(debug_print message out of memory bounds)"))


@CALLS.define("* s", "II")
def trap(execution: Execution, source: int, size: int) -> None:
    """Trap with a message, which also goes to the log."""
    line = _log_line(execution, source, size, b"(trap message out of memory bounds)")
    execution.log(b"[TRAP]: " + line)
    raise called_trap(line.decode(errors="ignore"))


def _log_line(execution: Execution, source: int, size: int, otherwise: bytes) -> bytes:
    try:
        execution.check(source, size)
    except GuestTrapError:
        return otherwise
    return execution.read(source, min(size, MAX_LOG_LINE_BYTES))


def _variable_name(execution: Execution, index: int) -> bytes:
    names = sorted(execution.view.environment_variables)
    if index >= len(names):
        raise GuestTrapError(
            f"Environment variable index {index} is out of bounds. The number of environment variables is {len(names)}.", "IC0504"
        )
    return names[index].encode()


def _read_variable_name(execution: Execution, source: int, size: int) -> str:
    if size > MAX_ENVIRONMENT_VARIABLE_NAME_BYTES:
        raise contract_violation(
            f"the name of an environment variable is {size} bytes long; the limit is {MAX_ENVIRONMENT_VARIABLE_NAME_BYTES}"
        )
    return execution.text(source, size, "the name of an environment variable")


def _variable_value(execution: Execution, source: int, size: int) -> bytes:
    name = _read_variable_name(execution, source, size)
    value = execution.view.environment_variables.get(name)
    if value is None:
        raise GuestTrapError(f"Environment variable {name} not found.", "IC0504")
    return value.encode()
