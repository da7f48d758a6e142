"""Shared options: where they may stand, and which one wins."""

import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.cli.terminal import Terminal


@click.group
@shared_options
def group() -> None:
    """Stand for the root."""


@group.command
@shared_options
def command() -> None:
    """Stand for a command."""


def parse(*arguments: str, environ: Mapping[str, str]) -> State:
    """Parse a command line and return what it said."""
    terminal = Terminal(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ=environ, directory=Path("/here"))
    state = State(terminal=terminal, stack=ExitStack())
    group.main(args=list(arguments), standalone_mode=False, obj=state)
    return state


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        (["command"], {}, "local"),
        (["command", "-e", "a"], {}, "a"),
        (["-e", "a", "command"], {}, "a"),
        (["--env", "a", "command", "--environment", "b"], {}, "b"),
        (["command"], {"ICP_ENVIRONMENT": "c"}, "c"),
        (["command"], {"ICP_ENVIRONMENT": "c", "ORCHESTRATOR_ENV": "d"}, "d"),
        (["-e", "a", "command"], {"ORCHESTRATOR_ENV": "d"}, "a"),
        (["command", "-e", "a"], {"ORCHESTRATOR_ENV": "d"}, "a"),
    ],
)
def test_nearest_word_wins(arguments: list[str], environ: dict[str, str], expected: str) -> None:
    """The environment is the command line's (the later place wins), else our variable's, else icp's, else `local`."""
    assert parse(*arguments, environ=environ).environment == expected


def test_everything_can_stand_before_the_command() -> None:
    """Options before the command are those after it."""
    options = ["--project", "p", "--identity", "i", "--jobs", "3", "-y", "--json", "-v"]

    before = parse(*options, "command", environ={})
    after = parse("command", *options, environ={})

    for state in (before, after):
        assert state.project == Path("/here/p")
        assert (state.identity, state.jobs) == ("i", 3)
        assert (state.environment_is_typed, state.yes, state.as_json, state.verbose) == (False, True, True, True)


def test_defaults() -> None:
    """Without options everything is as documented."""
    state = parse("command", environ={})

    assert state.project is None
    assert (state.identity, state.jobs, state.proxy) == (None, None, None)
    assert (state.environment_is_typed, state.yes, state.as_json, state.verbose) == (False, False, False, False)


def test_typed_options_are_told_from_variables() -> None:
    """Only what stood on the command line counts as typed; empty variables count for nothing."""
    variable = parse("command", environ={"ICP_ENVIRONMENT": "c", "ICP_PROJECT_ROOT": "q", "ORCHESTRATOR_ENV": ""})
    typed = parse("command", "-e", "a", "--project", "p", environ={"ICP_ENVIRONMENT": "c", "ICP_PROJECT_ROOT": "q"})

    assert (variable.environment, variable.environment_is_typed, variable.project) == ("c", False, Path("/here/q"))
    assert (typed.environment, typed.environment_is_typed, typed.project) == ("a", True, Path("/here/p"))
