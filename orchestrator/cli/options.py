"""Options that every command has, accepted before the command and after it; what stands later wins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.cli.state import DEFAULT_ENVIRONMENT, ENVIRONMENT_VARIABLES, State

__all__ = ["confirm_option", "plan_options", "proxy_option", "shared_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Put an option that was typed into the state; without a default, any value was typed."""
    state = context.find_object(State)
    if state is not None and value is not None:
        state.options[str(parameter.name)] = value


def shared_options(command: Command) -> Command:
    """Add the options that every command has; their values are in the `State`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(*names, expose_value=False, callback=_keep, **attributes)


def proxy_option(command: Command) -> Command:
    """Add `--proxy` to a command whose update calls can go through a proxy canister."""
    return _option("--proxy", "proxy", metavar="PRINCIPAL|NAME", help="Send update calls through this proxy canister.")(command)


def confirm_option(command: Command) -> Command:
    """Add `--confirm` to a command that may change a protected environment."""
    return _option("--confirm", "confirmed", metavar="NAME", help="The environment's name, typed: needed to change a protected one.")(
        command
    )


def plan_options(command: Command) -> Command:
    """Add what decides about a plan: `mode` and `force`, which the command is given."""
    modes = click.Choice(["auto", "install", "reinstall", "upgrade"])
    force = click.option("--force", is_flag=True, help="Upgrade unchanged modules too, and run every sync step.")
    return click.option("-m", "--mode", type=modes, default="auto", help="How to install modules.")(force(command))


_OPTIONS = (
    _option(
        "-e",
        "--env",
        "--environment",
        "environment",
        metavar="NAME",
        help=f"The environment to work on [default: ${' or $'.join(ENVIRONMENT_VARIABLES)}, else {DEFAULT_ENVIRONMENT}].",
    ),
    _option(
        "--project",
        "project",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="The project's folder [default: the nearest one with an icp.yaml].",
    ),
    _option("--identity", "identity", metavar="NAME", help="The identity to act as."),
    _option(
        "--identity-password-file",
        "identity_password_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Read the identity's password from a file.",
    ),
    _option("--jobs", "jobs", metavar="N", type=click.IntRange(min=1), help="How many things to do at once."),
    _option("-y", "--yes", "yes", is_flag=True, default=None, help="Answer yes to every question."),
    _option("--json", "as_json", is_flag=True, default=None, help="Print JSON objects, one per line, and nothing else on stdout."),
    _option("-v", "--verbose", "verbose", is_flag=True, default=None, help="Show the log on stderr."),
)
