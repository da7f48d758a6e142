"""System API: what operations cost.

Spec: "Cycle cost calculation"; prices of the page "Cycle costs" of the developer documentation, for 13 nodes. A local network may charge less, but a canister attaches what these functions tell, as it does on the mainnet.
"""

from collections.abc import Callable, Mapping

from orchestrator.replica.vm.api.table import SystemCalls
from orchestrator.replica.vm.execution import Execution
from orchestrator.replica.vm.interface import MessageKind
from orchestrator.replica.vm.limits import INSTRUCTION_LIMITS, MAX_REPLY_BYTES

__all__ = ["CALLS"]

CALLS = SystemCalls()

_NODES = 13
_CANISTER_CREATION = 500_000_000_000
_CALL = 260_000
_CALL_BYTE = 1_000
_EXECUTION = 5_000_000
_TEST_KEY = 10_000_000_000
_PRODUCTION_KEY = 26_153_846_153
_KEY_PRICES = {"dfx_test_key": _TEST_KEY, "test_key_1": _TEST_KEY, "key_1": _PRODUCTION_KEY}
_MAX_KEY_NAME_BYTES = 1_000
_DONE, _UNKNOWN_CURVE, _UNKNOWN_KEY = 0, 1, 2


@CALLS.define("* s", "llI")
def cost_call(execution: Execution, method_name_size: int, payload_size: int, destination: int) -> None:
    """Write the price of a call: request, the longest response, and the longest callback; what performing it takes."""
    view = execution.view
    if view.response_reserve:
        _write(execution, destination, view.call_fee + view.call_byte_fee * (method_name_size + payload_size) + view.response_reserve)
        return
    transmission = _CALL + _CALL_BYTE * (method_name_size + payload_size + MAX_REPLY_BYTES)
    callback = _EXECUTION + INSTRUCTION_LIMITS[MessageKind.REPLY_CALLBACK]
    _write(execution, destination, transmission + callback)


@CALLS.define("* s", "I")
def cost_create_canister(execution: Execution, destination: int) -> None:
    """Write the price of a canister."""
    _write(execution, destination, _CANISTER_CREATION)


@CALLS.define("* s", "llI")
def cost_http_request(execution: Execution, request_size: int, max_response_size: int, destination: int) -> None:
    """Write the price of an HTTPS outcall."""
    _write(execution, destination, (3_000_000 + 60_000 * _NODES + 400 * request_size + 800 * max_response_size) * _NODES)


def _write(execution: Execution, destination: int, amount: int) -> None:
    execution.write_u128(destination, amount)


def _key_price(curves: int, prices: Mapping[str, int]) -> Callable[..., int]:
    def cost(execution: Execution, source: int, size: int, curve: int, destination: int) -> int:
        execution.check(source, size)
        execution.check(destination, 16)
        if curve >= curves:
            return _UNKNOWN_CURVE
        name = execution.read(source, min(size, _MAX_KEY_NAME_BYTES)).decode(errors="replace")
        if name not in prices:
            return _UNKNOWN_KEY
        _write(execution, destination, prices[name])
        return _DONE

    return cost


CALLS.add("cost_sign_with_ecdsa", "* s", "IIiI", "i", _key_price(1, _KEY_PRICES))
CALLS.add("cost_sign_with_schnorr", "* s", "IIiI", "i", _key_price(2, _KEY_PRICES))
CALLS.add("cost_vetkd_derive_key", "* s", "IIiI", "i", _key_price(1, _KEY_PRICES))
