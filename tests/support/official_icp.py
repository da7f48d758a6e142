"""The official icp-cli 1.5.0, unmodified, driven as its users drive it: from a project's folder, with a home of its own."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

__all__ = ["OfficialIcp", "icp_binary"]

TIMEOUT_SECONDS = 90


def icp_binary(npm_modules: Path) -> Path:
    """Return the binary, or skip the test where npm has none for this machine."""
    binary = npm_modules / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
    if not binary.exists():
        pytest.skip("icp-cli 1.5.0 is not installed (npm has it for Linux on x64)")
    return binary


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialIcp:
    """icp-cli with a private home; `folder` is the project, `options` and `environ` are added to every command."""

    binary: Path
    home: Path
    folder: Path
    options: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    def try_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however it ends."""
        variables = {
            "ICP_TELEMETRY_DISABLED": "1",
            "ICP_HOME": str(self.home),
            "HOME": str(self.home),
            "NO_COLOR": "1",
            "RUST_BACKTRACE": "0",
            "PWD": str(self.folder),
        }
        return subprocess.run(
            [self.binary, *arguments, *self.options],
            cwd=self.folder,
            env={**os.environ, **variables, **self.environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )

    def run(self, *arguments: str) -> str:
        """Run a command that succeeds, and return what it printed."""
        done = self.try_run(*arguments)
        assert done.returncode == 0, f"icp {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def fail(self, *arguments: str) -> str:
        """Run a command that fails, and return what it said."""
        done = self.try_run(*arguments)
        assert done.returncode != 0, f"icp {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stderr

    def create_identity(self, name: str) -> str:
        """Make an identity the default one, and return its principal; for a command without options."""
        self.run("identity", "new", name, "--storage", "plaintext")
        self.run("identity", "default", name)
        return self.run("identity", "principal")
