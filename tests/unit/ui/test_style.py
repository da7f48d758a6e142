"""Colours."""

import io

import pytest

from orchestrator.ui.style import cell_width, choose_style


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_needs_a_terminal_and_consent(stream: io.StringIO, environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001  # a table of cases
    """Colours are for terminals, unless NO_COLOR is set (and not empty) or the terminal is dumb."""
    assert choose_style(stream, environ).enabled is expected


def test_width_counts_columns() -> None:
    """Wide characters take two columns, combining ones none."""
    assert (cell_width("ab"), cell_width("名前"), cell_width("e\u0301")) == (2, 4, 1)
