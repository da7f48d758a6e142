"""What a command talks to: streams, environment variables, working directory. The command line's one seam."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TextIO

__all__ = ["Terminal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Data goes to `stdout`, talk to `stderr`; `directory` is where the command was typed."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    directory: Path

    @classmethod
    def of_process(cls) -> Self:
        """Return the process's own; what its encoding cannot say is escaped instead of failing."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return cls(
            stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr, environ=os.environ, directory=_working_directory(os.environ.get("PWD"))
        )

    def guarded(self) -> Self:
        """Return the same with streams that spell out what would act on a terminal, whoever wrote it."""
        from orchestrator.ui.harmless import GuardedStream

        return replace(self, stdout=GuardedStream.around(self.stdout), stderr=GuardedStream.around(self.stderr))

    def write_verbatim(self, text: str) -> None:
        """Write data to stdout byte for byte, in UTF-8; a terminal is still guarded from it."""
        stream = self.stdout if self.stdout.isatty() else getattr(self.stdout, "unguarded", self.stdout)
        stream.flush()
        buffer = getattr(stream, "buffer", None)
        if buffer is None or stream.isatty():
            stream.write(text)
        else:
            buffer.write(text.encode("utf-8"))
            buffer.flush()

    @property
    def interactive(self) -> bool:
        """Tell whether somebody can be asked."""
        return self.stdin.isatty() and self.stderr.isatty()


def _working_directory(logical: str | None) -> Path:
    """Return the working directory as the shell shows it, if that is the same folder: links stay as they were typed."""
    present = Path.cwd()
    if not logical or not Path(logical).is_absolute():
        return present
    try:
        return Path(logical) if Path(logical).samefile(present) else present
    except OSError:
        return present
