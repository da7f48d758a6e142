"""What one message prints."""

from orchestrator.replica.vm.limits import MAX_LOG_LINES
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import module, send

BODY = """(func (export "go") (local $left i32) (local.set $left (i32.const 70000))
  (loop $again (call $debug_print (i32.const 0) (i32.const 0))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $debug_print (i32.const 0) (i32.const 1)))"""


def test_a_message_that_prints_empty_lines_takes_no_more_and_more_memory() -> None:
    """As with long lines, the newest are kept."""
    machine = WasmMachine()
    instance = machine.instantiate(machine.load(module(["debug_print"], BODY)))
    outcome = send(instance, "go")
    assert outcome.trap is None
    assert len(outcome.logs) == MAX_LOG_LINES
    assert outcome.logs[-1] == bytes(1)
