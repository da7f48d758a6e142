"""Questions to the person at the terminal."""

import signal

from orchestrator.cli.terminal import Terminal
from orchestrator.errors import InterruptedRunError

__all__ = ["confirm"]

_YES = frozenset({"y", "yes"})


def confirm(terminal: Terminal, question: str) -> bool:
    """Ask on stderr and wait for an answer; anything but `y` or `yes` means no.

    The event loop stands still meanwhile, which is wanted: nothing may happen before the answer. Ctrl-C raises
    `InterruptedRunError`.
    """
    terminal.stderr.write(f"{question} [y/N] ")
    terminal.stderr.flush()
    # The loop's own handler would only note Ctrl-C and go on waiting for the answer.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = terminal.stdin.readline()
    except KeyboardInterrupt as error:
        terminal.stderr.write("\n")
        raise InterruptedRunError("interrupted at the question; nothing was sent") from error
    finally:
        signal.signal(signal.SIGINT, previous)
    return answer.strip().lower() in _YES
