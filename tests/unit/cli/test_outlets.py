"""Streams whose reader leaves."""

import io
from typing import cast

from orchestrator.cli.outlets import PatientStream


class Abandoned(io.StringIO):
    """A stream that takes one line, and then nobody reads it."""

    def write(self, text: str) -> int:
        """Take the first text only."""
        if self.getvalue():
            raise BrokenPipeError
        return super().write(text)


def test_what_nobody_reads_is_dropped_and_said_once() -> None:
    """Before the reader leaves everything arrives; afterwards writing and flushing go on without effect."""
    told: list[bool] = []
    inner = Abandoned()
    stream = PatientStream(inner, lambda: told.append(True))

    lengths = [stream.write(text) for text in ("first\n", "second\n", "third\n")]
    stream.flush()

    assert lengths == [6, 7, 6]
    assert inner.getvalue() == "first\n"
    assert told == [True]


def test_everything_else_is_the_streams_own() -> None:
    """Whether it is a terminal, and what else a display asks, the stream answers."""
    stream = PatientStream(io.StringIO(), lambda: None)

    assert cast("io.StringIO", stream).isatty() is False
