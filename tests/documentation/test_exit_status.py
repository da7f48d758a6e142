"""The page of exit statuses has those that a command can end with."""

import re
from pathlib import Path

from orchestrator.cli.edge import PIPE_CLOSED
from orchestrator.errors import ExitCode

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-status.md"
NOT_YET = {ExitCode.PAUSED}
"""Statuses of commands that this version does not have."""


def test_every_status_is_on_the_page_and_no_other() -> None:
    """Scripts find each status that a command answers with, in order."""
    rows = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(row) for row in rows] == sorted({*map(int, ExitCode), PIPE_CLOSED} - {int(code) for code in NOT_YET})
