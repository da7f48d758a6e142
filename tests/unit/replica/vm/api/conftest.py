"""Machines for the tests of the system API."""

import pytest

from orchestrator.replica.vm.machine import WasmMachine


@pytest.fixture(params=["native", "portable"], scope="module")
def machine(request: pytest.FixtureRequest) -> WasmMachine:
    """Return a machine for each way to reach the engine."""
    return WasmMachine(rollback="copying", bindings=request.param)
