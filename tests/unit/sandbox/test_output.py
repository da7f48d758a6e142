"""Lines out of bytes, as icp makes them."""

import pytest

from orchestrator.sandbox.output import LineCapture, strip_ansi


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\n\n\ntwo\n", ["one", "", "", "two"]),
        (b"dos\r\nmany\r\r\r\n", ["dos", "many"]),
        (b"a\rb\n", ["a\rb"]),
        (b"no end", ["no end"]),
        (b"no end\r", ["no end"]),
        (b"\r", []),
        (b"", []),
        (b"\n", [""]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        ("é €\n".encode(), ["é €"]),
        (b"\x1b[31mred\x1b[0m\n", ["red"]),
        (b"\x1b[1;38;5;200mbold\x1b[m\r\n", ["bold"]),
        (b"\x1b]0;title\x07shown\n", ["shown"]),
        (b"\x1b[2K\n", [""]),
        (b"\x1b[0m", [""]),
    ],
)
def test_lines(data: bytes, lines: list[str]) -> None:
    """Every line comes out once, trimmed and without escape sequences, the unfinished last one too."""
    capture = LineCapture("stdout")

    capture.feed(data)
    capture.finish()

    assert capture.lines == lines


def test_feed_answers_what_is_new() -> None:
    """Each call answers the lines that it completed, and the bytes of a character may come apart."""
    capture = LineCapture("stderr")

    assert capture.feed(b"caf\xc3") == []
    assert capture.feed(b"\xa9\nnext") == ["café"]
    assert capture.finish() == ["next"]


def test_cap_counts_raw_bytes() -> None:
    """Line ends and escape sequences count; a write that crosses the cap is split there."""
    capture = LineCapture("stdout", cap=8)

    assert capture.feed(b"ab\ncdefghij\n") == ["ab"]
    assert capture.feed(b"more") == []
    assert capture.finish() == ["cdefg", "… 8 bytes of stdout truncated"]


def test_dropped_elsewhere_counts_too() -> None:
    """Bytes that the worker dropped are in the same, single note."""
    capture = LineCapture("stderr", cap=2)

    capture.feed(b"abc")

    assert capture.finish(dropped=10) == ["ab", "… 11 bytes of stderr truncated"]


def test_text_without_escapes_is_untouched() -> None:
    """Brackets and digits alone are no escape sequence."""
    assert strip_ansi("[31m 1;2m ]0;x") == "[31m 1;2m ]0;x"


def test_a_long_line_in_single_bytes() -> None:
    """A line that comes byte by byte costs as much as one that comes at once: 512 KiB are no work for minutes."""
    capture = LineCapture("stdout")

    for _ in range(1 << 19):
        capture.feed(b"x")

    assert capture.feed(b"\n") == ["x" * (1 << 19)]
