"""Running a verb of the engine: project, log, display, and a way to ask."""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TextIO, TypeVar, cast

from orchestrator.cli.endings import describe_ending
from orchestrator.cli.outlets import PatientStream
from orchestrator.cli.questions import confirm, make_name_source, make_password_source
from orchestrator.cli.state import State
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.core.plan import Plan
    from orchestrator.core.project import Project
    from orchestrator.engine.session import Session
    from orchestrator.errors import Diagnostic
    from orchestrator.events import Emit, Event
    from orchestrator.ui.display import Display

__all__ = [
    "Consent",
    "find_directory",
    "look",
    "look_into",
    "make_consent",
    "open_project",
    "run_verb",
    "show_warnings",
    "start_log",
    "wait",
]

Result = TypeVar("Result")
Consent = Callable[["Plan"], Awaitable[bool]]
_TERSE = frozenset({"canister start", "canister stop"})
"""Verbs for which it does not matter what a manifest says about making canisters."""


def open_project(state: State, *, strict: bool = False, environment: str | None = None, whole: bool = False) -> "Project":
    """Find and load the project that the command line means, and show what loading found odd.

    All of it with `whole`; what is about that environment or about all where one is given; else that there is something.
    """
    from orchestrator import manifest

    named, strict = _named_project(state), strict or state.strict
    if named is not None:
        project = manifest.load_project(named, strict=strict)
    else:
        project = manifest.load_nearest(state.terminal.directory, strict=strict)
    if whole:
        show_warnings(state, project.warnings)
    elif environment is not None:
        show_warnings(state, project.warnings_for(environment))
    else:
        _mention_warnings(state, project.warnings)
    return project


def find_directory(state: State) -> Path:
    """Return the folder of the project that the command line means, and show why it is not the nearest one.

    Raises `UsageError` or `ManifestError` where there is none.
    """
    from orchestrator import manifest

    named = _named_project(state)
    if named is not None:
        return named
    found = manifest.find_root(state.terminal.directory)
    show_warnings(state, found.warnings)
    return found.directory


def show_warnings(state: State, warnings: "Iterable[Diagnostic]") -> None:
    """Show what was found odd."""
    for warning in warnings:
        from orchestrator.ui.errors import render_diagnostic  # most projects have nothing odd, and pay nothing for it

        text = render_diagnostic(warning, base=state.terminal.directory, style=state.style())
        state.terminal.stderr.write(f"{text}\n\n")


def _mention_warnings(state: State, warnings: "Sequence[Diagnostic]") -> None:
    """Say in a line what was found odd, or how much, where the command is about something else."""
    from orchestrator.ui.errors import mention_warnings

    if warnings:
        state.terminal.stderr.write(f"{mention_warnings(warnings, style=state.style())}\n")


def _named_project(state: State) -> Path | None:
    """Return the folder that was named as the project's, if one was; raises `UsageError` where that holds no project."""
    from orchestrator.manifest import MANIFEST_FILE

    directory = state.project
    if directory is None or (directory / MANIFEST_FILE).is_file():
        return directory
    missing = f"it holds no {MANIFEST_FILE}" if directory.is_dir() else "there is no such directory"
    raise UsageError(
        f"`{directory}` is not a project",
        slug="usage/no-project",
        detail=missing,
        hint=f"name a directory that holds {MANIFEST_FILE} with `--project DIR`",
    )


def run_verb(state: State, verb: str, action: Callable[["Session"], Awaitable[Result]], *, events_are_data: bool = True) -> Result:
    """Run `action` with a session of the project, showing its events; `--json` makes them the command's data.

    With `events_are_data` false the command prints its own data, and events are talk.
    """
    display = _choose_display(state, events_are_data=events_are_data)
    state.display = display
    try:
        project = open_project(state, environment=None if verb in _TERSE else state.environment)
        start_log(state, project.directory, verb)
        result = wait(lambda: action(_open_session(state, project, verb, _watched(state, display), environment=state.environment)))
    except BaseException as error:  # the display ends with every run, and says how; the edge says it to people
        display.close(describe_ending(error))
        raise
    display.close()
    return result


def look(state: State, verb: str, action: Callable[["Session"], Awaitable[Result]]) -> Result:
    """Run an action that prints its own answer; of its events only warnings and waiting are shown. Keeps no log."""
    return look_into(state, open_project(state), verb, action, environment=state.environment)


def look_into(state: State, project: "Project", verb: str, action: Callable[["Session"], Awaitable[Result]], *, environment: str) -> Result:
    """Do what `look` does with a project that is loaded already, for an environment that the command chooses."""
    from orchestrator import events
    from orchestrator.ui.display import PlainLines

    display = PlainLines(state.terminal.stdout, state.terminal.stderr, style=state.style())

    def emit(event: "Event") -> None:
        if isinstance(event, (events.Warned, events.Retrying, events.Waiting)):
            display.emit(event)

    return wait(lambda: action(_open_session(state, project, verb, emit, environment=environment)))


def wait(function: Callable[[], Awaitable[Result]]) -> Result:
    """Run an async function to its end.

    Its result goes round asyncio, which at the end of a run spells out what its task returned, all of a large project.
    """
    import anyio

    found: list[Result] = []

    async def run() -> None:
        found.append(await function())

    anyio.run(run)
    return found[0]


def start_log(state: State, directory: Path, verb: str) -> None:
    """Keep a log of this run in the project; its path is shown if the run fails. Where it cannot be kept, that is said."""
    from orchestrator.cli.logs import keep_log, name_log
    from orchestrator.errors import Diagnostic, StoreError
    from orchestrator.store.layout import Layout

    path = name_log(Layout(directory).logs, verb)
    verbose = _patient(state, state.terminal.stderr, "stderr") if state.verbose else None
    try:
        state.stack.enter_context(keep_log(path, verbose=verbose))
        state.log = path
    except StoreError as error:
        from orchestrator.ui.errors import render_diagnostic

        warning = Diagnostic(slug=error.slug, summary=f"no log is kept: {error.summary}", severity="warning", detail=error.detail)
        state.terminal.stderr.write(f"{render_diagnostic(warning, base=state.terminal.directory, style=state.style())}\n\n")
        state.stack.enter_context(keep_log(None, verbose=verbose))


def make_consent(state: State) -> Consent | None:
    """Return a function that asks for a plan's sake: `--yes` says yes, without a terminal nobody can be asked."""
    if state.yes:
        return _agree
    if not state.terminal.interactive or state.as_json:
        return None

    async def ask(plan: "Plan") -> bool:
        if state.display is not None:
            state.display.pause()
        return confirm(state.terminal, _question(plan))

    return ask


def _question(plan: "Plan") -> str:
    """Name what somebody agrees to."""
    changed = ", ".join(dict.fromkeys(change.canister for change in plan.destructive))
    reaching = ", ".join(f"the recipe {use.recipe} of {use.canister}" for use in plan.reaching)
    parts = [f"its destructive changes to {changed}"] if changed else []
    parts += [f"the proxies and canisters that are named by {reaching}"] if reaching else []
    return f"Apply the plan, with {' and '.join(parts)}?"


async def _agree(_plan: "Plan") -> bool:
    return True


def _open_session(state: State, project: "Project", verb: str, emit: "Emit", *, environment: str) -> "Session":
    from orchestrator.engine.session import open_session

    return open_session(
        project,
        environment,
        verb=verb,
        emit=emit,
        jobs=state.jobs,
        environ=state.terminal.environ,
        identity=state.identity,
        password=make_password_source(state),
        proxy=state.proxy,
        compute_seconds=state.compute_seconds,
        plugin_options=state.plugin_options,
        confirmed=state.confirmed,
        ask_name=make_name_source(state),
        offline=state.offline,
        locked=state.locked,
        strict=state.strict,
    )


def _watched(state: State, display: "Display") -> "Emit":
    """Return what takes the engine's events: the display, the board of what is in flight, and the log."""
    import structlog

    from orchestrator.cli.logs import EVENTS_LOGGER
    from orchestrator.events import event_to_json
    from orchestrator.ui.board import Board

    board = state.board = Board()
    log = structlog.get_logger(EVENTS_LOGGER)

    def emit(event: "Event") -> None:
        board.apply(event, monotonic())
        facts = event_to_json(event)
        log.info(facts.pop("event"), **{key: _flat(value) for key, value in facts.items() if value is not None})
        display.emit(event)

    return emit


def _flat(value: object) -> object:
    """Return a value as a field of a log's line: lists and objects as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, tuple, dict)) else value


def _choose_display(state: State, *, events_are_data: bool) -> "Display":
    from orchestrator.ui.display import JsonLines, PlainLines

    terminal, style = state.terminal, state.style()
    stdout, stderr = _patient(state, terminal.stdout, "stdout"), _patient(state, terminal.stderr, "stderr")
    if state.as_json and events_are_data:
        return JsonLines(stdout)
    drawn = terminal.stderr.isatty() and terminal.environ.get("TERM") != "dumb" and not state.verbose
    if drawn:
        from orchestrator.ui.live import LiveTable

        return LiveTable(stdout, stderr, style=style, show_plan=events_are_data)
    return PlainLines(stdout, stderr, style=style, show_plan=events_are_data)


def _patient(state: State, stream: TextIO, name: str) -> TextIO:
    """Return a stream that outlives its reader; the log says when that left."""

    def note() -> None:
        if state.log is not None:
            import structlog

            from orchestrator.cli.logs import EVENTS_LOGGER

            structlog.get_logger(EVENTS_LOGGER).warning(
                "output-closed", stream=name, summary="its reader has left; the run goes on without it"
            )

    return cast("TextIO", PatientStream(stream, note))
