"""Hints: every command that a message recommends exists."""

import re
from pathlib import Path

import click
import pytest

import orchestrator
from orchestrator.cli.main import root

PACKAGE = Path(orchestrator.__file__).parent
COMMAND = re.compile(r"`orchestrator ([a-z]+)(?: ([a-z][a-z-]+))?")
HINTED = sorted(
    {
        (path.relative_to(PACKAGE).as_posix(), match[1], match[2] or "")
        for path in PACKAGE.rglob("*.py")
        for match in COMMAND.finditer(path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("file", "word", "second"), HINTED)
def test_recommended_command_exists(file: str, word: str, second: str) -> None:
    """Whoever follows a hint finds the command."""
    context = click.Context(root)
    command = root.get_command(context, word)

    assert command is not None, file
    if isinstance(command, click.Group):
        assert command.get_command(context, second) is not None, file


def test_hints_were_found() -> None:
    """The search sees the hints that it is meant for."""
    assert ("network/manager.py", "network", "start") in HINTED
