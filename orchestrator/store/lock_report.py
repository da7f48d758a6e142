"""What becomes of a lock file when its pins change."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.store.lock_file import PIN_KINDS, PinKind, Pins

__all__ = ["LockReport", "PinChange", "compare_pins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinChange:
    """A pin that is added (`before` is `None`), removed (`after` is `None`) or changed; both are SHA-256 in lower-case hex."""

    kind: PinKind
    address: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """What became of a lock file: its changes, sorted; how many pins it has then; whether it was written."""

    path: Path
    changes: tuple[PinChange, ...]
    pins: int
    written: bool


def compare_pins(old: Pins, new: Pins) -> tuple[PinChange, ...]:
    """Return what is different, by kind and address."""
    return tuple(
        PinChange(kind=kind, address=address, before=old.of(kind).get(address), after=new.of(kind).get(address))
        for kind in PIN_KINDS
        for address in sorted({*old.of(kind), *new.of(kind)})
        if old.of(kind).get(address) != new.of(kind).get(address)
    )
