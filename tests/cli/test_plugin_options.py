"""What the command line passes on to sync plugins: malformed options end the command before it does anything."""

import pytest

from orchestrator.cli.options import KeyValue
from tests.support.command import Command


@pytest.mark.parametrize("verb", ["plan", "deploy", "sync"])
@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--option", "mode", "'mode' is not of the form KEY=VALUE"),
        ("--option", "=full", "'=full' is not of the form KEY=VALUE"),
        ("--compute-limit", "0", "'0' is not a number of seconds above zero"),
        ("--compute-limit", "-1", "'-1' is not a number of seconds above zero"),
        ("--compute-limit", "nan", "'nan' is not a number of seconds above zero"),
        ("--compute-limit", "inf", "'inf' is not a number of seconds above zero"),
        ("--compute-limit", "long", "'long' is not a number of seconds above zero"),
    ],
)
def test_malformed_options_are_usage_errors(orchestrator: Command, verb: str, option: str, value: str, words: str) -> None:
    """Exit status 2, the value, and what it should have been; no project is even looked at."""
    done = orchestrator(verb, option, value)

    assert (done.exit_code, done.stdout) == (2, "")
    assert f"invalid value for '{option}': {words}" in done.stderr


@pytest.mark.parametrize(
    ("text", "pair"), [("mode=full", ("mode", "full")), ("filter=a=b c", ("filter", "a=b c")), ("mode=", ("mode", ""))]
)
def test_a_pair_is_split_at_the_first_sign(text: str, pair: tuple[str, str]) -> None:
    """A value may be empty, and have further signs."""
    assert KeyValue().convert(text, None, None) == pair
