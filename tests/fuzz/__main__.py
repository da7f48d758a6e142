"""Fuzz the readers: python -m tests.fuzz [--seconds N] [--folder DIR] [TARGET...], or --replay FILE... to see a crash again."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.fuzz.corpus import REPOSITORY
from tests.fuzz.targets import TARGETS

SECONDS = 20.0
"""For each target, unless told."""


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
    broken = [name for name in chosen.targets or TARGETS if not _fuzz(name, chosen.seconds, chosen.folder.absolute())]
    if broken:
        print(f"broken: {', '.join(broken)}; see {chosen.folder} and run `scripts/fuzz --replay FILE`", file=sys.stderr)
        sys.exit(1)


def _fuzz(name: str, seconds: float, folder: Path) -> bool:
    print(f"== {name}, {seconds:.0f} seconds", flush=True)
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(folder)]
    return subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, check=False).returncode == 0


if __name__ == "__main__":
    main()
