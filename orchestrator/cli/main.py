"""The console command `orchestrator`."""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from orchestrator import __version__
from orchestrator.cli.edge import PIPE_CLOSED, run_to_exit_code
from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options
from orchestrator.cli.signals import end_like_interrupt
from orchestrator.cli.state import State
from orchestrator.cli.terminal import Terminal

__all__ = ["main", "root", "run"]

_COMMANDS = {
    "deploy": "orchestrator.cli.commands.deploy:deploy",
    "plan": "orchestrator.cli.commands.plan:plan",
    "apply": "orchestrator.cli.commands.apply:apply",
    "build": "orchestrator.cli.commands.build:build",
    "sync": "orchestrator.cli.commands.sync:sync",
    "canister": "orchestrator.cli.commands.canister:canister",
    "project": "orchestrator.cli.commands.project:project",
    "recipe": "orchestrator.cli.commands.recipe:recipe",
    "plugin": "orchestrator.cli.commands.plugin:plugin",
    "lock": "orchestrator.cli.commands.lock:lock",
    "identity": "orchestrator.cli.commands.identity:identity",
    "network": "orchestrator.cli.commands.network:network",
    "environment": "orchestrator.cli.commands.environment:environment",
    "completions": "orchestrator.cli.commands.completions:completions",
}
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Imports alone make more objects than the interpreter lets pass by default, and nearly all of them stay."""
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Root(LazyGroup):
    """The whole command line; click alone would make a failure of a reader that has left."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the options before the command; some of them write."""
        with _telling_closed_pipe():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _telling_closed_pipe():
            return super().invoke(ctx)


@contextmanager
def _telling_closed_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(PIPE_CLOSED) from None


@click.group("orchestrator", cls=_Root, commands_by_name=_COMMANDS, context_settings=_CONTEXT)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@shared_options
def root() -> None:
    """Build, deploy and sync Internet Computer projects, one environment at a time."""


def run(arguments: Sequence[str], terminal: Terminal) -> int:
    """Run one command line and return its exit status."""
    state = State(terminal=terminal.guarded(), stack=ExitStack())

    def command() -> object:
        value = root.main(args=list(arguments), prog_name="orchestrator", standalone_mode=False, obj=state)
        terminal.stdout.flush()
        return value

    return run_to_exit_code(state, command)


def main() -> None:
    """Run the process's command line and exit; being told to end is like Ctrl-C."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    end_like_interrupt()
    _open_streams()
    code = run(sys.argv[1:], Terminal.of_process())
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = PIPE_CLOSED
    gc.freeze()  # the interpreter would look through everything once more, only to end
    sys.exit(code)


def _open_streams() -> None:
    """Let a process that was started without one of its streams (`>&-`) write nowhere and read nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # as long as the process
