"""What goes into a plugin's run and what comes out of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.output import StreamName

__all__ = [
    "CallType",
    "CanisterCall",
    "CanisterCallError",
    "CanisterCallRequest",
    "InlineFile",
    "LimitName",
    "OnLine",
    "OnPhase",
    "Outcome",
    "OutputLine",
    "Phase",
    "PluginRequest",
    "PluginResult",
    "Preopen",
]

CallType = Literal["update", "query"]
Outcome = Literal["ok", "err", "trap", "limit", "refused"]
LimitName = Literal["compute", "timeout", "memory", "calls"]
Phase = Literal["compiling", "starting", "running", "calling", "quiet"]
"""What a run is at; `quiet` is a plugin that has neither computed nor called nor written for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preopen:
    """A directory that the plugin may read: `guest` is the name it sees, `host` where it is.

    `inode` is the device and inode number of the directory that was checked: another one under the same name
    is not opened. Without it any is.
    """

    guest: str
    host: Path
    inode: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A declared file, already read."""

    name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRequest:
    """One run of one plugin.

    `component` are the bytes whose sha256 (lower-case hex) is `sha256`; principals are text; `options` are what
    the plugin gets from `options` of orchestrator:sync-plugin, each a name and a value. `wrap=False`
    leaves out the component that makes canister calls fast; results are the same.
    """

    component: bytes
    sha256: str
    canister_id: str
    environment: str
    identity_principal: str
    cache_directory: Path
    proxy_canister_id: str | None = None
    directories: tuple[Preopen, ...] = ()
    files: tuple[InlineFile, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    limits: Limits = field(default_factory=Limits)
    wrap: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterCallRequest:
    """A canister call as the plugin asks for it; the target is always the canister being synced.

    `batch` is the number, from 1, of the run's batch that it is part of.
    """

    method: str
    arg: bytes
    call_type: CallType
    direct: bool
    cycles: int
    batch: int | None = field(default=None, compare=False)


class CanisterCallError(Exception):
    """Raised by a `CanisterCall` to give the plugin an error; its text is what the plugin sees."""

    def __init__(self, text: str) -> None:
        """Take the text for the plugin."""
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """One line that the plugin wrote, without its line end."""

    stream: StreamName
    text: str


CanisterCall = Callable[[CanisterCallRequest], Awaitable[bytes]]
OnLine = Callable[[OutputLine], None]
OnPhase = Callable[[Phase, str], None]
"""Is told each phase as it begins, with a detail: the method for `calling`, how long for `quiet`, otherwise nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginResult:
    """How a run ended.

    `error` is one sentence (`None` for ok); for `err` it is the plugin's own text and nothing else. `slug`,
    `detail` (a backtrace, what was imported, …) and `hint` go with it; `limit` names the limit reached.
    `compute_seconds` are the plugin's own, `peak_memory_bytes` the worker's peak above its baseline, and
    `calls` counts the canister calls that were made.
    """

    outcome: Outcome
    error: str | None = None
    slug: str | None = None
    detail: str | None = None
    hint: str | None = None
    limit: LimitName | None = None
    stdout: tuple[str, ...] = ()
    stderr: tuple[str, ...] = ()
    compute_seconds: float = 0.0
    peak_memory_bytes: int = 0
    calls: int = 0
    interface: str | None = None
