"""Workspaces of files, and what icp-cli 1.5.0 makes of them: `tests/cases/workspaces.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["CASES", "write_files"]

_FILE = Path(__file__).parents[1] / "cases" / "workspaces.json"
CASES: Mapping[str, Mapping[str, Any]] = {case["name"]: case for case in json.loads(_FILE.read_text(encoding="utf-8"))}
"""By name: `files` (a content that starts with `-> ` is a link's), the `directory` to be in, what `icp` shows (`None`: an error).

`differs` says why this project deliberately does otherwise.
"""


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files of a case."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content, encoding="utf-8")
