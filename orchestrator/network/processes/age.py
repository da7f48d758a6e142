"""When a process was started: to tell the one that wrote a file from a later one that was given the same pid."""

import os
import re
import subprocess
import time
from pathlib import Path

__all__ = ["started_before", "was_started_at"]

SLACK_SECONDS = 2.0
"""How exact the two clocks are, that of processes and that of files."""
_PROC = Path("/proc")
_START_FIELD = 19
_BOOT_TIME = re.compile(r"^btime (\d+)$", re.MULTILINE)
_ELAPSED = re.compile(r"(?:(?:(?P<days>\d+)-)?(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+)")


def started_before(pid: int, moment: float) -> bool:
    """Tell whether a process was started before `moment` (seconds since 1970); `False` for one that is gone."""
    started = _load_start(pid)
    return started is not None and started <= moment + SLACK_SECONDS


def was_started_at(pid: int, moment: float) -> bool:
    """Tell whether a process runs that was started at `moment` (seconds since 1970); 0 stands for any time."""
    started = _load_start(pid)
    return started is not None and (moment == 0 or abs(started - moment) <= SLACK_SECONDS)


def _load_start(pid: int) -> float | None:
    if not _PROC.joinpath("self", "stat").exists():
        return _start_by_ps(pid)
    try:
        ticks = int(_PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[_START_FIELD])
        boot = _BOOT_TIME.search(_PROC.joinpath("stat").read_text(encoding="ascii", errors="replace"))
    except (OSError, IndexError):
        return None
    return None if boot is None else int(boot[1]) + ticks / os.sysconf("SC_CLK_TCK")


def _start_by_ps(pid: int) -> float | None:
    done = subprocess.run(["ps", "-o", "etime=", "-p", str(pid)], capture_output=True, text=True, check=False)
    found = _ELAPSED.fullmatch(done.stdout.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (int(found[name] or 0) for name in ("days", "hours", "minutes", "seconds"))
    return time.time() - (((days * 24 + hours) * 60 + minutes) * 60 + seconds)
