"""A virtual machine without WebAssembly: canisters whose functions are Python, for tests of what is around them.

    machine = ScriptedMachine()
    wasm = machine.module({"canister_update inc": increment})

A function takes a `Run` and may change its `memory` (a dict: committed and rolled back as real memory is)
and its `outcome`. Callbacks are numbered: `Callback(7, environment)` runs `functions[7]`.
"""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.replica.vm.interface import (
    START,
    Callback,
    CanisterView,
    Changes,
    Instance,
    InvalidModuleError,
    Mark,
    Message,
    Module,
    ModuleInfo,
    Outcome,
    OutgoingCall,
    Reject,
    Reply,
    SavedState,
    Section,
    Trap,
)
from orchestrator.replica.vm.pages import Pages

WASM_PAGE = 65_536
NO_CALLBACK = Callback(0, 0)


@dataclass(slots=True, kw_only=True)
class Run:
    """One message while it runs."""

    message: Message
    view: CanisterView
    memory: dict[str, object]
    stable: dict[str, object]
    environment: int = 0
    outcome: Outcome = field(default_factory=Outcome)

    def reply(self, data: bytes = b"") -> None:
        """Answer the call."""
        self.outcome.response = Reply(data)

    def reject(self, text: str) -> None:
        """Reject the call."""
        self.outcome.response = Reject(text)

    def trap(self, text: str = "trapped on purpose") -> None:
        """Say that this message trapped; what it wrote stays written until it is rolled back."""
        self.outcome.trap = Trap(f"Canister called `ic0.trap` with message: '{text}'", "IC0503")

    def call(
        self,
        callee: bytes,
        method: str,
        arg: bytes = b"",
        *,
        cycles: int = 0,
        on_reply: Callback = NO_CALLBACK,
        on_reject: Callback = NO_CALLBACK,
        on_cleanup: Callback | None = None,
        timeout_seconds: int | None = None,
    ) -> None:
        """Call another canister; the cycles leave the balance."""
        self.outcome.balance_change -= cycles
        self.outcome.calls.append(
            OutgoingCall(
                callee=callee,
                method=method,
                arg=arg,
                cycles=cycles,
                on_reply=on_reply,
                on_reject=on_reject,
                on_cleanup=on_cleanup,
                timeout_seconds=timeout_seconds,
            )
        )

    def accept_cycles(self, amount: int) -> None:
        """Take cycles from the call."""
        self.outcome.cycles_accepted += amount
        self.outcome.balance_change += amount


Function = Callable[[Run], None]


def ignore(run: Run) -> None:
    """Do nothing."""


def answer(data: bytes) -> Function:
    """Make a function that replies with these bytes."""
    return lambda run: run.reply(data)


@dataclass(frozen=True, slots=True)
class ScriptedModule:
    """What a name stands for; implements `Module`."""

    info: ModuleInfo
    exports: Mapping[str, Function]
    functions: Mapping[int, Function]


class ScriptedInstance:
    """Memory and stable memory as dicts; implements `Instance`."""

    def __init__(self, module: ScriptedModule, memory: dict[str, object], stable: dict[str, object]) -> None:
        self._module = module
        self.memory, self.stable = memory, stable
        self._committed: tuple[dict[str, object], dict[str, object]] = ({}, {})
        self.is_closed = False

    @property
    def module(self) -> Module:
        """Return the module."""
        return self._module

    @property
    def memory_bytes(self) -> int:
        """Return one page per entry, or what the entry `pages` says."""
        pages = self.memory.get("pages", len(self.memory))
        return (pages if isinstance(pages, int) else 0) * WASM_PAGE

    @property
    def stable_bytes(self) -> int:
        """Return one page per entry."""
        return len(self.stable) * WASM_PAGE

    def run(self, entry: str | Callback, message: Message, canister: CanisterView) -> Outcome:
        """Run a function on the uncommitted memory."""
        assert not self.is_closed
        function = self._module.functions.get(entry.function, ignore) if isinstance(entry, Callback) else self._module.exports[entry]
        environment = entry.environment if isinstance(entry, Callback) else 0
        run = Run(message=message, view=canister, memory=self.memory, stable=self.stable, environment=environment)
        function(run)
        run.outcome.instructions += 1
        if run.outcome.trap is not None:
            return Outcome(trap=run.outcome.trap, instructions=run.outcome.instructions, logs=run.outcome.logs)
        return run.outcome

    def commit(self) -> None:
        """Keep both memories."""
        self._committed = copy.deepcopy((self.memory, self.stable))

    def rollback(self) -> None:
        """Go back to what was kept."""
        self.memory, self.stable = copy.deepcopy(self._committed)

    def mark(self) -> Mark:
        """Copy both memories, as JSON."""
        content = json.dumps([self.memory, self.stable]).encode()
        return Mark(memory_size=len(content), memory=((0, content),), stable_size=0, stable={}, globals=b"")

    def return_to(self, mark: Mark) -> None:
        """Go back to what `mark` copied."""
        self.memory, self.stable = json.loads(mark.memory[0][1])

    def fork(self) -> "ScriptedInstance":
        """Copy what was kept."""
        made = ScriptedInstance(self._module, {}, {})
        made._committed = copy.deepcopy(self._committed)
        made.rollback()
        return made

    def save(self, directory: Path) -> None:
        """Write what was kept."""
        (directory / "memory.json").write_text(json.dumps(self._committed), encoding="utf-8")

    def capture(self) -> SavedState:
        """Return what was kept, as JSON in the pages."""
        memory, stable = (Pages.of(json.dumps(part).encode()) for part in self._committed)
        return SavedState(memory=memory, stable=stable, globals=b"")

    def collect(self, *, whole: bool, max_bytes: int) -> Changes | None:
        """Return everything, or, where a part is enough, that this is not known."""
        if not whole or max_bytes < 0:
            return None
        content = json.dumps(self._committed).encode()
        return Changes(is_whole=True, memory_size=0, memory={}, stable_size=0, stable={}, globals=content)

    def settle(self) -> None:
        """Do nothing: everything is saved every time."""

    def close(self) -> None:
        """Make any further run a mistake."""
        self.is_closed = True


class ScriptedMachine:
    """Loads modules by name; implements `Machine`."""

    def __init__(self) -> None:
        self._modules: dict[bytes, ScriptedModule] = {}
        self.interrupts = 0

    def module(
        self,
        exports: Mapping[str, Function],
        *,
        functions: Mapping[int, Function] | None = None,
        metadata: Mapping[str, Section] | None = None,
        start: Function | None = None,
    ) -> bytes:
        """Define a module and return the bytes that load it."""
        wasm = b"scripted module %d" % len(self._modules)
        info = ModuleInfo(exports=frozenset(exports), metadata=metadata or {}, has_start=start is not None, memory64=False)
        own = {**exports, START: start} if start is not None else exports
        self._modules[wasm] = ScriptedModule(info, own, functions or {})
        return wasm

    def interrupt(self, *, only_overdue: bool = False) -> None:
        """Count the interrupts that are not only for overdue messages; scripts end by themselves."""
        self.interrupts += not only_overdue

    def load(self, wasm: bytes) -> Module:
        """Return the module that these bytes stand for."""
        if wasm not in self._modules:
            raise InvalidModuleError("no such script")
        return self._modules[wasm]

    def instantiate(self, module: Module, *, previous: Instance | None = None, keep_memory: bool = False) -> Instance:
        """Make an instance, with what an upgrade keeps."""
        assert isinstance(module, ScriptedModule)
        if not isinstance(previous, ScriptedInstance):
            return ScriptedInstance(module, {}, {})
        made = ScriptedInstance(module, copy.deepcopy(previous.memory) if keep_memory else {}, copy.deepcopy(previous.stable))
        previous.rollback()
        return made

    def restore(self, module: Module, directory: Path) -> Instance:
        """Make an instance of what `save` wrote."""
        assert isinstance(module, ScriptedModule)
        memory, stable = json.loads((directory / "memory.json").read_text(encoding="utf-8"))
        made = ScriptedInstance(module, memory, stable)
        made.commit()
        return made

    def revive(self, module: Module, state: SavedState) -> Instance:
        """Make an instance of what `capture` returned."""
        assert isinstance(module, ScriptedModule)
        parts = (json.loads(pages.read(0, pages.length) or b"{}") for pages in (state.memory, state.stable))
        memory, stable = json.loads(state.globals) if state.globals else parts
        made = ScriptedInstance(module, memory, stable)
        made.commit()
        return made
