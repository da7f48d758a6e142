"""The functions of the module `ic0`, which canisters import."""

from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.replica.vm.api import calls, canister, cost, cycles, message, stable
from orchestrator.replica.vm.api.table import SystemCall, SystemCalls, wrong_mode

__all__ = ["SYSTEM_CALLS", "SystemCall", "SystemCalls", "wrong_mode"]

SYSTEM_CALLS: Mapping[str, SystemCall] = MappingProxyType(
    {**message.CALLS, **cycles.CALLS, **canister.CALLS, **calls.CALLS, **stable.CALLS, **cost.CALLS}
)
"""Every function by name; the module is `ic0` for all of them."""
