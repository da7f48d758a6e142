"""What is in a folder of compiled components, for people: `orchestrator.sandbox.cache` is what uses them."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.core.file_times import calendar_time
from orchestrator.sandbox.cache import artifact_stem

__all__ = ["CompiledComponent", "clear_compiled", "list_compiled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledComponent:
    """Machine code made from a component: the component's SHA-256 in lower-case hex, if it is known here, bytes and last use."""

    component: str | None
    size: int
    used: datetime


def list_compiled(directory: Path, components: Iterable[str]) -> tuple[CompiledComponent, ...]:
    """Return what is in the folder, the last used first.

    A file's name is a hash of what it was made from, so that only these components (SHA-256 in lower-case hex) can be
    recognised, compiled by this version of the tool and of wasmtime.
    """
    stems = {artifact_stem(sha256, wrap=wrap): sha256 for sha256 in components for wrap in (False, True)}
    found = []
    for path in directory.glob("*.cwasm"):
        with suppress(OSError):
            status = path.stat()
            used = calendar_time(status.st_mtime)
            found.append(CompiledComponent(component=stems.get(path.name.partition(".")[0]), size=status.st_size, used=used))
    return tuple(sorted(found, key=lambda each: (each.used, each.size), reverse=True))


def clear_compiled(directory: Path) -> tuple[int, int]:
    """Delete all compiled components, also those that are being used: who has one open goes on. Returns files and bytes."""
    count = freed = 0
    for path in directory.glob("*.cwasm"):
        with suppress(OSError):
            size = path.stat().st_size
            path.unlink()
            count, freed = count + 1, freed + size
    return count, freed
