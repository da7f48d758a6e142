"""The example, deployed by the real command: first, again, and with one file changed."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measuring import MEGABYTE, ProcessFigures, Row, measure_process, milliseconds
from tests.support.workspace import Workspace, workspace

REPEATS = 5


def rows(folder: Path) -> Iterator[Row]:
    """Measure `deploy` from nothing, `deploy` again, and `sync` after an edit."""
    with workspace(folder, example="hello") as project:
        first = _run(project, "deploy", "--json")
        sent = sum(json.loads(line)["event"] == "step-finished" for line in first.stdout.splitlines())
        yield _row(f"deploy, first: starts the network, {sent} steps", first)
        yield _row("deploy, nothing to change (best of 5)", min((_run(project, "deploy") for _ in range(REPEATS)), key=_seconds))
        project.write("seed/en.txt", "Good morning, {name}!\n")
        yield _row("sync, one of four files edited, component cached", _run(project, "sync"))
        yield _row("deploy --force", _run(project, "deploy", "--force"))


def _seconds(figures: ProcessFigures) -> float:
    return figures.seconds


def _run(project: Workspace, *arguments: str) -> ProcessFigures:
    return measure_process(project.command(*arguments), directory=project.directory, variables=project.variables)


def _row(what: str, figures: ProcessFigures) -> Row:
    return Row(what=what, value=milliseconds(figures.seconds), peer=f"peak memory {figures.peak_bytes / MEGABYTE:.0f} MB with children")
