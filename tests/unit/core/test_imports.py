"""Imports without optional extras."""

import subprocess
import sys

import pytest

from orchestrator.core.imports import hidden_modules

_OPEN = """
import asyncio, sys
from orchestrator.agent.transport import HttpTransport

async def main():
    async with HttpTransport("http://127.0.0.1:1"):
        pass

asyncio.run(main())
"""
_LOG = """
import sys
from pathlib import Path
from orchestrator.cli.logs import keep_log

with keep_log(Path(sys.argv[1]) / "run.log", verbose=None):
    pass
"""


def test_a_hidden_module_is_not_installed() -> None:
    """In the block the import fails as for a module that does not exist; afterwards it works."""
    assert "this" not in sys.modules

    with hidden_modules("this", "sys"):
        with pytest.raises(ImportError):
            __import__("this")
        assert __import__("sys") is sys

    assert "this" not in sys.modules
    assert sys.modules["sys"] is sys


@pytest.mark.parametrize("program", [_OPEN, _LOG], ids=["transport", "log"])
def test_no_terminal_library_is_imported_on_the_way(tmp_path_factory: pytest.TempPathFactory, program: str) -> None:
    """Talking to a network and keeping a log cost neither rich nor pygments, which take longer than a call."""
    check = "\nprint(*sorted({'pygments', 'rich', 'httpx._main'} & set(sys.modules)))"
    folder = str(tmp_path_factory.mktemp("logs"))

    done = subprocess.run([sys.executable, "-c", program + check, folder], check=True, capture_output=True, text=True)

    assert done.stdout == "\n"
