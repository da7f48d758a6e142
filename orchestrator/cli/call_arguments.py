"""The arguments of a call: from the command line, from a file, or from standard input."""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.cli.terminal import Terminal

__all__ = ["read_arguments"]

_STANDARD_INPUT = Path("-")


def read_arguments(terminal: "Terminal", text: str | None, path: Path | None, form: str) -> str | bytes:
    """Return Candid text, or bytes to be sent as they are; `form` is `candid`, `hex` or `bin`. Raises `UsageError`."""
    if text is not None and path is not None:
        raise UsageError("arguments were given twice: as text and as a file", hint="leave one of them out")
    if form == "bin":
        if path is None or path == _STANDARD_INPUT:
            raise UsageError("`--args-format bin` needs `--args-file FILE`", hint="write the bytes to a file, or use `hex`")
        return _load(terminal, path)
    content = _text(terminal, path) if path is not None else text
    if form != "hex":
        return content if content is not None else b""
    try:
        return bytes.fromhex((content or "").strip().removeprefix("0x"))
    except ValueError as error:
        raise UsageError(
            "the arguments are not hex digits", detail=str(error), hint="leave out `--args-format hex` for Candid text"
        ) from error


def _text(terminal: "Terminal", path: Path) -> str:
    if path == _STANDARD_INPUT:
        return terminal.stdin.read()
    try:
        return _load(terminal, path).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"`{path}` is not text", detail=str(error), hint="for bytes, use `--args-format bin`") from error


def _load(terminal: "Terminal", path: Path) -> bytes:
    try:
        return (terminal.directory / path).read_bytes()
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read", detail=error.strerror or str(error)) from error
