"""Other programs: where they are, and running one to its end with a deadline."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.network.processes.family import end_group

__all__ = ["Finished", "find_program", "run_command"]

OUTPUT_LINES = 50
OUTPUT_BYTES = 8192
END_SECONDS = 40.0
"""How long what a failed command has started may take to end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What became of a command; `status` is `None` when it was ended because it took too long."""

    status: int | None
    stdout: str
    stderr: str

    @property
    def tail(self) -> str:
        """Return the end of what it said, errors preferred: at most `OUTPUT_LINES` lines and `OUTPUT_BYTES` bytes."""
        text = self.stderr.strip() or self.stdout.strip()
        return "\n".join(text.encode()[-OUTPUT_BYTES:].decode(errors="replace").splitlines()[-OUTPUT_LINES:])


def find_program(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return where a program is on the PATH of `environ`."""
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    return None if found is None else Path(found)


async def run_command(
    command: Sequence[str], *, environ: Mapping[str, str], directory: Path, seconds: float, log: Path | None = None
) -> Finished:
    """Run a command in `directory` and return how it ended; with a `log`, both outputs go there and stay out of the result.

    A command that starts something which lives on needs a `log`: what it starts keeps the outputs open. When such a
    command fails, takes too long or is cancelled, what it has started in its process group is ended too.
    Raises `OSError` when it cannot be started.
    """
    if log is None:
        return await _finish(command, environ, directory, seconds)
    with log.open("wb") as output:
        async with await anyio.open_process(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory, env=environ, start_new_session=True
        ) as process:
            status: int | None = None
            try:
                with anyio.move_on_after(seconds):
                    status = await process.wait()
            finally:
                if status != 0:
                    with anyio.CancelScope(shield=True):
                        await end_group(process.pid, seconds=END_SECONDS)
    return Finished(status=status, stdout="", stderr="")


async def _finish(command: Sequence[str], environ: Mapping[str, str], directory: Path, seconds: float) -> Finished:
    with anyio.move_on_after(seconds):
        done = await anyio.run_process(command, stdin=subprocess.DEVNULL, check=False, cwd=directory, env=environ)
        return Finished(status=done.returncode, stdout=done.stdout.decode(errors="replace"), stderr=done.stderr.decode(errors="replace"))
    return Finished(status=None, stdout="", stderr="")
