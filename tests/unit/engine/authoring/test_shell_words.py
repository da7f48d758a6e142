"""Scripts for `sh`, taken apart: what stays as it is written, and what the shell acts on."""

import subprocess

import pytest

from orchestrator.engine.authoring.shell_words import Active, Literal, Operator, UnfinishedError, Word, fill_in, split_script

END = Operator("\n")


def word(text: str) -> Word:
    """Return a word of literal text."""
    return Word((Literal(text),))


@pytest.mark.parametrize(
    ("script", "tokens"),
    [
        pytest.param("a 'b c' d\\ e", (word("a"), word("b c"), word("d e")), id="quotes"),
        pytest.param("''", (Word(()),), id="empty-word"),
        pytest.param("a'b'\"c\"", (word("abc"),), id="one-word"),
        pytest.param('"a \\$ \\" \\x"', (word('a $ " \\x'),), id="escapes-in-quotes"),
        pytest.param("a # b\nc", (word("a"), END, word("c")), id="comment"),
        pytest.param("a#b", (word("a#b"),), id="no-comment"),
        pytest.param("a \\\n b", (word("a"), word("b")), id="continued-line"),
        pytest.param("a&&b;c", (word("a"), Operator("&&"), word("b"), Operator(";"), word("c")), id="operators"),
        pytest.param("a *.c", (word("a"), Word((Active("pattern", "*"), Literal(".c")))), id="pattern"),
        pytest.param("'*'", (word("*"),), id="quoted-pattern"),
        pytest.param("$a", (Word((Active("parameter", "a"),)),), id="parameter"),
        pytest.param('"${a:-}}b"', (Word((Active("quoted parameter", "a:-"), Literal("}b"))),), id="braces"),
        pytest.param("$((1 + (2)))", (Word((Active("arithmetic", "1 + (2)"),)),), id="arithmetic"),
        pytest.param("$", (word("$"),), id="lone-dollar"),
        pytest.param(
            "`a \\`b\\``", (Word((Active("command", "", (word("a"), Word((Active("command", "", (word("b"),)),)))),)),), id="backquotes"
        ),
        pytest.param('"$(a "b c")"', (Word((Active("quoted command", "", (word("a"), word("b c"))),)),), id="substitution"),
        pytest.param(
            "$(case a in a) b;; esac)",
            (
                Word(
                    (
                        Active(
                            "command",
                            "",
                            (
                                *(word("case"), word("a"), word("in"), word("a"), Operator(")")),
                                *(word("b"), Operator(";;"), word("esac")),
                            ),
                        ),
                    )
                ),
            ),
            id="case-in-substitution",
        ),
        pytest.param("cat <<'E'\n$a\nE\nb", (word("cat"), Operator("<<"), word("E"), END, word("$a\n"), word("b")), id="literal-document"),
        pytest.param(
            "cat <<E\n$a\nE\n",
            (word("cat"), Operator("<<"), word("E"), END, Word((Active("quoted parameter", "a"), Literal("\n")))),
            id="document",
        ),
    ],
)
def test_scripts_are_split(script: str, tokens: tuple[Word | Operator, ...]) -> None:
    """Each form of POSIX's quoting and expansion is told from literal text."""
    assert split_script(script) == tokens


@pytest.mark.parametrize("script", ["'a", '"a', "`a", "$(a", "${a", "$((1)", "cat <<E\na", "$(" * 60])
def test_what_does_not_end_is_refused(script: str) -> None:
    """A quote or a substitution without an end is an error, however deep."""
    with pytest.raises(UnfinishedError):
        split_script(script)


def test_values_take_the_place_of_marks() -> None:
    """In literal text every value does; where the shell computes, only letters and digits."""
    tokens = split_script('a "\ue0000\ue001" $((\ue0000\ue001)) $(b \ue0000\ue001)')
    mark = "\ue0000\ue001"

    inner = Active("command", "", (word("b"), word("it's")))
    assert fill_in(tokens, {mark: "it's"}) == (word("a"), word("it's"), Word((Active("arithmetic", mark),)), Word((inner,)))
    assert fill_in(tokens, {mark: "7"})[2] == Word((Active("arithmetic", "7"),))


@pytest.mark.parametrize("script", ["a 'b c' \"d\\\" e\" f\\ g''h", 'x="a b" "c$"', "'a'\\''b' \\\\ \"\\`\" '' # c", "a\\\nb '\n'"])
def test_the_shell_agrees(script: str) -> None:
    """`sh` makes of literal words what is said here."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {script}"], capture_output=True, text=True, check=True)

    words = ["".join(part.text for part in token.parts) for token in split_script(script) if isinstance(token, Word)]
    assert done.stdout.split("\0")[:-1] == words
