"""What benchmarks share: timing, peak memory of a process tree, and the rows of the table."""

import contextlib
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["ProcessFigures", "Row", "measure_process", "median_seconds", "milliseconds", "percentile", "time_process"]

SAMPLE_SECONDS = 0.005
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `peer` is what the same run measured of something comparable."""

    what: str
    value: str
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFigures:
    """A command's wall-clock seconds and the peak resident bytes of it and its children together."""

    seconds: float
    peak_bytes: int
    stdout: str


def milliseconds(seconds: float) -> str:
    """Render a duration."""
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def median_seconds(action: Callable[[], object], *, times: int) -> float:
    """Run an action `times` times after one warm-up and return the median of its seconds."""
    action()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the samples lie."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure_process(command: Sequence[str], *, directory: Path, variables: dict[str, str]) -> ProcessFigures:
    """Run a command to its end, sampling its memory; raises `CalledProcessError` when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=directory, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watched = psutil.Process(process.pid)
    peak = 0
    while True:
        peak = max(peak, _resident_bytes(watched))
        with contextlib.suppress(subprocess.TimeoutExpired):
            stdout, stderr = process.communicate(timeout=SAMPLE_SECONDS)
            break
    seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stdout, stderr)
    return ProcessFigures(seconds=seconds, peak_bytes=peak, stdout=stdout)


def time_process(command: Sequence[str], *, directory: Path, variables: dict[str, str]) -> float:
    """Run a command to its end and return its seconds; looking at its memory meanwhile would slow it down."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=directory, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return seconds


def _resident_bytes(process: psutil.Process) -> int:
    """Sum the resident memory of a process and its children; processes that just ended count nothing."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        return total
    return total
