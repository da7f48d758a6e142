"""Being told to end: SIGTERM is like Ctrl-C, wherever the process was started."""

import signal
from types import FrameType

__all__ = ["end_like_interrupt"]


def end_like_interrupt() -> None:
    """Let SIGTERM do what Ctrl-C does, also where a shell has its background jobs ignore Ctrl-C.

    There SIGINT gets its usual handler, because the event loop puts its own only in that one's place, and is blocked
    instead of ignored: Ctrl-C still does nothing. Call it before there are threads, they inherit what is blocked.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Run the handler that Ctrl-C has at this moment."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
