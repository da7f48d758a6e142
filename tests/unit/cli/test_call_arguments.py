"""The arguments of a call."""

import io
from pathlib import Path

import pytest

from orchestrator.cli.call_arguments import read_arguments
from orchestrator.cli.terminal import Terminal
from orchestrator.errors import UsageError


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Return a terminal in a folder with argument files, with Candid text on stdin."""
    (tmp_path / "text").write_text('("a")')
    (tmp_path / "hex").write_text("0x4449444c0000\n")
    (tmp_path / "bytes").write_bytes(b"DIDL\0\0\xff")
    return Terminal(stdin=io.StringIO("(1)"), stdout=io.StringIO(), stderr=io.StringIO(), environ={}, directory=tmp_path)


@pytest.mark.parametrize(
    ("text", "path", "form", "expected"),
    [
        ("(1)", None, "candid", "(1)"),
        (None, None, "candid", b""),
        (None, "text", "candid", '("a")'),
        (None, "-", "candid", "(1)"),
        ("4449444c0000", None, "hex", b"DIDL\0\0"),
        (None, "hex", "hex", b"DIDL\0\0"),
        (None, "bytes", "bin", b"DIDL\0\0\xff"),
    ],
)
def test_every_source_and_form(terminal: Terminal, text: str | None, path: str | None, form: str, expected: str | bytes) -> None:
    """Arguments come from the command line, a file or stdin, as Candid text, hex or bytes."""
    assert read_arguments(terminal, text, Path(path) if path else None, form) == expected


@pytest.mark.parametrize(
    ("text", "path", "form", "summary"),
    [
        ("(1)", "text", "candid", "given twice"),
        ("(1)", None, "bin", "needs `--args-file FILE`"),
        (None, "-", "bin", "needs `--args-file FILE`"),
        ("zz", None, "hex", "not hex digits"),
        (None, "bytes", "candid", "is not text"),
        (None, "absent", "candid", "cannot be read"),
    ],
)
def test_contradictions_are_usage_errors(terminal: Terminal, text: str | None, path: str | None, form: str, summary: str) -> None:
    """What cannot be read, or contradicts itself, is told with a hint or a reason."""
    with pytest.raises(UsageError, match=summary) as caught:
        read_arguments(terminal, text, Path(path) if path else None, form)

    assert caught.value.hint or caught.value.detail
