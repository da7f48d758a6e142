"""Plain scalars get the type that icp-cli's parser gives them."""

import math

import pytest

from orchestrator.documents.scalars import resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x10", -16),
        ("0b101", 5),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".inf", math.inf),
        ("340282366920938463463374607431768211455", 2**128 - 1),
        ("340282366920938463463374607431768211456", 2.0**128),
        ("-.INF", -math.inf),
        ("18446744073709551615", 2**64 - 1),
    ],
)
def test_core_schema_values(text: str, value: object) -> None:
    """A plain scalar of the core schema has its value and exactly its type."""
    resolved = resolve_plain(text)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "1.0.0",
        "2024-01-01",
        "12:30:45",
        "~x",
        "nULL",
        "tRUE",
        "007",
        "-01",
        "1_000",
        "0o8",
        "0xg",
        "1e999",
        "<<",
        ".",
    ],
)
def test_everything_else_is_text(text: str) -> None:
    """What YAML 1.1 would turn into dates, booleans or numbers stays text."""
    assert resolve_plain(text) == text


def test_not_a_number_is_a_float() -> None:
    """`.nan` is the one value that does not equal itself."""
    value = resolve_plain(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["9" * 100_000, "0x" + "f" * 100_000, "1" + "0" * 100_000 + ".5"])
def test_endless_digits_are_text_or_float(text: str) -> None:
    """A number of any length is read without being turned into a huge integer."""
    assert isinstance(resolve_plain(text), str | float)
