"""How a function of the system API is described: its name, type, who may call it, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.replica.vm.execution import Execution, contract_violation
from orchestrator.replica.vm.interface import MessageKind

__all__ = ["CONTEXTS", "MODE_NAMES", "SystemCall", "SystemCalls", "wrong_mode"]

CONTEXTS = MappingProxyType(
    {
        "I": (MessageKind.INIT, MessageKind.POST_UPGRADE),
        "G": (MessageKind.PRE_UPGRADE,),
        "U": (MessageKind.UPDATE,),
        "RQ": (MessageKind.REPLICATED_QUERY,),
        "NRQ": (MessageKind.QUERY,),
        "TQ": (MessageKind.TRANSFORM,),
        "CQ": (MessageKind.COMPOSITE_QUERY,),
        "Ry": (MessageKind.REPLY_CALLBACK,),
        "Rt": (MessageKind.REJECT_CALLBACK,),
        "CRy": (MessageKind.COMPOSITE_REPLY_CALLBACK,),
        "CRt": (MessageKind.COMPOSITE_REJECT_CALLBACK,),
        "C": (MessageKind.CLEANUP,),
        "CC": (MessageKind.COMPOSITE_CLEANUP,),
        "s": (MessageKind.START,),
        "F": (MessageKind.INSPECT_MESSAGE,),
        "T": (MessageKind.SYSTEM_TASK,),
        "*": tuple(kind for kind in MessageKind if kind is not MessageKind.START),
    }
)
"""The letters of the specification's "Overview of imports"."""

MODE_NAMES = MappingProxyType(
    {
        MessageKind.QUERY: "non replicated query",
        MessageKind.TRANSFORM: "non replicated query",
        MessageKind.POST_UPGRADE: "init",
    }
)
"""Names of message kinds in error messages, where they are not the kind with spaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCall:
    """One function of the system API.

    `parameters` and `result` have a letter per value: `I` is a pointer or size of the memory's width, `i` 32 bits,
    `l` 64 bits. `run` gets the execution and unsigned numbers. `narrow_only`: not there for 64-bit memories.
    """

    name: str
    parameters: str
    result: str
    kinds: frozenset[MessageKind]
    narrow_only: bool
    run: Callable[..., int | None]


class SystemCalls(dict[str, SystemCall]):
    """Functions of the system API by name."""

    def define(
        self, contexts: str, parameters: str = "", result: str = "", *, narrow_only: bool = False
    ) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
        """Return a decorator that adds a function under its own name; `contexts` as the specification lists them."""

        def add(run: Callable[..., int | None]) -> Callable[..., int | None]:
            self.add(run.__name__, contexts, parameters, result, run, narrow_only=narrow_only)
            return run

        return add

    def add(
        self,
        name: str,
        contexts: str,
        parameters: str,
        result: str,
        run: Callable[..., int | None],
        *,
        narrow_only: bool = False,
    ) -> None:
        """Add a function."""
        kinds = frozenset(kind for letter in contexts.split() for kind in CONTEXTS[letter])
        self[name] = SystemCall(name=name, parameters=parameters, result=result, kinds=kinds, narrow_only=narrow_only, run=run)

    def add_value(self, name: str, contexts: str, get: Callable[[Execution], bytes]) -> None:
        """Add the pair of functions by which a canister learns a value: `<name>_size` and `<name>_copy`."""

        def size(execution: Execution) -> int:
            return len(get(execution))

        def copy(execution: Execution, destination: int, offset: int, length: int) -> None:
            execution.copy(get(execution), destination, offset, length)

        self.add(f"{name}_size", contexts, "", "I", size)
        self.add(f"{name}_copy", contexts, "III", "", copy)


def wrong_mode(name: str, kind: MessageKind) -> Exception:
    """Make the trap of a function that messages of this kind may not call."""
    mode = MODE_NAMES.get(kind, kind.value.replace("_", " "))
    return contract_violation(f'"ic0_{name}" cannot be executed in {mode} mode')
