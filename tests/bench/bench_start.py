"""How long the command takes to do nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measuring import Row, median_seconds, milliseconds

TIMES = 15


def rows(folder: Path) -> Iterator[Row]:
    """Measure `orchestrator --version` beside an empty Python process."""
    empty = median_seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True, cwd=folder), times=TIMES)
    command = [str(Path(sys.executable).with_name("orchestrator")), "--version"]
    version = median_seconds(lambda: subprocess.run(command, check=True, capture_output=True, cwd=folder), times=TIMES)
    yield Row(what="orchestrator --version, whole process", value=milliseconds(version), peer=f"python -c pass: {milliseconds(empty)}")
