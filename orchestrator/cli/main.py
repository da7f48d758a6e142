"""The console command `orchestrator`."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack

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
    "plugin": "orchestrator.cli.commands.plugin:plugin",
    "lock": "orchestrator.cli.commands.lock:lock",
    "identity": "orchestrator.cli.commands.identity:identity",
    "network": "orchestrator.cli.commands.network:network",
    "completions": "orchestrator.cli.commands.completions:completions",
}
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Imports alone make more objects than the interpreter lets pass by default, and nearly all of them stay."""
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group("orchestrator", cls=LazyGroup, commands_by_name=_COMMANDS, context_settings=_CONTEXT)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@shared_options
def root() -> None:
    """Build, deploy and sync Internet Computer projects, one environment at a time."""


def run(arguments: Sequence[str], terminal: Terminal) -> int:
    """Run one command line and return its exit status."""
    state = State(terminal=terminal.guarded(), stack=ExitStack())

    def command() -> object:
        return root.main(args=list(arguments), prog_name="orchestrator", standalone_mode=False, obj=state)

    return run_to_exit_code(state, command)


def main() -> None:
    """Run the process's command line and exit; being told to end is like Ctrl-C."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    end_like_interrupt()
    code = run(sys.argv[1:], Terminal.of_process())
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = PIPE_CLOSED
    gc.freeze()  # the interpreter would look through everything once more, only to end
    sys.exit(code)
