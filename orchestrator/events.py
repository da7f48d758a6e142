"""Everything a run can report, as frozen records: the engine emits them, `orchestrator.ui` renders them.

Each record names itself by `event`, a stable kebab-case word that scripts rely on. `event_to_json` gives its fields as
plain JSON values; whoever writes the stream adds `schema`, `seq`, `time` and `run`. Cycles and other nat and nat64
values are decimal strings there, because JSON readers round large numbers.

`index` counts from 1 to `total` among the steps of the same phase of the same canister. Times are seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args

from orchestrator.core.addresses import path_text
from orchestrator.core.plan import Change, change_to_json
from orchestrator.core.recipe_use import RecipeUse, use_to_json
from orchestrator.errors import Span

__all__ = [
    "EVENTS",
    "BuildFailed",
    "BuildFinished",
    "BuildOutput",
    "BuildStarted",
    "CanisterCreated",
    "CanisterUrl",
    "Emit",
    "Event",
    "NetworkAlreadyRunning",
    "NetworkStarted",
    "NetworkStarting",
    "NothingChanged",
    "OperationSettled",
    "PlanReady",
    "PluginPhase",
    "Retrying",
    "RunFinished",
    "RunResult",
    "RunStarted",
    "StepFailed",
    "StepFinished",
    "StepKind",
    "StepOutput",
    "StepPhase",
    "StepSkipped",
    "StepStarted",
    "Stream",
    "Waiting",
    "Warned",
    "event_to_json",
]

RunResult = Literal["done", "failed", "changes", "paused", "unknown", "interrupted"]
StepKind = Literal["create", "settings", "install", "upgrade", "reinstall", "start", "stop", "sync-script", "sync-plugin"]
Stream = Literal["stdout", "stderr"]
PluginPhase = Literal["compiling", "starting", "running", "calling", "quiet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A command that builds or changes something begins; `run` names it in the journal and the log."""

    event: ClassVar[str] = "run-started"
    run: str
    verb: str
    environment: str
    network: str
    canisters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The last event of a run; `exit_code` is what the process answers."""

    event: ClassVar[str] = "run-finished"
    run: str
    result: RunResult
    exit_code: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStarting:
    """A managed network was not running and is being started."""

    event: ClassVar[str] = "network-starting"
    network: str
    launcher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStarted:
    """The network that this run started is healthy; `stop_command` is what stops it."""

    event: ClassVar[str] = "network-started"
    network: str
    launcher: str
    api_url: str
    gateway_url: str | None
    pid: int | None
    stop_command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAlreadyRunning:
    """The managed network was running before this run."""

    event: ClassVar[str] = "network-already-running"
    network: str
    launcher: str
    api_url: str
    gateway_url: str | None
    pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStarted:
    """A canister's build begins; `total` is its number of steps."""

    event: ClassVar[str] = "build-started"
    canister: str
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutput:
    """One line that a build step wrote, without its line end."""

    event: ClassVar[str] = "build-output"
    canister: str
    index: int
    total: int
    stream: Stream
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFinished:
    """A canister's module is stored; `sha256` is lower-case hex, `size` bytes as installed."""

    event: ClassVar[str] = "build-finished"
    canister: str
    sha256: str
    size: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFailed:
    """A canister's build failed at step `index`; the other canisters go on."""

    event: ClassVar[str] = "build-failed"
    canister: str
    index: int
    total: int
    slug: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReady:
    """What is about to change, canister by canister."""

    event: ClassVar[str] = "plan-ready"
    environment: str
    digest: str
    changes: tuple[Change, ...]
    recipes: tuple[RecipeUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingChanged:
    """The environment is already as the project says; no update call was sent."""

    event: ClassVar[str] = "nothing-changed"
    environment: str
    canisters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step that changes a canister begins; `name` is the step's own (a plugin's name, a command), if any."""

    event: ClassVar[str] = "step-started"
    canister: str
    step: StepKind
    index: int
    total: int
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """One line that a sync step wrote, without its line end."""

    event: ClassVar[str] = "step-output"
    canister: str
    step: StepKind
    index: int
    total: int
    stream: Stream
    line: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPhase:
    """What a plugin step is taking long with; a phase that is neither `compiling` nor `quiet` says that this is over.

    `detail` is the component's size for `compiling`, and for how long there was no sign of life for `quiet`.
    """

    event: ClassVar[str] = "step-phase"
    canister: str
    step: StepKind
    index: int
    total: int
    phase: PluginPhase
    detail: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step succeeded."""

    event: ClassVar[str] = "step-finished"
    canister: str
    step: StepKind
    index: int
    total: int
    seconds: float
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped:
    """A step did not need to run; `reason` says why."""

    event: ClassVar[str] = "step-skipped"
    canister: str
    step: StepKind
    index: int
    total: int
    reason: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step failed, which ends this canister's steps; independent canisters go on."""

    event: ClassVar[str] = "step-failed"
    canister: str
    step: StepKind
    index: int
    total: int
    slug: str
    summary: str
    detail: str | None = None
    hint: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterCreated:
    """A canister exists and its id is on disk."""

    event: ClassVar[str] = "canister-created"
    canister: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterUrl:
    """Where a deployed canister is reached; `kind` is `frontend` when it serves `http_request`.

    `certified` is false when gateways cannot verify its page; `url` is that of the raw host then, where there is one.
    """

    event: ClassVar[str] = "canister-url"
    canister: str
    id: str
    kind: Literal["frontend", "backend"]
    url: str | None
    certified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something is odd but not wrong; `summary` is a sentence without a full stop, `place` where it comes from."""

    event: ClassVar[str] = "warning"
    slug: str
    summary: str
    canister: str | None = None
    hint: str | None = None
    place: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A read, or the resending of the same bytes, is tried again."""

    event: ClassVar[str] = "retrying"
    what: str
    attempt: int
    reason: str
    canister: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The run waits for something; sent again while it lasts, with the seconds waited so far."""

    event: ClassVar[str] = "waiting"
    what: str
    seconds: float
    canister: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSettled:
    """What an interrupted run left open has been resolved; `took_effect` tells which way, `None` that it does not matter."""

    event: ClassVar[str] = "operation-settled"
    canister: str
    step: StepKind
    operation: str
    took_effect: bool | None
    evidence: str
    name: str | None = None


Event = (
    RunStarted
    | RunFinished
    | NetworkStarting
    | NetworkStarted
    | NetworkAlreadyRunning
    | BuildStarted
    | BuildOutput
    | BuildFinished
    | BuildFailed
    | PlanReady
    | NothingChanged
    | StepStarted
    | StepOutput
    | StepPhase
    | StepFinished
    | StepSkipped
    | StepFailed
    | CanisterCreated
    | CanisterUrl
    | Warned
    | Retrying
    | Waiting
    | OperationSettled
)
Emit = Callable[[Event], None]

EVENTS: tuple[type[Event], ...] = get_args(Event)


def event_to_json(event: Event) -> dict[str, object]:
    """Return an event's name and fields as plain JSON values, in the order of declaration."""
    record: dict[str, object] = {"event": event.event}
    for each in fields(event):
        record[each.name] = _plain(getattr(event, each.name))
    return record


def _plain(value: object) -> object:
    """Turn a field's value into what JSON can hold."""
    match value:
        case Change():
            return change_to_json(value)
        case RecipeUse():
            return use_to_json(value)
        case Span():
            return {"path": path_text(value.path), "line": value.line, "column": value.column}
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return value
