"""Options that every command has, accepted before the command and after it; what stands later wins."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.cli.state import DEFAULT_ENVIRONMENT, ENVIRONMENT_VARIABLES, State

__all__ = [
    "KeyValue",
    "Seconds",
    "confirm_option",
    "label_option",
    "locked_option",
    "offline_option",
    "plan_options",
    "plugin_options",
    "proxy_option",
    "shared_options",
    "shared_options_of_environments",
    "strict_option",
]

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


def shared_options_of_environments(command: Command) -> Command:
    """Add the options that every command has to one that is about several environments: it is given them as `environments`."""
    names = ("-e", "--env", "--environment", "environments")
    several = click.option(*names, metavar="NAME", multiple=True, help="An environment to look at; may be repeated [default: all].")
    for option in reversed(_OPTIONS[1:]):
        command = option(command)
    return several(command)


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


class KeyValue(click.ParamType):  # type: ignore[type-arg]  # older versions of click have no argument there
    """A pair as it is typed: `KEY=VALUE`; the value may be empty and have further `=`."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split a text; a usage error when there is no key."""
        key, found, text = str(value).partition("=")
        if not key or not found:
            self.fail(f"'{value}' is not of the form KEY=VALUE", param, ctx)
        return key, text


class Seconds(click.ParamType):  # type: ignore[type-arg]  # the same
    """A number of seconds above zero, such as `30` or `0.5`."""

    name = "SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number; a usage error for any other text."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not (math.isfinite(seconds) and seconds > 0):
            self.fail(f"'{value}' is not a number of seconds above zero", param, ctx)
        return seconds


def plugin_options(command: Command) -> Command:
    """Add what sync plugins are given: `--option` and `--compute-limit`."""
    given = _option(
        "--option",
        "plugin_options",
        metavar="KEY=VALUE",
        type=KeyValue(),
        multiple=True,
        help="Pass this on to the sync plugins that ask for options; may be repeated.",
    )
    limit = _option(
        "--compute-limit",
        "compute_seconds",
        metavar="SECONDS",
        type=Seconds(),
        help="How long each sync plugin may compute; its calls do not count [default: the step's `compute`, else 60].",
    )
    return given(limit(command))


def label_option(command: Command) -> Command:
    """Add `--label` to a command that takes names of canisters; it is given the pairs as `labels`."""
    return click.option(
        "--label",
        "labels",
        metavar="KEY=VALUE",
        type=KeyValue(),
        multiple=True,
        help="Only canisters that have this label; may be repeated, then all of them. With names, those among them.",
    )(command)


def offline_option(command: Command) -> Command:
    """Add `--offline` to a command that may download something."""
    return _option("--offline", "offline", is_flag=True, default=None, help="Download nothing: what is kept of earlier downloads must do.")(
        command
    )


def locked_option(command: Command) -> Command:
    """Add `--locked` to a command that may pin something."""
    return _option(
        "--locked", "locked", is_flag=True, default=None, help="Use only what orchestrator.lock or a `sha256` pins; change no pin."
    )(command)


def strict_option(command: Command) -> Command:
    """Add `--strict` to a command that may warn."""
    return _option("--strict", "strict", is_flag=True, default=None, help="Treat warnings about the project and its plugins as errors.")(
        command
    )


def plan_options(command: Command) -> Command:
    """Add what decides about a plan: `mode` and `force`, which the command is given."""
    modes = click.Choice(["auto", "install", "reinstall", "upgrade"])
    force = click.option("--force", is_flag=True, help="Upgrade unchanged modules too, and run every sync step.")
    return click.option("-m", "--mode", type=modes, default="auto", help="How to install modules.")(force(command))


_OPTIONS = (  # the environment is the first
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
    _option(
        "--jobs",
        "jobs",
        metavar="N",
        type=click.IntRange(min=1),
        help="How many things to do at once [default: 8, and a plugin for each core].",
    ),
    _option("-y", "--yes", "yes", is_flag=True, default=None, help="Answer yes to every question."),
    _option("--json", "as_json", is_flag=True, default=None, help="Print JSON objects, one per line, and nothing else on stdout."),
    _option("-v", "--verbose", "verbose", is_flag=True, default=None, help="Show the log on stderr."),
)
