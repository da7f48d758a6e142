"""System API: the canister's cycles and those that come with a call. Spec: "Cycles"."""

from orchestrator.replica.vm.api.table import SystemCalls
from orchestrator.replica.vm.execution import Execution, contract_violation, trapped

__all__ = ["CALLS"]

CALLS = SystemCalls()

_RECEIVING = "U RQ Rt Ry"
_MAX_U64 = (1 << 64) - 1


@CALLS.define("*", "I")
def canister_cycle_balance128(execution: Execution, destination: int) -> None:
    """Write the balance."""
    execution.write_u128(destination, execution.balance())


@CALLS.define("*", "I")
def canister_liquid_cycle_balance128(execution: Execution, destination: int) -> None:
    """Write the part of the balance that may be spent."""
    execution.write_u128(destination, execution.liquid_balance())


@CALLS.define("*", result="l", narrow_only=True)
def canister_cycle_balance(execution: Execution) -> int:
    """Return the balance."""
    return _narrow(execution.balance())


@CALLS.define(_RECEIVING, "I")
def msg_cycles_available128(execution: Execution, destination: int) -> None:
    """Write how many cycles of the call can still be accepted."""
    execution.write_u128(destination, execution.available)


@CALLS.define(_RECEIVING, result="l", narrow_only=True)
def msg_cycles_available(execution: Execution) -> int:
    """Return how many cycles of the call can still be accepted."""
    return _narrow(execution.available)


@CALLS.define("Rt Ry", "I")
def msg_cycles_refunded128(execution: Execution, destination: int) -> None:
    """Write how many cycles came back with the response."""
    execution.write_u128(destination, execution.message.cycles_refunded)


@CALLS.define("Rt Ry", result="l", narrow_only=True)
def msg_cycles_refunded(execution: Execution) -> int:
    """Return how many cycles came back with the response."""
    return _narrow(execution.message.cycles_refunded)


@CALLS.define(_RECEIVING, "llI")
def msg_cycles_accept128(execution: Execution, high: int, low: int, destination: int) -> None:
    """Accept cycles of the call and write how many."""
    execution.write_u128(destination, _accept(execution, high << 64 | low))


@CALLS.define(_RECEIVING, "l", "l", narrow_only=True)
def msg_cycles_accept(execution: Execution, maximum: int) -> int:
    """Accept cycles of the call and return how many."""
    return _accept(execution, maximum)


@CALLS.define("I G U RQ Ry Rt C T", "llI")
def cycles_burn128(execution: Execution, high: int, low: int, destination: int) -> None:
    """Burn cycles and write how many."""
    amount = min(high << 64 | low, execution.liquid_balance())
    execution.balance_change -= amount
    execution.outcome.burned += amount
    execution.write_u128(destination, amount)


@CALLS.define("U Ry Rt T", "l", "l")
def mint_cycles(_execution: Execution, _amount: int) -> int:
    """Refuse: only the cycles minting canister of the mainnet makes cycles."""
    raise contract_violation("ic0.mint_cycles cannot be executed on non Cycles Minting Canister")


@CALLS.define("U Ry Rt T", "llI")
def mint_cycles128(_execution: Execution, _high: int, _low: int, _destination: int) -> None:
    """Refuse: only the cycles minting canister of the mainnet makes cycles."""
    raise contract_violation("ic0.mint_cycles128 cannot be executed on non Cycles Minting Canister")


def _accept(execution: Execution, maximum: int) -> int:
    amount = min(maximum, execution.available)
    execution.available -= amount
    execution.balance_change += amount
    execution.outcome.cycles_accepted += amount
    return amount


def _narrow(amount: int) -> int:
    if amount > _MAX_U64:
        raise trapped("cycles amount exceeds 64-bit representation")
    return amount
