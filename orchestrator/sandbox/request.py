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
    "OnUsage",
    "Outcome",
    "OutputLine",
    "Phase",
    "PluginRequest",
    "PluginResult",
    "Preopen",
    "SectionReader",
    "SectionRequest",
]

CallType = Literal["update", "query"]
Outcome = Literal["ok", "err", "trap", "limit", "refused"]
LimitName = Literal["compute", "timeout", "memory", "calls"]
Phase = Literal["compiling", "starting", "running", "calling", "resting", "quiet"]
"""What a run is at; `quiet` is a plugin that has neither computed nor called nor written for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preopen:
    """A directory that the plugin may read: `guest` is the name it sees, `host` where it is.

    `inode` is the device and inode number of the directory that was checked: another one under the same name
    is not opened. Without it any is. `key` is the entry's name in the step, for plugins of 0.2.
    """

    guest: str
    host: Path
    inode: tuple[int, int] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A declared file, already read; `key` is the entry's name in the step, for plugins of 0.2."""

    name: str
    content: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRequest:
    """One run of one plugin.

    `component` are the bytes whose sha256 (lower-case hex) is `sha256`; principals are text; `options` are what
    the plugin gets from `options` of orchestrator:sync-plugin, each a name and a value. `wrap=False`
    leaves out the component that makes canister calls fast; results are the same.

    Only plugins of icp:sync-plugin@0.2 get the rest: where the network is, `fields` (names and values), the principals
    of the environment's canisters by name, and `canisters`, the names of those that may be called.
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
    api_url: str = ""
    gateway_url: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    canister_ids: tuple[tuple[str, str], ...] = ()
    canisters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterCallRequest:
    """A canister call as the plugin asks for it.

    `target` names one of the request's `canisters`; without it the call goes to the canister being synced. `batch` is the number, from 1, of the run's batch that it is part of.
    """

    method: str
    arg: bytes
    call_type: CallType
    direct: bool
    cycles: int
    batch: int | None = field(default=None, compare=False)
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRequest:
    """A plugin of 0.2 asks for a custom section of a canister's module; `target` and `direct` are as in calls."""

    target: str | None
    name: str
    direct: bool


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
SectionReader = Callable[[SectionRequest], Awaitable[bytes | None]]
"""Answers the section, or `None` where there is none; raises `CanisterCallError` as a `CanisterCall` does."""
OnLine = Callable[[OutputLine], None]
OnUsage = Callable[[float, int], None]
"""Is told now and then, and before calls, what the plugin has taken: seconds of computing, and its peak of memory in bytes."""
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
