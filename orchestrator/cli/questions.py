"""Questions to the person at the terminal.

The event loop stands still while somebody is asked, which is wanted: nothing may happen before the answer.
"""

import getpass
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.cli.state import State
from orchestrator.cli.terminal import Terminal
from orchestrator.errors import InterruptedRunError, UsageError

__all__ = ["confirm", "load_password", "make_name_source", "make_password_source"]

_YES = frozenset({"y", "yes"})


def confirm(terminal: Terminal, question: str) -> bool:
    """Ask on stderr and wait for an answer; anything but `y` or `yes` means no. Ctrl-C: `InterruptedRunError`."""
    return _ask(terminal, f"{question} [y/N] ").lower() in _YES


def make_name_source(state: State) -> Callable[[str], Awaitable[str]] | None:
    """Return what has somebody type the name of a protected environment; `None` where nobody can be asked.

    A name that was typed once holds for the whole command.
    """
    if not state.terminal.interactive or state.as_json:
        return None
    typed: list[str] = []

    async def ask(name: str) -> str:
        if not typed:
            if state.display is not None:
                state.display.pause()
            typed.append(_ask(state.terminal, f"Environment `{name}` is protected. To change it, type its name: "))
        return typed[0]

    return ask


def make_password_source(
    state: State, read_hidden: Callable[[str], str] = getpass.getpass, *, in_loop: bool = True
) -> Callable[[str], str] | None:
    """Return what is asked for an identity's password: the file that was given, else the person at the terminal.

    `None` when there is neither. `read_hidden` reads a line without showing it. With `in_loop` the source is called
    in a worker thread of an event loop.
    """
    path = state.identity_password_file
    if path is not None:
        return lambda _name: load_password(state, path)
    if not state.terminal.interactive:
        return None

    def ask(name: str) -> str:
        if state.display is not None:
            state.display.pause()
        with _interruptible(state.terminal):
            return read_hidden(_harmless(f"Password of identity `{name}`: "))

    def ask_in_main_thread(name: str) -> str:
        import anyio.from_thread

        # Keys are loaded in a worker thread, where Ctrl-C would not be noticed.
        return anyio.from_thread.run_sync(ask, name)

    return ask_in_main_thread if in_loop else ask


def load_password(state: State, path: Path) -> str:
    """Read a password file, without the white space around it; `UsageError` when it cannot be read."""
    try:
        return (state.terminal.directory / path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the password file `{path}` cannot be read", detail=str(error)) from error


def _ask(terminal: Terminal, question: str) -> str:
    """Ask on stderr and wait for a line."""
    terminal.stderr.write(_harmless(question))
    terminal.stderr.flush()
    with _interruptible(terminal):
        return terminal.stdin.readline().strip()


def _harmless(question: str) -> str:
    """Spell out what would act on the terminal: the names in it are a manifest's, and hidden input has a prompt that no stream guards."""
    from orchestrator.ui.harmless import harmless

    return harmless(question)


@contextmanager
def _interruptible(terminal: Terminal) -> Iterator[None]:
    """Let Ctrl-C end a question: the loop's own handler would only note it, and go on waiting for the answer."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as error:
        terminal.stderr.write("\n")
        raise InterruptedRunError("interrupted at the question; nothing was sent") from error
    finally:
        signal.signal(signal.SIGINT, previous)
