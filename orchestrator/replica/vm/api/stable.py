"""System API: stable memory, with 64-bit and with 32-bit addresses. Spec: "Stable memory"."""

from orchestrator.replica.vm.api.table import SystemCalls
from orchestrator.replica.vm.execution import Execution, GuestTrapError, trapped
from orchestrator.replica.vm.limits import STABLE_WRITE_LIMITS, WASM_PAGE_BYTES

__all__ = ["CALLS"]

CALLS = SystemCalls()

_MAX_NARROW_PAGES = 2**32 // WASM_PAGE_BYTES
_FAILED = -1


@CALLS.define("* s", result="l")
def stable64_size(execution: Execution) -> int:
    """Return the size in pages."""
    return execution.stable.size


@CALLS.define("* s", "l", "l")
def stable64_grow(execution: Execution, pages: int) -> int:
    """Add pages; return the size before, or -1."""
    return execution.stable.grow(pages)


@CALLS.define("* s", "lll")
def stable64_write(execution: Execution, offset: int, source: int, size: int) -> None:
    """Copy from main to stable memory."""
    if not execution.stable.fits(offset, size):
        raise trapped("stable memory out of bounds")
    execution.check(source, size)
    if execution.stable.changed_pages + size // WASM_PAGE_BYTES > STABLE_WRITE_LIMITS[execution.kind]:
        raise GuestTrapError(
            "Canister exceeded memory access limits: too many pages of stable memory were written to in one message", "IC0524"
        )
    execution.stable.write(offset, execution.read(source, size))


@CALLS.define("* s", "lll")
def stable64_read(execution: Execution, destination: int, offset: int, size: int) -> None:
    """Copy from stable to main memory."""
    if not execution.stable.fits(offset, size):
        raise trapped("stable memory out of bounds")
    execution.check(destination, size)
    execution.write(destination, execution.stable.read(offset, size))


@CALLS.define("* s", result="i", narrow_only=True)
def stable_size(execution: Execution) -> int:
    """Return the size in pages."""
    _check_narrow(execution)
    return execution.stable.size


@CALLS.define("* s", "i", "i", narrow_only=True)
def stable_grow(execution: Execution, pages: int) -> int:
    """Add pages; return the size before, or -1."""
    _check_narrow(execution)
    if execution.stable.size + pages > _MAX_NARROW_PAGES:
        return _FAILED
    return execution.stable.grow(pages)


@CALLS.define("* s", "iii", narrow_only=True)
def stable_write(execution: Execution, offset: int, source: int, size: int) -> None:
    """Copy from main to stable memory."""
    _check_narrow(execution)
    stable64_write(execution, offset, source, size)


@CALLS.define("* s", "iii", narrow_only=True)
def stable_read(execution: Execution, destination: int, offset: int, size: int) -> None:
    """Copy from stable to main memory."""
    _check_narrow(execution)
    stable64_read(execution, destination, offset, size)


def _check_narrow(execution: Execution) -> None:
    if execution.stable.size > _MAX_NARROW_PAGES:
        raise trapped("32 bit stable memory api used on a memory larger than 4GB")
