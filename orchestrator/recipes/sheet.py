"""The output of a rendering as it grows: its text, which line of the template each line is from, its indentation."""

from dataclasses import dataclass, field

__all__ = ["Rendered", "Sheet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A template's output; `lines[i]` is the line of the template (from 1) that line `i` of `text` came from.

    `values` are the parts of the text, from where to where (not included), that are not the template's own words.
    """

    text: str
    lines: tuple[int, ...]
    values: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Sheet:
    """The output so far, in pieces, each with its line in the template."""

    pieces: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=lambda: [1])
    line_is_empty: bool = True
    values: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0

    def write(self, text: str, line: int, *, advances: bool) -> None:
        """Append a text; `advances` says that its lines are lines of the template."""
        self.pieces.append(text)
        if text and not advances:
            self.values.append((self.size, self.size + len(text)))
        self.size += len(text)
        for number, part in enumerate(text.split("\n")):
            origin = line + number if advances else line
            if number:
                self.lines.append(origin)
                self.line_is_empty = True
            if part and self.line_is_empty:
                self.lines[-1] = origin
                self.line_is_empty = False

    def finish(self) -> Rendered:
        """Return the output."""
        return Rendered(text="".join(self.pieces), lines=tuple(self.lines), values=tuple(self.values))


@dataclass(slots=True)
class Indentation:
    """What partials do to lines: `text` is put in front of each; the rest says where the output is.

    `ended_line` is true after a line end, `pending` where the next text starts with the indentation, `produced` once
    something was written since it was last set to false.
    """

    text: str = ""
    ended_line: bool = False
    pending: bool = False
    produced: bool = False

    def apply(self, text: str) -> str:
        """Return a text that is not empty as it is written here, and remember where that leaves the output."""
        self.produced = True
        if self.text:
            first = self.text if self.pending and not text.startswith(("\n", "\r")) else ""
            inner = text[:-1].replace("\n", f"\n{self.text}") + text[-1]
            text = f"{first}{inner}"
        self.ended_line = self.pending = text.endswith(("\n", "\r"))
        return text
