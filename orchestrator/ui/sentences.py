"""Every event as a line for people.

`[name]` at the start of a line is the canister that it is about.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from orchestrator import events
from orchestrator.events import Event, StepKind
from orchestrator.ui.excerpts import render_excerpt
from orchestrator.ui.plans import render_changes
from orchestrator.ui.style import PLAIN, Style, harmless, harmless_block

__all__ = [
    "NAME_CHARACTERS",
    "STEP_WORDS",
    "TOLD_PHASES",
    "render_event",
    "render_phase",
    "render_seconds",
    "render_size",
    "shorten_name",
    "stays",
]

Kind = TypeVar("Kind")
Render = Callable[[Event, Style], str]
NAME_CHARACTERS = 40
"""How much of a step's name is shown: a script's name is its command, which may be long."""
TOLD_PHASES = frozenset({"compiling", "quiet"})
"""Phases of a plugin that are worth a line; the others say that such a one is over."""
_HASH_DIGITS = 12
_KIB = 1024
_SENTENCES: dict[type[Event], Render] = {}

STEP_WORDS: Mapping[StepKind, tuple[str, str]] = {
    "create": ("creating", "created"),
    "settings": ("updating settings", "settings updated"),
    "install": ("installing", "installed"),
    "upgrade": ("upgrading", "upgraded"),
    "reinstall": ("reinstalling", "reinstalled"),
    "start": ("starting", "started"),
    "stop": ("stopping", "stopped"),
    "sync-script": ("syncing by script", "synced by script"),
    "sync-plugin": ("syncing by plugin", "synced by plugin"),
}
"""What a step is called while it runs and once it is done."""


def render_event(event: Event, *, style: Style = PLAIN) -> str:
    """Return the event as one line, or several; never empty."""
    return _SENTENCES[type(event)](event, style)


def render_seconds(seconds: float) -> str:
    """Return a duration as people say it: `0.21 s`, `12.3 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def render_size(size: int) -> str:
    """Return a number of bytes as people say it: `813 bytes`, `1.2 MiB`."""
    if size < _KIB:
        return f"{size} bytes"
    return f"{size / _KIB:.1f} KiB" if size < _KIB * _KIB else f"{size / _KIB / _KIB:.1f} MiB"


def shorten_name(name: str) -> str:
    """Return the first line of a step's name, cut to `NAME_CHARACTERS` with `…` for what is left out."""
    first, *more = name.strip().splitlines() or [""]
    if len(first) <= NAME_CHARACTERS and not more:
        return first
    return f"{first[: NAME_CHARACTERS - 1].rstrip()}…"


def stays(event: Event) -> bool:
    """Whether a line of output stays on the screen: what a plugin writes to its standard error is meant to."""
    return isinstance(event, events.StepOutput) and event.step == "sync-plugin" and event.stream == "stderr"


def render_phase(event: events.StepPhase) -> str:
    """Return what a plugin step is taking long with."""
    detail = harmless(event.detail)
    match event.phase:
        case "compiling":
            return f"compiling{f' ({detail})' if detail else ''}, once per machine"
        case "quiet":
            return f"no sign of life{f' for {detail}' if detail else ''}: it neither computes nor calls nor writes"
        case _:
            return "going on"


def _says(kind: type[Kind]) -> Callable[[Callable[[Kind, Style], str]], Callable[[Kind, Style], str]]:
    """Register the sentence of a kind of event."""

    def register(render: Callable[[Kind, Style], str]) -> Callable[[Kind, Style], str]:
        _SENTENCES[cast("type[Event]", kind)] = cast("Render", render)
        return render

    return register


def _about(canister: str, style: Style) -> str:
    return style.paint("bold", f"[{harmless(canister)}]")


def _step(step: StepKind, name: str | None, index: int, total: int, *, done: bool) -> str:
    words = STEP_WORDS[step][done]
    named = f" `{harmless(shorten_name(name))}`" if name else ""
    counted = f" ({index} of {total})" if total > 1 else ""
    return f"{words}{named}{counted}"


@_says(events.RunStarted)
def _(event: events.RunStarted, style: Style) -> str:
    what = f" of {', '.join(event.canisters)}" if event.canisters else ""
    return f"{style.paint('bold', event.verb.capitalize())}{what} on environment `{event.environment}` (network `{event.network}`)"


@_says(events.RunFinished)
def _(event: events.RunFinished, style: Style) -> str:
    words = {"done": "Finished", "changes": "Finished", "paused": "Paused", "unknown": "Ended with an unknown outcome"}
    colour = style.paint("green" if event.result in {"done", "changes"} else "red", words.get(event.result, event.result.capitalize()))
    return f"{colour} in {render_seconds(event.seconds)}"


@_says(events.NetworkStarting)
def _(event: events.NetworkStarting, _style: Style) -> str:
    return f"Starting the `{event.network}` network ({event.launcher})…"


@_says(events.NetworkStarted)
def _(event: events.NetworkStarted, style: Style) -> str:
    process = f" (process {event.pid})" if event.pid is not None else ""
    stop = f"To stop the network, run `{style.paint('green', event.stop_command)}`"
    return f"Network `{event.network}` started: {event.gateway_url or event.api_url}{process}\n{stop}"


@_says(events.NetworkAlreadyRunning)
def _(event: events.NetworkAlreadyRunning, _style: Style) -> str:
    return f"Network `{event.network}` is running: {event.gateway_url or event.api_url}"


@_says(events.BuildStarted)
def _(event: events.BuildStarted, style: Style) -> str:
    steps = f" in {event.total} steps" if event.total > 1 else ""
    return f"{_about(event.canister, style)} building{steps}"


@_says(events.BuildOutput)
def _(event: events.BuildOutput, style: Style) -> str:
    return f"{_about(event.canister, style)} | {harmless(event.line)}"


@_says(events.BuildFinished)
def _(event: events.BuildFinished, style: Style) -> str:
    facts = f"{render_size(event.size)}, sha256 {event.sha256[:_HASH_DIGITS]}…"
    return f"{_about(event.canister, style)} built in {render_seconds(event.seconds)}: {facts}"


@_says(events.BuildFailed)
def _(event: events.BuildFailed, style: Style) -> str:
    where = f" at step {event.index} of {event.total}" if event.total > 1 else ""
    return f"{_about(event.canister, style)} {style.paint('red', 'build failed')}{where}: {harmless_block(event.summary)}"


@_says(events.PlanReady)
def _(event: events.PlanReady, style: Style) -> str:
    return render_changes(event.environment, event.digest, event.changes, recipes=event.recipes, style=style)


@_says(events.NothingChanged)
def _(event: events.NothingChanged, style: Style) -> str:
    nothing = style.paint("green", "Nothing to change")
    return f"{nothing}: environment `{event.environment}` is as the project says"


@_says(events.StepStarted)
def _(event: events.StepStarted, style: Style) -> str:
    return f"{_about(event.canister, style)} {_step(event.step, event.name, event.index, event.total, done=False)}"


@_says(events.StepOutput)
def _(event: events.StepOutput, style: Style) -> str:
    if stays(event):  # the plugin's own words, which may look like ours: they never get our bold
        return f"[{harmless(event.canister)}] {harmless(event.line)}"
    source = f"{harmless(shorten_name(event.name))} | " if event.name else "| "
    return f"{_about(event.canister, style)} {source}{harmless(event.line)}"


@_says(events.StepPhase)
def _(event: events.StepPhase, style: Style) -> str:
    step = _step(event.step, event.name, event.index, event.total, done=False)
    return f"{_about(event.canister, style)} {step}: {render_phase(event)}"


@_says(events.StepFinished)
def _(event: events.StepFinished, style: Style) -> str:
    done = _step(event.step, event.name, event.index, event.total, done=True)
    return f"{_about(event.canister, style)} {style.paint('green', done)} in {render_seconds(event.seconds)}"


@_says(events.StepSkipped)
def _(event: events.StepSkipped, style: Style) -> str:
    step = _step(event.step, event.name, event.index, event.total, done=False)
    return f"{_about(event.canister, style)} skipped {step}: {harmless(event.reason)}"


@_says(events.StepFailed)
def _(event: events.StepFailed, style: Style) -> str:
    step = _step(event.step, event.name, event.index, event.total, done=False)
    return f"{_about(event.canister, style)} {style.paint('red', 'failed')} {step}: {harmless_block(event.summary)}"


@_says(events.CanisterCreated)
def _(event: events.CanisterCreated, _style: Style) -> str:
    return f"Created canister {harmless(event.canister)} with ID {event.id}"


@_says(events.CanisterUrl)
def _(event: events.CanisterUrl, _style: Style) -> str:
    if event.url is not None:
        remark = "" if event.certified else " (uncertified)"
        return f"  {harmless(event.canister)}: {event.url}{remark}"
    reason = "No gateway URL available" if event.kind == "frontend" else "Candid UI not available"
    return f"  {harmless(event.canister)}: {event.id} ({reason})"


@_says(events.Warned)
def _(event: events.Warned, style: Style) -> str:
    label = style.paint("yellow", "warning") + style.paint("dim", f"[{event.slug}]")
    about = f" canister `{harmless(event.canister)}`:" if event.canister else ""
    hint = f"\n{style.paint('cyan', 'hint')}: {harmless_block(event.hint)}" if event.hint else ""
    lines = render_excerpt(event.place, base=event.place.path.parent, style=style) if event.place else ()
    place = "".join(f"\n{line}" for line in lines)
    return f"{label}:{about} {harmless_block(event.summary)}{place}{hint}"


@_says(events.Retrying)
def _(event: events.Retrying, style: Style) -> str:
    about = f"{_about(event.canister, style)} " if event.canister else ""
    return f"{about}trying again ({event.attempt}): {harmless(event.what)}: {harmless_block(event.reason)}"


@_says(events.Waiting)
def _(event: events.Waiting, style: Style) -> str:
    about = f"{_about(event.canister, style)} " if event.canister else ""
    return f"{about}still waiting for {harmless(event.what)} ({render_seconds(event.seconds)})"


@_says(events.OperationSettled)
def _(event: events.OperationSettled, style: Style) -> str:
    step, evidence = STEP_WORDS[event.step][0], harmless(event.evidence)
    step = f"{step} `{harmless(shorten_name(event.name))}`" if event.name else step
    known = {True: f"it took effect ({evidence})", False: f"it did not take effect ({evidence})", None: evidence}
    return f"{_about(event.canister, style)} an interrupted run was {step}: {known[event.took_effect]}"
