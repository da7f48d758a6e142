"""Print the benchmark table: python -m tests.bench [NAME...]."""

import importlib
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.bench.measuring import Row

NAMES = ("start", "project", "candid", "network", "plugin", "plugin_icp", "deploy")


def main() -> None:
    """Run the named benchmarks, or all, and print a row as soon as it is measured."""
    chosen = sys.argv[1:] or NAMES
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(unknown)} (there are: {', '.join(NAMES)})")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n")
    for name in chosen:
        module = importlib.import_module(f"tests.bench.bench_{name}")
        with tempfile.TemporaryDirectory() as folder:
            for row in module.rows(Path(folder)):
                _print(row)


def _print(row: Row) -> None:
    print(f"{row.what:<62}{row.value:>12}   {row.peer}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
