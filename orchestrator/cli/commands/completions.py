"""`orchestrator completions`."""

import click
from click.shell_completion import get_completion_class

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.errors import UsageError

__all__ = ["completions"]

_PROGRAM = "orchestrator"
_VARIABLE = "_ORCHESTRATOR_COMPLETE"


@click.command(short_help="Print a completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@shared_options
@click.pass_obj
def completions(state: State, *, shell: str) -> None:
    """Print the script that makes SHELL complete commands and options.

    For bash, put `eval "$(orchestrator completions bash)"` into ~/.bashrc; for zsh likewise into ~/.zshrc; for fish, write
    the script to ~/.config/fish/completions/orchestrator.fish.
    """
    completer = get_completion_class(shell)
    if completer is None:
        raise UsageError(f"there are no completions for `{shell}`")
    root = click.get_current_context().find_root().command
    # Asking the class for its template, not for its checks: the shell need not be on this machine.
    script = completer(root, {}, _PROGRAM, _VARIABLE)
    state.terminal.stdout.write(script.source_template % script.source_vars())
