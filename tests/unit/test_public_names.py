"""The package's one door."""

import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(orchestrator.__file__).parents[1]
LOADED = "import sys, orchestrator; sys.stdout.write(' '.join(sorted(name for name in sys.modules if name.startswith('orchestrator'))))"
VERSION = """
import io, runpy, sys
sys.argv = ["orchestrator", "--version"]
try:
    runpy.run_module("orchestrator.cli", run_name="__main__")
except SystemExit:
    pass
heavy = {"anyio", "httpx", "rich", "structlog", "pydantic", "wasmtime", "yaml", "cryptography", "filelock", "uvicorn"}
sys.stdout.write(",".join(sorted(heavy & set(sys.modules))))
"""


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it wrote."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_names_are_sorted_and_complete() -> None:
    """`__all__` is sorted without doubles, and `dir` shows just that."""
    assert sorted(set(orchestrator.__all__)) == orchestrator.__all__
    assert set(dir(orchestrator)) == {*orchestrator.__all__, "__version__"}


@pytest.mark.parametrize("name", orchestrator.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    """Each public name can be had, and says what it is."""
    assert getattr(orchestrator, name).__doc__


def test_other_names_are_not_there() -> None:
    """A name that does not exist is an ordinary `AttributeError`."""
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        orchestrator.__getattr__("nonsense")


def test_importing_the_package_imports_nothing_else() -> None:
    """Importing the package loads none of its modules."""
    assert run(LOADED) == "orchestrator"


def test_version_loads_no_heavy_package() -> None:
    """`orchestrator --version` imports none of the packages that take long."""
    output = run(VERSION)

    assert output == f"orchestrator {orchestrator.__version__}\n"
