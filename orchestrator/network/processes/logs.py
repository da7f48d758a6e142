"""The end of what a program has printed, for messages about it."""

from pathlib import Path

__all__ = ["describe_with_tail", "load_tail"]

LOG_TAIL_LINES = 50
LOG_TAIL_BYTES = 8192


def describe_with_tail(text: str, log: Path) -> str:
    """Return what happened, with the end of the log behind it."""
    tail = load_tail(log)
    return f"{text}; the end of its log:\n{tail}" if tail else f"{text}; its log is empty"


def load_tail(log: Path) -> str:
    """Return the last lines of a log: at most `LOG_TAIL_LINES` lines and `LOG_TAIL_BYTES` bytes."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_TAIL_BYTES))
            data = file.read()
    except OSError:
        return ""
    return "\n".join(data.decode(errors="replace").splitlines()[-LOG_TAIL_LINES:])
