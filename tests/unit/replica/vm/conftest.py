"""Machines in every combination of the ways to reach the engine and to roll memory back."""

import pytest

from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.machine import WasmMachine


@pytest.fixture(params=["native-copying", "native-copy_on_write", "portable-copying"], scope="module")
def machine(request: pytest.FixtureRequest) -> WasmMachine:
    """Return a machine; the same tests run over all of them."""
    match request.param:
        case "native-copying":
            return WasmMachine(rollback="copying")
        case "portable-copying":
            return WasmMachine(rollback="copying", bindings="portable")
        case _:
            if not copy_on_write_works():
                pytest.skip("this system does not show which pages of a process are dirty")
            return WasmMachine(rollback="copy_on_write")
