"""The processes that a launcher starts: written down, so that none is left when the launcher itself is killed.

The network launcher runs PocketIC as a process of its own, which would go on for thirty days without it.
"""

import subprocess
from functools import partial
from pathlib import Path

import anyio

from orchestrator.errors import StoreError
from orchestrator.network.deletion import delete_leftover
from orchestrator.network.processes.process import end_process, load_birth
from orchestrator.store.json_file import load_object, write_json
from orchestrator.store.layout import NetworkFiles

__all__ = ["end_family", "end_group", "forget_family", "load_children", "load_group", "write_family"]

GROUP_ROUNDS = 3
"""How often the processes of a group are looked for, and ended."""
_FORMAT = 1
_PARENT_FIELD, _GROUP_FIELD = 1, 2
_PROC = Path("/proc")


def write_family(files: NetworkFiles, pid: int) -> None:
    """Write down which processes the process `pid` has started by now."""
    births = {str(child): load_birth(child) for child in load_children(pid)}
    write_json(files.family, {"v": _FORMAT, "processes": {child: birth for child, birth in births.items() if birth is not None}})


async def end_family(files: NetworkFiles, *, seconds: float) -> None:
    """End the processes that were written down, if any still runs, and forget them."""
    try:
        document = load_object(files.family, hint="delete the file") or {}
    except StoreError:
        document = {}
    processes = document.get("processes")
    for pid, birth in processes.items() if isinstance(processes, dict) else ():
        if isinstance(birth, str) and pid.isdecimal():
            await end_process(int(pid), birth, seconds=seconds)
    forget_family(files)


def forget_family(files: NetworkFiles) -> None:
    """Remove what was written down."""
    delete_leftover(files.family)


async def end_group(group: int, *, seconds: float) -> None:
    """End every process of a process group, also those that are started meanwhile; one that cannot be killed is given up."""
    for _ in range(GROUP_ROUNDS):
        births = {pid: birth for pid in load_group(group) if (birth := load_birth(pid)) is not None}
        if not births:
            return
        async with anyio.create_task_group() as tasks:
            for pid, birth in births.items():
                tasks.start_soon(partial(end_process, pid, birth, seconds=seconds))


def load_children(pid: int) -> tuple[int, ...]:
    """Return the processes that have `pid` as their parent."""
    return _select("ppid", _PARENT_FIELD, pid)


def load_group(group: int) -> tuple[int, ...]:
    """Return the processes of a process group; some may have ended, with nobody to notice yet."""
    return _select("pgid", _GROUP_FIELD, group)


def _select(column: str, field: int, value: int) -> tuple[int, ...]:
    """Return the processes with `value` in a column of `ps`, which is a field of Linux's `stat`."""
    if not _PROC.joinpath("self", "stat").exists():
        return _select_by_ps(column, value)
    return tuple(int(path.parent.name) for path in _PROC.glob("[0-9]*/stat") if _load_field(path, field) == value)


def _select_by_ps(column: str, value: int) -> tuple[int, ...]:
    """Ask `ps`; each column has an option of its own, or the rest of one would be the first column's title."""
    done = subprocess.run(["ps", "-A", "-o", "pid=", "-o", f"{column}="], capture_output=True, text=True, check=False)
    rows = (line.split() for line in done.stdout.splitlines())
    return tuple(int(row[0]) for row in rows if len(row) == 2 and row[1] == str(value))


def _load_field(path: Path, field: int) -> int | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[field])
