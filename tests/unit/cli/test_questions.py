"""Questions."""

import io
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import anyio
import anyio.to_thread
import pytest

from orchestrator.cli.questions import confirm, make_name_source, make_password_source
from orchestrator.cli.state import State
from orchestrator.cli.terminal import Terminal
from orchestrator.cli.verbs import make_consent
from orchestrator.core.plan import Change, Plan
from orchestrator.core.recipe_use import Reach, RecipeUse
from orchestrator.errors import ExitCode, InterruptedRunError, UsageError
from orchestrator.ui.display import PlainLines

PLAN = Plan(
    environment="local",
    network="local",
    digest="00",
    canisters=("a", "b"),
    changes=(
        Change(canister="a", action="reinstall", reason="r", destructive=True),
        Change(canister="b", action="upgrade", reason="r"),
    ),
)


class Keyboard(io.StringIO):
    """A terminal at which this was typed."""

    def isatty(self) -> bool:
        """Say that it is a terminal."""
        return True


class CtrlC(io.RawIOBase):
    """Bytes that never come: Ctrl-C is pressed instead."""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: object, /) -> int:  # noqa: ARG002  # io's signature
        """Press it."""
        signal.raise_signal(signal.SIGINT)
        return 0


def terminal(stdin: TextIO) -> Terminal:
    """Return a terminal with this keyboard."""
    return Terminal(stdin=stdin, stdout=io.StringIO(), stderr=Keyboard(), environ={}, directory=Path("/"))


def state(stdin: io.StringIO, **options: object) -> State:
    """Return a state with this keyboard and these options."""
    return State(terminal=terminal(stdin), stack=ExitStack(), options=dict(options))


@pytest.mark.parametrize(
    ("typed", "expected"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("yesterday\n", False)]
)
def test_only_yes_is_yes(typed: str, expected: bool) -> None:  # noqa: FBT001  # a table of cases
    """Only `y` and `yes` agree; an empty answer or the end of input does not."""
    assert confirm(terminal(Keyboard(typed)), "Sure?") is expected


def test_interruption_is_not_an_answer() -> None:
    """Ctrl-C at the question ends the run with 130, and the handler from before is back."""
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(InterruptedRunError, match="nothing was sent") as caught:
        confirm(terminal(io.TextIOWrapper(io.BufferedReader(CtrlC()))), "Sure?")

    assert caught.value.exit_code is ExitCode.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before


def test_question_names_what_would_be_destroyed() -> None:
    """The question is on stderr and names the canisters with destructive changes only."""
    asked = state(Keyboard("y\n"))
    consent = make_consent(asked)
    assert consent is not None

    answer = anyio.run(consent, PLAN)

    stream = asked.terminal.stderr
    assert isinstance(stream, io.StringIO)
    assert answer
    assert stream.getvalue() == "Apply the plan, with its destructive changes to a? [y/N] "


def test_question_names_recipes_that_reach_others() -> None:
    """Whoever agrees to what a remote recipe reaches has read which recipe it is."""
    asked = state(Keyboard("n\n"))
    consent = make_consent(asked)
    assert consent is not None
    use = RecipeUse(canister="b", recipe="@acme/pay@v1", sha256="00", reaches=(Reach(step=1, name=None, proxy="aaaaa-aa"),))

    answer = anyio.run(consent, replace(PLAN, recipes=(use, replace(use, canister="c", reaches=()))))

    stream = asked.terminal.stderr
    assert isinstance(stream, io.StringIO)
    assert not answer
    expected = "its destructive changes to a and the proxies and canisters that are named by the recipe @acme/pay@v1 of b"
    assert stream.getvalue() == f"Apply the plan, with {expected}? [y/N] "


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(state(io.StringIO()), False), (state(Keyboard(), as_json=True), False), (state(io.StringIO(), yes=True), True)],
    ids=["pipe", "json", "yes"],
)
def test_nobody_is_asked_without_a_terminal(asked: State, expected: bool) -> None:  # noqa: FBT001  # a table of cases
    """On a pipe or with --json there is nobody to ask; --yes is consent without asking."""
    consent = make_consent(asked)

    assert (consent is not None) is expected
    assert consent is None or anyio.run(consent, PLAN)


def test_password_comes_from_the_file(tmp_path: Path) -> None:
    """A named file is read, without the line end; nobody is asked."""
    (tmp_path / "password").write_text("secret\n")
    source = make_password_source(state(Keyboard(), identity_password_file=tmp_path / "password"))
    absent = make_password_source(state(Keyboard(), identity_password_file=tmp_path / "absent"))

    assert source is not None
    assert absent is not None
    assert source("alice") == "secret"
    with pytest.raises(UsageError, match="cannot be read"):
        absent("alice")


def test_password_is_asked_at_a_terminal_only() -> None:
    """At a terminal the hidden question names the identity; on a pipe there is no source."""
    asked: list[str] = []

    def read_hidden(prompt: str) -> str:
        asked.append(prompt)
        return "typed"

    source = make_password_source(state(Keyboard()), read_hidden)
    assert source is not None

    async def load() -> str:
        return await anyio.to_thread.run_sync(source, "alice")

    assert anyio.run(load) == "typed"
    assert asked == ["Password of identity `alice`: "]
    assert make_password_source(state(io.StringIO())) is None


def test_display_pauses_before_a_question() -> None:
    """Whatever is drawn stops before somebody is asked."""
    asked = state(Keyboard("n\n"))
    paused: list[bool] = []

    class Drawing(PlainLines):
        """A display that notes its pauses."""

        def pause(self) -> None:
            """Note it."""
            paused.append(True)

    asked.display = Drawing(asked.terminal.stdout, asked.terminal.stderr)
    consent = make_consent(asked)
    assert consent is not None

    answer = anyio.run(consent, PLAN)

    assert not answer
    assert paused == [True]


def test_a_protected_environment_is_named_once() -> None:
    """The question names the environment; what was typed holds for the whole command."""
    asked = state(Keyboard(" production \nagain\n"))
    source = make_name_source(asked)
    assert source is not None

    assert [anyio.run(source, "production"), anyio.run(source, "production")] == ["production", "production"]

    stderr = asked.terminal.stderr
    assert isinstance(stderr, io.StringIO)
    assert stderr.getvalue() == "Environment `production` is protected. To change it, type its name: "


def test_no_name_acts_in_a_question() -> None:
    """Names come from manifests: what would act on the terminal, line ends among it, is spelled out."""
    asked = state(Keyboard("x\n"))
    prompts: list[str] = []

    def read_hidden(prompt: str) -> str:
        prompts.append(prompt)
        return "typed"

    source, password = make_name_source(asked), make_password_source(asked, read_hidden, in_loop=False)
    assert source is not None
    assert password is not None
    anyio.run(source, "a\n\x1b[2Jb")
    password("c\r\u202ed")

    stderr = asked.terminal.stderr
    assert isinstance(stderr, io.StringIO)
    assert stderr.getvalue().startswith(r"Environment `a\x0a\x1b[2Jb` is protected")
    assert prompts == [r"Password of identity `c\x0d\u202ed`: "]


@pytest.mark.parametrize(
    "nobody", [state(io.StringIO("production\n")), state(Keyboard("production\n"), as_json=True)], ids=["pipe", "json"]
)
def test_a_name_is_not_read_from_a_pipe(nobody: State) -> None:
    """Where nobody can be asked only `--confirm` counts."""
    assert make_name_source(nobody) is None
