"""Programs for a PATH of their own: small scripts that run a Python file of this folder under another name."""

import shlex
import sys
from pathlib import Path

__all__ = ["write_program"]

_HERE = Path(__file__).parent
_EXECUTABLE = 0o755


def write_program(folder: Path, name: str, script: str, *words: str) -> Path:
    """Make `folder/name` a program that runs `tests/support/<script>` with `words` before its own arguments.

    It has the standard library and this repository, and starts the faster for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = " ".join(shlex.quote(word) for word in (sys.executable, "-S", str(_HERE / script), *words))
    path = folder / name
    search = shlex.quote(str(_HERE.parents[1]))
    path.write_text(f'#!/bin/sh\nexport PYTHONPATH={search}\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(_EXECUTABLE)
    return path
