"""`orchestrator plugin run`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import KeyValue, Seconds, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.trial_options import OrderedCommand, check_writable, parse_answers, parse_limits
from orchestrator.cli.verbs import wait
from orchestrator.errors import SandboxError, UsageError

if TYPE_CHECKING:
    from orchestrator.engine.authoring.trace import Watcher
    from orchestrator.engine.authoring.trial import PluginTrial
    from orchestrator.errors import Diagnostic
    from orchestrator.sandbox.reports import TrialReport

__all__ = ["run", "tell_compilation"]

_PATH = click.Path(path_type=Path)
_TYPED = ("canister_id", "identity_principal", "proxy", "dirs", "files", "options", "fields", "canisters")
SLOW_TO_COMPILE_BYTES = 1 << 20
"""Compiling a component of more bytes takes so long that it is told."""
_FLAGS = {"compute": "--compute-limit SECONDS", "timeout": "--timeout DURATION", "memory": "--memory SIZE"}


@click.command(cls=OrderedCommand, short_help="Run a plugin against a canister that is not there.")
@click.argument("component", metavar="X.wasm", type=_PATH)
@click.option("--dir", "dirs", metavar="DIR", multiple=True, help="A directory that the plugin may read, by the name given here.")
@click.option("--file", "files", metavar="FILE", multiple=True, help="A text file that the plugin is given.")
@click.option("--canister-id", metavar="PRINCIPAL", help="The canister that is synced, as the plugin sees it.")
@click.option("--identity-principal", metavar="PRINCIPAL", help="The user, as the plugin sees it [default: anonymous].")
@click.option("--proxy", metavar="PRINCIPAL", help="The proxy canister, as the plugin sees it.")
@click.option("--reply", metavar="METHOD=HEX", multiple=True, help="A reply of a method, in hex or as `(…)` in Candid text.")
@click.option("--fail", metavar="METHOD=TEXT", multiple=True, help="Let a call of a method fail with this text.")
@click.option("--candid", metavar="FILE", type=_PATH, help="The canister's .did file: names and types for arguments and replies.")
@click.option("--timeout", metavar="DURATION", help="End the run after this time, calls included: 10m.")
@click.option("--compute-limit", metavar="SECONDS", type=Seconds(), help="End the run after this much computing [default: 60].")
@click.option("--memory", metavar="SIZE", help="End the run when it wants more memory [default: 1gib].")
@click.option("--option", "options", metavar="KEY=VALUE", type=KeyValue(), multiple=True, help="An option that the plugin may ask for.")
@click.option("--field", "fields", metavar="KEY=VALUE", type=KeyValue(), multiple=True, help="A field of the step, for plugins of 0.2.")
@click.option(
    "--canister", "canisters", metavar="NAME=PRINCIPAL", type=KeyValue(), multiple=True, help="A canister that a plugin of 0.2 may call."
)
@click.option("--record", metavar="FILE", type=_PATH, help="Write what was given, asked and answered to a file.")
@click.option("--replay", metavar="FILE", type=_PATH, help="Answer from a recording, and fail where the plugin asks for something else.")
@shared_options
@click.pass_context
def run(context: click.Context, /, *, component: Path, record: Path | None, replay: Path | None, **given: Any) -> None:
    """Run X.wasm in its sandbox, without a network: a canister that is not there answers its calls.

    Each method answers its `--reply` and `--fail` options in their order, and the last one stays; other methods reply
    with no values. Paths are relative to the working directory and follow the rules of a step's `dirs` and `files`.
    The exit status is 0 when the plugin returned ok, else 1.
    """
    from orchestrator.cli.logs import keep_log
    from orchestrator.engine.authoring.recording import make_recording
    from orchestrator.engine.authoring.recording_file import write_recording
    from orchestrator.engine.authoring.running import read_component, run_plugin_alone

    state = context.find_object(State)
    assert state is not None  # noqa: S101  # every command line has one
    directory = state.terminal.directory
    if replay is not None:
        _refuse_beside_replay(record=record, answers=bool(given["reply"] or given["fail"]))
    data = read_component(directory, component)
    if state.verbose:
        state.stack.enter_context(keep_log(None, verbose=state.terminal.stderr))
    trial = _make_trial(context, state, data, replay, given)
    if record is not None:
        check_writable(directory / record, record)
    report = wait(lambda: run_plugin_alone(trial, _watch(state, len(data))))
    _show(state, report)
    if record is not None:
        write_recording(directory / record, make_recording(trial, report))
    failure = report.failure()
    if failure is not None:
        raise _with_flags(failure, report)


def _make_trial(context: click.Context, state: State, component: bytes, replay: Path | None, given: Mapping[str, Any]) -> "PluginTrial":
    """Return what is to be run; what the command line does not say is as recorded, where there is a recording."""
    from orchestrator.engine.authoring.recording import replay_of
    from orchestrator.engine.authoring.recording_file import read_recording
    from orchestrator.engine.authoring.trial import PluginTrial
    from orchestrator.store.user import UserDirectories

    terminal = state.terminal
    trial = PluginTrial(
        component=component,
        directory=terminal.directory,
        candid=given["candid"],
        environment=state.environment,
        limits=parse_limits(timeout=given["timeout"], compute=given["compute_limit"], memory=given["memory"], environ=terminal.environ),
        replies=parse_answers(context, given["reply"], given["fail"]),
        cache_directory=UserDirectories.from_environment(terminal.environ).components,
    )
    if replay is not None:
        trial = replay_of(trial, read_recording(terminal.directory, replay))
    typed = {name: given[name] for name in _TYPED if given[name]}
    if state.environment_is_typed:
        typed["environment"] = state.environment
    return replace(trial, **typed)


def _refuse_beside_replay(*, record: Path | None, answers: bool) -> None:
    if record is not None or answers:
        other = "`--record`" if record is not None else "`--reply` and `--fail`"
        raise UsageError(
            f"{other} cannot stand beside `--replay`",
            slug="usage/replay",
            hint="all answers of a replay come from its recording; leave one of them out",
        )


def _with_flags(failure: SandboxError, report: "TrialReport") -> SandboxError:
    """Name the option that raises the limit which was reached; elsewhere a key of the step does."""
    flag = _FLAGS.get(report.limit or "")
    if flag is None:
        return failure
    return type(failure)(failure.summary, slug=failure.slug, detail=failure.detail, hint=f"{failure.hint}\nhere, give `{flag}`")


def tell_compilation(state: State, size: int) -> Callable[[str, str], None]:
    """Return what says, on standard error, that a large component is being compiled."""

    def enter(phase: str, detail: str) -> None:
        if phase == "compiling" and size > SLOW_TO_COMPILE_BYTES:
            state.terminal.stderr.write(f"Compiling the plugin ({detail}); the next run will find it compiled\n")
            state.terminal.stderr.flush()

    return enter


def _watch(state: State, size: int) -> "Watcher":
    """Show people what the plugin does while it does it; programs get it all at the end."""
    from orchestrator.engine.authoring.trace import Watcher
    from orchestrator.ui.errors import render_diagnostic
    from orchestrator.ui.style import choose_style
    from orchestrator.ui.trials import render_call, render_output, render_section

    def tell(text: str) -> None:
        state.terminal.stderr.write(f"{text}\n")
        state.terminal.stderr.flush()

    enter = tell_compilation(state, size)

    def warn(warning: "Diagnostic") -> None:
        tell(f"{render_diagnostic(warning, base=state.terminal.directory, style=state.style())}\n")

    if state.as_json:
        return Watcher(on_phase=enter, on_warning=warn)
    stdout = state.terminal.stdout
    style = choose_style(stdout, state.terminal.environ)

    def show(text: str) -> None:
        stdout.write(f"{text}\n")
        stdout.flush()

    return Watcher(
        on_line=lambda line: show(render_output(line, style=style)),
        on_call=lambda number, call: show(render_call(number, call, style=style)),
        on_section=lambda section: show(render_section(section, style=style)),
        on_phase=enter,
        on_warning=warn,
    )


def _show(state: State, report: "TrialReport") -> None:
    from orchestrator.ui.style import choose_style, harmless
    from orchestrator.ui.trials import render_ending, trial_json_parts

    terminal = state.terminal
    style = choose_style(terminal.stdout, terminal.environ)
    for part in trial_json_parts(report) if state.as_json else (render_ending(report, style=style),):
        terminal.stdout.write(part)
    terminal.stdout.write("\n")
    terminal.stdout.flush()
    if report.unasked and not state.as_json:
        names = harmless(", ".join(f"`{name}`" for name in report.unasked))
        terminal.stderr.write(f"Never called, so that their answers were not used: {names}\n")
