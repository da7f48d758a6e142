"""How networks are started on this machine: the program, its deadlines, the user's directories."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.store.user import UserDirectories

__all__ = ["ANSWER_SECONDS", "PROGRAM_SECONDS", "PROGRAM_STOP_SECONDS", "START_SECONDS", "STOP_SECONDS", "NetworkSettings"]

START_SECONDS = 30.0
PROGRAM_SECONDS = 300.0
PROGRAM_STOP_SECONDS = 60.0
STOP_SECONDS = 15.0
ANSWER_SECONDS = 5.0
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """What starting and stopping needs besides the network itself; all durations are seconds.

    `command` starts the embedded network; the options of its contract are appended. `program_seconds` and
    `program_stop_seconds` are how long other networks may take to start, and to save their state and stop.
    """

    user: UserDirectories
    command: tuple[str, ...]
    environ: Mapping[str, str]
    start_seconds: float = START_SECONDS
    program_seconds: float = PROGRAM_SECONDS
    program_stop_seconds: float = PROGRAM_STOP_SECONDS
    stop_seconds: float = STOP_SECONDS
    answer_seconds: float = ANSWER_SECONDS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of this process: the replica runs under this interpreter, from this package.

        `-P` keeps Python from importing what happens to lie in the working directory.
        """
        present = os.environ if environ is None else environ
        search = os.pathsep.join(filter(None, [str(_PACKAGE_PARENT), present.get("PYTHONPATH", "")]))
        return cls(
            user=UserDirectories.from_environment(present),
            command=(sys.executable, "-P", "-m", "orchestrator.replica"),
            environ={**present, "PYTHONPATH": search},
        )
