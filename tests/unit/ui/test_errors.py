"""Errors as text and as JSON."""

from pathlib import Path

import pytest

from orchestrator.errors import Diagnostic, ManifestError, NetworkError, Span
from orchestrator.ui.errors import diagnostic_to_json, error_to_json, render_diagnostic, render_error
from orchestrator.ui.style import Style, cell_width

BASE = Path("/project")
UNKNOWN_KEY = Diagnostic(
    slug="manifest/unknown-key",
    summary="the key `biuld` is not known",
    detail="a canister has the keys name, build and sync",
    span=Span(path=BASE / "icp.yaml", line=9, column=13, length=5, text="            biuld:"),
    hint="did you mean `build`?",
)


def test_problem_with_place() -> None:
    """A problem shows its slug, its place with the line and a caret, why, and a hint after a blank line."""
    assert render_diagnostic(UNKNOWN_KEY, base=BASE) == (
        "error[manifest/unknown-key]: the key `biuld` is not known\n"
        " --> icp.yaml:9:13\n"
        "  |\n"
        "9 |             biuld:\n"
        "  |             ^^^^^\n"
        "  a canister has the keys name, build and sync\n"
        "\n"
        "hint: did you mean `build`?"
    )


def test_secrets_of_urls_are_not_shown() -> None:
    """A line of a file is shown without the password in its URL, and the caret stands below what it stood below."""
    url = "https://me:secret@example.com/a.wasm"
    span = Span(path=BASE / "icp.yaml", line=9, column=6, length=len(url), text=f"url: {url}")

    assert render_diagnostic(Diagnostic(slug="a/b", summary="no", span=span), base=BASE) == (
        "error[a/b]: no\n --> icp.yaml:9:6\n  |\n9 | url: https://***@example.com/a.wasm\n  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    )


def test_related_place_and_file_elsewhere() -> None:
    """Further places come with their note; a file outside the base keeps its whole path."""
    diagnostic = Diagnostic(
        slug="manifest/duplicate",
        summary="two canisters are named `a`",
        span=Span(path=BASE / "icp.yaml", line=12, column=3, text="  name: a"),
        related=((Span(path=Path("/other/canister.yaml"), line=1, column=1, text="name: a"), "the other one"),),
    )

    assert render_diagnostic(diagnostic, base=BASE) == (
        "error[manifest/duplicate]: two canisters are named `a`\n"
        "  --> icp.yaml:12:3\n"
        "   |\n"
        "12 |   name: a\n"
        "   |   ^\n"
        " --> /other/canister.yaml:1:1: the other one\n"
        "1 | name: a\n"
        "  | ^"
    )


def test_several_problems_and_their_headline() -> None:
    """All problems are shown, then the headline with its detail."""
    warning = Diagnostic(slug="a/b", summary="odd", severity="warning")
    error = ManifestError("2 problems in icp.yaml", detail="the first\nthe second", diagnostics=[UNKNOWN_KEY, warning])

    text = render_error(error, base=BASE)

    assert text.startswith("error[manifest/unknown-key]")
    assert text.endswith("\n\nwarning[a/b]: odd\n\nerror: 2 problems in icp.yaml (1 error, 1 warning)\n  the first\n  the second")


def test_single_problem_has_no_headline() -> None:
    """An error that is one problem says it once."""
    error = NetworkError("port 8000 is in use", slug="network/port-taken", hint="stop it")

    assert render_error(error, base=BASE) == "error[network/port-taken]: port 8000 is in use\n\nhint: stop it"


def test_summary_of_several_lines_keeps_them() -> None:
    """What strangers say in several lines is shown so, indented: none of them passes for a line of ours."""
    error = NetworkError("plugin returned error: bad:\n- a\x1b[2J\nhint: run this", slug="plugin/err", hint="mend it")

    expected = "error[plugin/err]: plugin returned error: bad:\n  - a\\x1b[2J\n  hint: run this\n\nhint: mend it"
    assert render_error(error, base=BASE) == expected


def test_hint_of_several_lines_keeps_them() -> None:
    """What a hint wants written is shown as it is to be written, indented."""
    error = NetworkError("port 8000 is in use", slug="network/port-taken", hint="write:\nnetworks:\n  - name: local\x1b")

    assert render_error(error, base=BASE).endswith("\nhint: write:\n  networks:\n    - name: local\\x1b")


@pytest.mark.parametrize(
    ("text", "column", "length", "line", "caret"),
    [
        ("\tdir: 1", 2, 3, "1 |     dir: 1", "  |     ^^^"),
        ("名前: x", 5, 1, "1 | 名前: x", "  |       ^"),
        ("ab", 3, 1, "1 | ab", "  |   ^"),
        ("ab", 99, 5, "1 | ab", "  |   ^"),
        ("a\x1b[2Jb", 1, 1, "1 | a\\x1b[2Jb", "  | ^"),
    ],
)
def test_caret_stands_under_its_text(text: str, column: int, length: int, line: str, caret: str) -> None:
    """Tabs, wide characters, ends of lines and control characters do not move the caret."""
    span = Span(path=BASE / "f", line=1, column=column, length=length, text=text)

    lines = render_diagnostic(Diagnostic(slug="a/b", summary="s", span=span), base=BASE).splitlines()

    assert lines[-2:] == [line, caret]


@pytest.mark.parametrize("column", [1, 60, 500, 995])
def test_long_line_is_shown_around_the_caret(column: int) -> None:
    """Of a very long line only the part around the place is shown, with the caret under it."""
    text = "".join(chr(ord("a") + index % 26) for index in range(1000))
    span = Span(path=BASE / "f", line=1, column=column, length=3, text=text)

    lines = render_diagnostic(Diagnostic(slug="a/b", summary="s", span=span), base=BASE).splitlines()

    shown, caret = lines[-2], lines[-1]
    start = caret.index("^")
    assert len(shown) <= 4 + 120
    assert shown[start : start + 3] == text[column - 1 : column + 2]


MANIFEST = """\
canisters:
  - name: backend
    # how it is made
    build:
      steps:
        - type: script
          command: make

          comand: make
    settings:
      environment_variables:
        API_KEY: hunter2
        OTHER: 17
    stings: {}
networks: []
netwroks: []
"""


def place(line: int, word: str) -> Span:
    """Return the place of a word in the manifest."""
    lines = tuple(MANIFEST.splitlines())
    text = lines[line - 1]
    return Span(path=BASE / "icp.yaml", line=line, column=text.index(word) + 1, length=len(word), text=text, lines=lines)


@pytest.mark.parametrize(
    ("line", "word", "shown"),
    [
        (9, "comand", ["6 |         - type: script", "7 |           command: make", "  ...", "9 |           comand: make"]),
        (7, "make", ["5 |       steps:", "6 |         - type: script", "7 |           command: make"]),
        (14, "stings", [" 2 |   - name: backend", "   ...", "13 |         OTHER: ********", "14 |     stings: {}"]),
        (16, "netwroks", ["14 |     stings: {}", "15 | networks: []", "16 | netwroks: []"]),
        (2, "backend", ["1 | canisters:", "2 |   - name: backend"]),
        (1, "canisters", ["1 | canisters:"]),
    ],
    ids=["a key of a step", "its value", "a key of a canister", "a key of the file", "the second line", "the first line"],
)
def test_lines_that_lead_to_the_place(line: int, word: str, shown: list[str]) -> None:
    """Shown are the line above and the nearest parent, without comments and secrets; what is left out is marked."""
    text = render_diagnostic(Diagnostic(slug="a/b", summary="s", span=place(line, word)), base=BASE)

    assert text.splitlines()[3:-1] == shown


def test_secrets_are_masked_in_lines_and_words() -> None:
    """A value that may be secret is neither in the lines, nor in the words, nor in JSON; the caret stands below its mask."""
    secret = Diagnostic(slug="a/b", summary="`hunter2` is bad", detail="hunter2", span=place(12, "hunter2"), hint="write it: hunter2")
    short = Diagnostic(slug="a/b", summary="must be text, not the number 17", span=place(13, "17"), hint='put it in double quotes: "17"')
    both = ManifestError("two", diagnostics=[secret, short])

    text = render_error(both, base=BASE)

    assert "`********` is bad\n" in text
    assert "must be text, not a number\n" in text
    assert "hint: write it: ********\n" in text
    assert "hint: put it in double quotes\n" in text
    assert text.count("API_KEY: ********") == 2
    assert "12 |         API_KEY: ********\n   |                  ^^^^^^^^\n" in text
    for shown in (text, str(error_to_json(both)), str(error_to_json(ManifestError("`hunter2` is bad", diagnostics=[secret])))):
        assert "hunter2" not in shown
        assert '"17"' not in shown


def test_place_without_text_is_named_only() -> None:
    """A span without its line shows the place and no excerpt."""
    diagnostic = Diagnostic(slug="a/b", summary="s", span=Span(path=BASE / "f", line=2, column=1))

    assert render_diagnostic(diagnostic, base=BASE) == "error[a/b]: s\n --> f:2:1"


def test_colour_is_only_colour() -> None:
    """The coloured text starts with red, warnings with yellow, hints are cyan."""
    style = Style(enabled=True)
    text = render_diagnostic(UNKNOWN_KEY, base=BASE, style=style)
    warning = render_diagnostic(Diagnostic(slug="a/b", summary="s", severity="warning"), base=BASE, style=style)

    assert text.startswith("\x1b[1;31merror\x1b[0m")
    assert "\x1b[36mhint\x1b[0m: did you mean" in text
    assert warning.startswith("\x1b[1;33mwarning\x1b[0m")


def test_json_form() -> None:
    """The JSON form has the slug, the exit code, and every problem with its place."""
    value = error_to_json(ManifestError("1 problem", diagnostics=[UNKNOWN_KEY]))

    assert (value["slug"], value["summary"], value["exit_code"]) == ("manifest/invalid", "1 problem", 1)
    assert value["diagnostics"] == [diagnostic_to_json(UNKNOWN_KEY)]
    assert diagnostic_to_json(UNKNOWN_KEY) == {
        "slug": "manifest/unknown-key",
        "severity": "error",
        "summary": "the key `biuld` is not known",
        "detail": "a canister has the keys name, build and sync",
        "place": {"path": "/project/icp.yaml", "line": 9, "column": 13},
        "related": [],
        "hint": "did you mean `build`?",
    }


@pytest.mark.parametrize("columns", [40, 60, 120])
@pytest.mark.parametrize("text", ["x" * 200 + "HERE" + "y" * 200, "名" * 150 + "HERE" + "前" * 150, "\t" * 60 + "HERE\x1b" + "\t" * 60])
def test_excerpt_fits_its_terminal(text: str, columns: int) -> None:
    """A line of whatever characters is no wider than the terminal, and what is meant is in it, with something on both sides."""
    span = Span(path=BASE / "f", line=7, column=text.index("HERE") + 1, length=4, text=text)

    shown = render_diagnostic(Diagnostic(slug="a/b", summary="s", span=span), base=BASE, style=Style(enabled=False, columns=columns))
    line, caret = shown.splitlines()[-2:]
    before, _, after = line.partition("HERE")

    assert cell_width(line) <= columns
    assert cell_width(after) > columns // 10
    assert caret == f"  |{' ' * (cell_width(before) - 3)}^^^^"
