"""Options that every command has, accepted before the command and after it; what stands later wins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.cli.state import State

__all__ = ["DEFAULT_ENVIRONMENT", "ENVIRONMENT_VARIABLES", "proxy_option", "shared_options"]

DEFAULT_ENVIRONMENT = "local"
ENVIRONMENT_VARIABLES = ("ORCHESTRATOR_ENV", "ICP_ENVIRONMENT")
Command = TypeVar("Command", bound=Callable[..., Any])


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Put an option's value into the state: typed ones always, others only where none is yet."""
    state, name = context.find_object(State), str(parameter.name)
    if state is None or value is None:
        return
    typed = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    if typed or name not in state.options:
        state.options[name] = value
    if typed:
        state.typed.add(name)


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


_OPTIONS = (
    _option(
        "-e",
        "--env",
        "--environment",
        "environment",
        metavar="NAME",
        envvar=ENVIRONMENT_VARIABLES,
        help=f"The environment to work on [default: {DEFAULT_ENVIRONMENT}].",
    ),
    _option(
        "--project",
        "project",
        metavar="DIR",
        envvar=("ORCHESTRATOR_PROJECT", "ICP_PROJECT_ROOT"),
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
