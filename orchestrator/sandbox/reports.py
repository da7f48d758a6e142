"""What is told about a plugin outside any deployment: what its component is, and what a run of it alone did."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from orchestrator.errors import Diagnostic, PluginRefusedError, SandboxError
from orchestrator.sandbox.request import CallType, LimitName, Outcome

if TYPE_CHECKING:
    from orchestrator.candid.types import Function, Type

__all__ = [
    "Ability",
    "ComponentKind",
    "ComponentReport",
    "Producer",
    "ReplayReport",
    "TrialCall",
    "TrialReport",
    "TrialSection",
    "interface_name",
    "message_text",
]

ComponentKind = Literal["component", "core-module", "unknown"]
_SHOWN_BYTES: Final = 64
"""Bytes of a message in a call's `repr`: a failed assertion prints it, and so does more than one library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """One thing that plugins do or might want to do; `text` goes on after "it may", or after "it may not"."""

    name: str
    granted: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Producer:
    """A tool that made a component: `field` is its part (`language`, `processed-by`, `sdk`), `version` may be empty."""

    field: str
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentReport:
    """What a file says about itself.

    `size` in bytes, `sha256` in lower-case hex. `interface` is the name of the interface that it is made for, as
    `icp:sync-plugin@0.1.0`, and `extension` that of this project's own, if it uses it; `imports` and `exports` are names in the file's order; `fast_calls` tells whether its
    canister calls cross to the host in one piece; `refusal` is why it cannot be run here, if it cannot. When a component
    is not `understood`, only compiling it tells whether it can be run, and nothing else is known of it.
    """

    size: int
    sha256: str
    kind: ComponentKind
    understood: bool
    interface: str | None
    extension: str | None
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    fast_calls: bool
    abilities: tuple[Ability, ...]
    producers: tuple[Producer, ...]
    refusal: PluginRefusedError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCall:
    """A canister call that the plugin made.

    `cycles` are what it wants to attach; `batch` is the number of the batch that it is part of, if it is,
    and `function` its method's type, if that is known; `target` names a canister that is not the one being synced. `via_proxy` tells whether a deployment would send it through the proxy.
    `result` is the reply, `error` why there is none; both are `None` for a call that the run's end left without answer.
    """

    method: str
    type: CallType
    direct: bool
    cycles: int
    via_proxy: bool
    arg: bytes
    result: bytes | None = None
    error: str | None = None
    batch: int | None = None
    target: str | None = None
    function: "Function | None" = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        """Return the call with long messages cut."""
        facts = {name: getattr(self, name) for name in ("type", "direct", "cycles", "via_proxy", "error", "batch", "target")}
        told = "".join(f", {name}={value!r}" for name, value in facts.items())
        return f"TrialCall(method={self.method!r}{told}, arg={_shortened(self.arg)}, result={_shortened(self.result)})"

    @property
    def arg_text(self) -> str | None:
        """Return the argument as Candid text, or `None` when it is not Candid."""
        return message_text(self.arg, None if self.function is None else self.function.arguments)

    @property
    def result_text(self) -> str | None:
        """Return the reply as Candid text, or `None` when there is none or it is not Candid."""
        return None if self.result is None else message_text(self.result, None if self.function is None else self.function.results)


def _shortened(data: bytes | None) -> str:
    return repr(data) if data is None or len(data) <= _SHOWN_BYTES else f"{data[:_SHOWN_BYTES]!r}… ({len(data)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSection:
    """A section of a module that a plugin of 0.2 asked for; `target` is as in calls.

    `result` is what is in it, `error` why it could not be read; both are `None` where there is no such section.
    """

    name: str
    direct: bool
    target: str | None = None
    result: bytes | None = field(default=None, repr=False)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """How far a recording was followed: calls that it has, calls that were answered from it, and the first difference."""

    recorded: int
    answered: int
    difference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """How a run of a plugin alone ended and what it did; `calls` are in the order of asking.

    `error` is one sentence, for `err` the plugin's own text; `slug`, `detail` and `hint` go with it, and `limit` names
    the limit that was reached. `warnings` are what is odd about what the plugin was given. `compute_seconds` are the plugin's own, `peak_memory_bytes` the worker's peak above its
    baseline, `component_sha256` is lower-case hex. `sections` are those that the plugin read. `unasked` are methods with replies that were never called. `replay` says how far a recording was followed.
    """

    component_sha256: str
    result: Outcome
    error: str | None
    stdout: tuple[str, ...]
    stderr: tuple[str, ...]
    calls: tuple[TrialCall, ...]
    compute_seconds: float
    peak_memory_bytes: int
    interface: str | None
    slug: str | None = None
    detail: str | None = None
    hint: str | None = None
    limit: LimitName | None = None
    replay: ReplayReport | None = None
    warnings: tuple[Diagnostic, ...] = ()
    sections: tuple[TrialSection, ...] = ()
    unasked: tuple[str, ...] = ()

    def failure(self) -> SandboxError | None:
        """Return the error that stands for a run that failed, or `None` for one that ended well."""
        from orchestrator.sandbox.outcomes import failure_of
        from orchestrator.sandbox.request import PluginResult

        if self.replay is not None and self.replay.difference is not None:
            return SandboxError(self.error or "", slug=self.slug, detail=self.detail, hint=self.hint)
        return failure_of(PluginResult(outcome=self.result, error=self.error, slug=self.slug, detail=self.detail, hint=self.hint))


def interface_name(version: str | None) -> str | None:
    """Return an interface's whole name; a bare version is one of `icp:sync-plugin`."""
    return f"icp:sync-plugin@{version}" if version is not None and "@" not in version else version


def message_text(data: bytes, types: "Sequence[Type] | None" = None) -> str | None:
    """Return a message as Candid text, with the names of `types` where it has them, or `None` when it is not Candid."""
    from orchestrator.candid import format_message
    from orchestrator.errors import CandidError

    try:
        return format_message(data, types)
    except CandidError:
        return None if types is None else message_text(data)
