"""What is said about values in scripts is what `sh` does with them."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.documents import parse_yaml, plain_value
from orchestrator.engine.authoring.recipe_marks import instrument, render_marked
from orchestrator.engine.authoring.recipe_probing import PROBES, Failures, find_harm
from orchestrator.recipes import parse_template

PATH = Path("x.hbs")
ESCAPED = "{{replace \"'\" \"'\\\\''\" x}}"
VALUES = st.sampled_from([*PROBES, "#", "#1", "?", "[a]", "a*"]) | st.text("'\"$`;&|<> #*~(){}[]!a1-=:,\\@%", min_size=1, max_size=8)
"""Whatever a shell makes of these, there is no command that it could find."""
PIECES = st.lists(
    st.sampled_from(["{{x}}", ESCAPED, f"'{ESCAPED}'", "'{{x}}'", '"{{x}}"', "b", "'c d'", '"e"', "\\f", "''", " ", "  ", "\\\n        "]),
    min_size=1,
    max_size=6,
)
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG = settings(QUICK, max_examples=1_000)


def words_of(script: str, directory: Path) -> list[str] | None:
    """Return the words that `sh` makes of a script's arguments; None where it fails."""
    done = subprocess.run(["/bin/sh", "-c", script], cwd=directory, env={"PATH": ""}, capture_output=True, check=False, timeout=30)
    return done.stdout.decode().split("\0")[:-1] if done.returncode == 0 and not done.stderr else None


def agrees(pieces: list[str], value: str, directory: Path) -> bool:
    """Tell whether what is found about a value is what `sh` does with it, compared with a word that is harmless."""
    (directory / "a").touch()  # for patterns to find
    template = f"build:\n  steps:\n    - type: script\n      command: |-\n        printf '%s\\0' {''.join(pieces)} end\n"
    instrumented = instrument(parse_template(template, PATH))
    assert instrumented is not None
    marked, harmless = render_marked(instrumented, {"x": value}), render_marked(instrumented, {"x": "VALUE"})
    failures = Failures(left=1_000_000)
    find_harm(marked, value, failures)
    assert "yaml-value" not in failures.found  # a block takes every line

    tree = plain_value(parse_yaml(marked.fill(), PATH) or pytest.fail("nothing"))
    script = tree["build"]["steps"][0]["command"]  # type: ignore[index]  # what the template above says
    meant = words_of(script_of(harmless.fill()), directory)
    assert meant is not None
    wanted = [word.replace("VALUE", value) for word in meant]
    arrives = words_of(script, directory) == wanted
    if "shell-quoting" not in failures.found:
        return arrives
    return not arrives or bool(set(value) & set("*?[~{"))  # what is no pattern after all is left as it is


def script_of(text: str) -> str:
    """Return the script of a rendering."""
    return text.partition("command: |-\n        ")[2].rstrip("\n").replace("\n        ", "\n")


@QUICK
@given(pieces=PIECES, value=VALUES)
def test_values_arrive_as_said(tmp_path_factory: pytest.TempPathFactory, pieces: list[str], value: str) -> None:
    """Where nothing is found the value arrives as it is; where something is found it does not."""
    assert agrees(pieces, value, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@LONG
@given(pieces=PIECES, value=VALUES)
def test_values_arrive_as_said_at_length(tmp_path_factory: pytest.TempPathFactory, pieces: list[str], value: str) -> None:
    """The same, many times."""
    assert agrees(pieces, value, tmp_path_factory.getbasetemp())
