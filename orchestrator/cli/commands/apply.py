"""`orchestrator apply`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import (
    confirm_option,
    locked_option,
    offline_option,
    plugin_options,
    proxy_option,
    shared_options,
    strict_option,
)
from orchestrator.cli.state import State
from orchestrator.cli.verbs import run_verb
from orchestrator.errors import DeployError, UsageError

if TYPE_CHECKING:
    from orchestrator.core.plan import Plan

__all__ = ["apply"]

_HINT = "save a plan with `orchestrator plan --json > plan.json`"


@click.command(short_help="Apply a saved plan.")
@click.argument("file", type=click.Path(path_type=Path))
@proxy_option
@plugin_options
@confirm_option
@offline_option
@locked_option
@strict_option
@shared_options
@click.pass_obj
def apply(state: State, *, file: Path) -> None:
    """Apply the plan in FILE verbatim, as `orchestrator plan --json` printed it; nobody is asked.

    If the project or the network has changed since, the plan is refused and nothing is sent. The environment is the plan's.
    """
    from orchestrator import engine

    approved = _load(state, file)
    if state.environment_is_typed and state.environment != approved.environment:
        raise UsageError(f"the plan is for environment `{approved.environment}`, not `{state.environment}`", hint="leave out `--env`")
    state.options["environment"] = approved.environment
    run_verb(state, "apply", lambda session: engine.apply(session, approved))


def _load(state: State, file: Path) -> "Plan":
    from orchestrator.core.plan import plan_from_json

    try:
        return plan_from_json(json.loads((state.terminal.directory / file).read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read", detail=error.strerror or str(error), hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise _no_plan(file, str(error)) from error
    except DeployError as error:
        raise _no_plan(file, error.detail) from error


def _no_plan(file: Path, detail: str | None) -> DeployError:
    return DeployError(f"`{file}` is not a plan", slug="deploy/plan-file", detail=detail, hint=_HINT)
