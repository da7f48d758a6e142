"""Fuzz the readers: python -m tests.fuzz [--seconds N] [--folder DIR] [TARGET...], or --replay FILE... to see a crash again."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.corpus import REPOSITORY
from tests.fuzz.targets import TARGETS

SECONDS = 20.0
"""For each target, unless told."""
SECONDS_TO_START = 120
"""What a target may take beside its seconds; one that takes longer hangs in a way that it cannot notice itself."""
_LAST_LINES = 20
_NUMBERS = {
    "inputs": r"^(?:stat::number_of_executed_units|\w+): *(\d+)(?: inputs)?$",
    "s for the slowest": r"slowest_unit_time_sec: *(\d+)",
    "MB": r"peak_rss_mb: *(\d+)",
}


def main() -> None:
    """Fuzz the named targets, or all, one after the other; exit with 1 where one broke."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each target")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="where crashes and grown corpora are kept")
    parser.add_argument("--replay", type=Path, nargs="+", default=[], help="inputs to run once; each file's name starts with its target")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], metavar="TARGET", help=", ".join(TARGETS))
    chosen = parser.parse_args()
    if chosen.replay:
        for path in chosen.replay:
            TARGETS[path.name.partition("-")[0]](path.read_bytes())
        return
    broken: list[str] = []
    try:
        broken.extend(name for name in chosen.targets or TARGETS if not _fuzz(name, chosen.seconds, chosen.folder.absolute()))
    except KeyboardInterrupt:
        print("interrupted: what was found so far is kept", file=sys.stderr)
        sys.exit(130)
    finally:
        if broken:
            print(f"broken: {', '.join(broken)}; see {chosen.folder} and run `scripts/fuzz --replay FILE`", file=sys.stderr)
    if broken:
        sys.exit(1)


def _fuzz(name: str, seconds: float, folder: Path) -> bool:
    """Fuzz one target in a process of its own, and print a line about it; everything it writes is in a log."""
    print(f"== {name}, {seconds:.0f} seconds", end=": ", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                command, cwd=REPOSITORY, env=environment, check=False, stdout=output, stderr=output, timeout=seconds + SECONDS_TO_START
            )
        except subprocess.TimeoutExpired:
            print("hangs", flush=True)
            return False
    said = log.read_text(encoding="utf-8", errors="replace")
    print(summary(said), flush=True)
    if done.returncode != 0:
        print("\n".join([*said.splitlines()[-_LAST_LINES:], f"all of it: {log}"]), file=sys.stderr)
    return done.returncode == 0


def summary(said: str) -> str:
    """Return the numbers of a run in a line: those of libFuzzer, or those of the random changes."""
    found = {what: re.search(pattern, said, re.MULTILINE) for what, pattern in _NUMBERS.items()}
    return ", ".join(f"{int(match[1]):,} {what}" for what, match in found.items() if match) or "no numbers"


if __name__ == "__main__":
    main()
