"""What became of the lock file, as text and as JSON."""

from orchestrator.store.lock_report import LockReport, PinChange
from orchestrator.ui.style import harmless

__all__ = ["LOCK_SCHEMA", "lock_to_json", "render_lock"]

LOCK_SCHEMA = 1
_DIGITS = 12
_KIND_COLUMNS = len("recipes")


def render_lock(report: LockReport) -> str:
    """Return what changed, a line each, and a sentence; without a final line end."""
    name = harmless(report.path.name)
    if not report.changes:
        return f"{name} is up to date: {_count(report.pins, 'pin')}"
    changes = _count(len(report.changes), "change")
    last = f"{changes} written to {name}" if report.written else f"{name} would have {changes}"
    return "\n".join([*(_change(change) for change in report.changes), "", last])


def _change(change: PinChange) -> str:
    mark = "+" if change.before is None else "-" if change.after is None else "~"
    hashes = " → ".join(f"{each[:_DIGITS]}…" for each in (change.before, change.after) if each is not None)
    return f"{mark} {change.kind:<{_KIND_COLUMNS}}  {harmless(change.address)}  {hashes}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lock_to_json(report: LockReport) -> dict[str, object]:
    """Return the report as plain values."""
    return {
        "schema": LOCK_SCHEMA,
        "path": str(report.path),
        "written": report.written,
        "pins": report.pins,
        "changes": [
            {"kind": change.kind, "address": change.address, "before": change.before, "after": change.after} for change in report.changes
        ],
    }
