"""A project in a folder of its own, with a home of its own, driven by the real command.

    with workspace(tmp_path, example="hello") as project:
        project.run("deploy", "--env", "local")

The managed network listens on a port that the system chose, and is stopped when the block ends.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Completed", "Workspace", "workspace"]

ROOT = Path(__file__).resolve().parents[2]
RUN_LIMIT_SECONDS = 90.0
_FREE_PORT = """
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
"""
# The README invites readers to edit the example's phrases: tests bring their own.
PHRASES = {
    "en.txt": "Hello, {name}!\n",
    "europe/fr.txt": "Bonjour, {name} !\n",
    "europe/gsw.txt": "Grüezi, {name}!\n",
    "ja.txt": "こんにちは、{name}さん！\n",
}
_KEPT_VARIABLES = ("LANG", "LC_ALL", "PATH", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a command printed and answered."""

    exit_code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        """Return everything, for a failed assertion's message."""
        return f"exit {self.exit_code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A project folder, and the variables that every command in it runs with."""

    directory: Path
    variables: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs `orchestrator` with these arguments."""
        return [sys.executable, "-m", "orchestrator.cli", *arguments]

    def run(self, *arguments: str) -> Completed:
        """Run `orchestrator` to its end; the caller judges its exit status."""
        done = subprocess.run(
            self.command(*arguments),
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            timeout=RUN_LIMIT_SECONDS,
        )
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def succeed(self, *arguments: str) -> Completed:
        """Run `orchestrator` and insist that it succeeds."""
        done = self.run(*arguments)
        assert done.exit_code == 0, str(done)
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `orchestrator` in a process group of its own, for tests that interrupt it."""
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            cwd=self.directory,
            env=self.variables,
            start_new_session=True,
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@contextlib.contextmanager
def workspace(folder: Path, *, example: str | None = None, manifest: str | None = None) -> Iterator[Workspace]:
    """Make a project below `folder`: a copy of `examples/<example>`, or the given `icp.yaml` text.

    An example that declares no network gets a `local` one on a free port.
    """
    directory = folder / "project"
    if example is not None:
        shutil.copytree(ROOT / "examples" / example, directory, ignore=shutil.ignore_patterns(".orchestrator", ".icp"))
        _seed(directory)
        text = (directory / "icp.yaml").read_text(encoding="utf-8")
        if "networks:" not in text:
            (directory / "icp.yaml").write_text(text + _FREE_PORT, encoding="utf-8")
    else:
        directory.mkdir(parents=True)
    if manifest is not None:
        (directory / "icp.yaml").write_text(manifest, encoding="utf-8")
    project = Workspace(directory=directory, variables=_variables(folder))
    try:
        yield project
    finally:
        project.run("network", "stop")


def _seed(directory: Path) -> None:
    """Replace the example's phrases, if it has any, by the tests' own."""
    seed = directory / "seed"
    if not seed.is_dir():
        return
    shutil.rmtree(seed)
    for name, text in PHRASES.items():
        path = seed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _variables(folder: Path) -> dict[str, str]:
    """Return an environment that sees nothing of the developer's own files."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "ICP_HOME": str(home / "icp"),
        "ORCHESTRATOR_HOME": str(home / "orchestrator"),
        "NO_COLOR": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error::ResourceWarning",
    }
