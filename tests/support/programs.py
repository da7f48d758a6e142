"""Programs for a PATH of their own: small scripts that run a Python file of this folder under another name."""

import shlex
import sys
from pathlib import Path

__all__ = ["write_program"]

_HERE = Path(__file__).parent
_EXECUTABLE = 0o755


def write_program(folder: Path, name: str, script: str, *words: str) -> Path:
    """Make `folder/name` a program that runs `tests/support/<script>` with `words` before its own arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    command = " ".join(shlex.quote(word) for word in (sys.executable, str(_HERE / script), *words))
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(_EXECUTABLE)
    return path
