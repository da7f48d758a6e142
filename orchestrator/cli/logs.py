"""The log of a run: a file of its own, always in full, and standard error when asked for."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from orchestrator.core.imports import hidden_modules
from orchestrator.errors import StoreError
from orchestrator.store.atomic import make_directory

__all__ = ["EVENTS_LOGGER", "KEPT_LOGS", "keep_log", "name_log"]

KEPT_LOGS = 50
"""Log files kept per project; older ones are deleted when a run begins."""

EVENTS_LOGGER = "events"
"""The name of the logger for what the display shows as well: its lines are in the file only."""

_LEVELS = {None: logging.INFO, "orchestrator": logging.DEBUG, "httpx": logging.WARNING}
"""What is kept, by logger: all of ours, which has every request with its sizes and its duration, so httpx need not say it."""


def name_log(directory: Path, verb: str, now: datetime | None = None) -> Path:
    """Return where the log of a run that begins now goes; names sort by time."""
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S")
    return directory / f"{stamp}-{verb.replace(' ', '-')}-{os.getpid()}.log"


@contextmanager
def keep_log(path: Path | None, *, verbose: TextIO | None) -> Iterator[None]:
    """Send structlog's and the standard library's records to `path`, if there is one, and to `verbose`, inside the block.

    What `EVENTS_LOGGER` logs goes to `path` only. What would act on a terminal is spelled out in the file, where people read it, as well
    as what the file's encoding does not have. Raises `StoreError` when it cannot be written.
    """
    with hidden_modules("rich"):
        import structlog
    from orchestrator.ui.harmless import GuardedStream

    with ExitStack() as stack:
        files = () if path is None else (GuardedStream.around(stack.enter_context(_open(path))),)
        streams = files if verbose is None else (*files, verbose)
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            logger_factory=lambda *names: _Tee(files if EVENTS_LOGGER in names else streams),
            cache_logger_on_first_use=False,
        )
        stack.callback(structlog.reset_defaults)
        _capture_standard(stack, streams)
        yield


class _Tee:
    """What structlog writes finished lines to."""

    def __init__(self, streams: tuple[TextIO, ...]) -> None:
        self._streams = streams

    def msg(self, message: str) -> None:
        """Write one line to every stream."""
        for stream in self._streams:
            stream.write(f"{message}\n")
            stream.flush()

    debug = info = warning = error = critical = exception = msg


def _capture_standard(stack: ExitStack, streams: tuple[TextIO, ...]) -> None:
    """Send what is logged the standard way to the same streams while the block lasts."""
    root = logging.getLogger()
    nowhere: tuple[logging.Handler, ...] = (logging.NullHandler(),)  # without any handler warnings would go to standard error
    for handler in tuple(logging.StreamHandler(stream) for stream in streams) or nowhere:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        stack.callback(root.removeHandler, handler)
    for name, level in _LEVELS.items():
        logger = logging.getLogger(name)
        stack.callback(logger.setLevel, logger.level)
        logger.setLevel(level)


def _open(path: Path) -> TextIO:
    make_directory(path.parent)
    _forget_old(path.parent)
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot write the log `{path}`",
            slug="store/log",
            detail=error.strerror or str(error),
            hint=f"check who owns `{path.parent}`, and that it may be written",
        ) from error


def _forget_old(directory: Path) -> None:
    for old in sorted(directory.glob("*.log"))[: -KEPT_LOGS + 1]:
        with suppress(OSError):  # then more are kept
            old.unlink(missing_ok=True)
