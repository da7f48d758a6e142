"""What is picked from a plugin's stderr and from the text of its fault."""

import pytest

from orchestrator.sandbox.last_words import MAX_WORDS_CHARACTERS, last_words, reason_of

RUST = ["thread '<unnamed>' (1) panicked at src/lib.rs:9:5:", "no such text", "note: run with `RUST_BACKTRACE=1` environment variable"]
COMPONENTIZE_PY = [
    "",
    "thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:",
    "Python function threw an unexpected exception",
    "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
]
PYTHON = ["Traceback (most recent call last):", '  File "/0/app.py", line 32, in exec', "    ~~~^^^"]


@pytest.mark.parametrize(
    ("said", "telling"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["", " "], [], id="blank"),
        pytest.param([str(line) for line in range(9)], ["4", "5", "6", "7", "8"], id="many"),
        pytest.param(RUST, RUST[:2], id="rust"),
        pytest.param(["sent a", *PYTHON, "KeyError: 'nope'", *COMPONENTIZE_PY], ["KeyError: 'nope'"], id="python"),
        pytest.param(
            [*PYTHON, "KeyError: 1", "", "During handling …:", "", *PYTHON, "MemoryError", *COMPONENTIZE_PY], ["MemoryError"], id="chain"
        ),
        pytest.param(["lost sys.stderr", *COMPONENTIZE_PY], ["lost sys.stderr"], id="no-traceback"),
        pytest.param(PYTHON, PYTHON, id="cut-off"),
        pytest.param(["x" * 501], ["x" * (MAX_WORDS_CHARACTERS - 1) + "…"], id="long"),
    ],
)
def test_what_tells_most(said: list[str], telling: list[str]) -> None:
    """Of a Python traceback it is the exception, of others the last lines, without what runtimes write below them."""
    assert last_words(said) == tuple(f"it wrote: {line}" for line in telling)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no backtrace", "no backtrace"),
        ("error while executing at wasm backtrace:\n    0: 0x1 - m!f", ""),
        ("error while executing at wasm backtrace:\n    0: 0x1 - m!f\n\nCaused by:\n    wasm trap: interrupt", "wasm trap: interrupt"),
        ("error while executing at wasm backtrace:\n    0: 0x1 - m!f\n\nCaused by:\n    0: a\n    1: b", "0: a\n1: b"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    """The backtrace goes, the causes stay."""
    assert reason_of(text) == reason
