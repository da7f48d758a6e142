"""Turns the bytes that a plugin writes into lines, as icp does.

Per stream at most `MAX_OUTPUT_BYTES` are kept, escape sequences and line ends counted; the plugin always
sees its writes succeed. A line ends at a line feed, carriage returns before it go away, bytes that are not
UTF-8 become U+FFFD, ANSI escape sequences are removed. What was dropped is said in one last line.
"""

import re
from typing import Final, Literal

from orchestrator.sandbox.limits import MAX_OUTPUT_BYTES

__all__ = ["LineCapture", "StreamName", "strip_ansi"]

StreamName = Literal["stdout", "stderr"]

_ANSI: Final = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # operating system commands: titles, links
    r"|[\x1b\x9b](?:[()][012AB]|[\[()#;?]*(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-PRZcf-nqry=><])"
)


def strip_ansi(text: str) -> str:
    """Remove ANSI escape sequences."""
    return _ANSI.sub("", text)


def _trim(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\n").rstrip("\r")


class LineCapture:
    """Lines of one stream, in the order they were completed."""

    def __init__(self, name: StreamName, *, cap: int = MAX_OUTPUT_BYTES) -> None:
        """Start with nothing written; `cap` in bytes."""
        self.name: StreamName = name
        self.lines: list[str] = []
        self._room = cap
        self._dropped = 0
        self._partial = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Take bytes as they come; answer the lines that they complete."""
        kept = data[: self._room]
        self._room -= len(kept)
        self._dropped += len(data) - len(kept)
        self._partial += kept
        if b"\n" not in kept:  # a long line that comes in many small parts must not be gone through for each of them
            return []
        *complete, rest = self._partial.split(b"\n")
        self._partial = rest
        return self._keep([strip_ansi(_trim(bytes(line))) for line in complete])

    def so_far(self) -> list[str]:
        """Give all lines, the one that has not ended yet too."""
        rest = strip_ansi(_trim(bytes(self._partial)))
        return [*self.lines, rest] if rest else list(self.lines)

    def finish(self, dropped: int = 0) -> list[str]:
        """End the stream; `dropped` bytes were already left out before they came here."""
        rest = _trim(bytes(self._partial))
        self._partial.clear()
        last = [strip_ansi(rest)] if rest else []
        dropped += self._dropped
        if dropped:
            last.append(f"… {dropped} bytes of {self.name} truncated")
        return self._keep(last)

    def _keep(self, lines: list[str]) -> list[str]:
        self.lines += lines
        return lines
