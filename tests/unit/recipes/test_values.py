"""Values compare, count as true and are written as serde_json's do."""

import math

import pytest

from orchestrator.recipes.values import compare, is_equal, is_truthy, write_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (1e-5, "0.00001"),
        (1.25e-5, "0.0000125"),
        (-1e-5, "-0.00001"),
        (1e-7, "1e-7"),
        (math.inf, ""),
        (math.nan, ""),
        (True, "true"),
        (None, ""),
        ([1, [None, {}], "x"], "[1, [, [object]], x]"),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_written_values(value: object, text: str) -> None:
    """Numbers keep the shape that the Rust crate gives them; nothing is quoted."""
    assert write_value(value) == text


def test_equality_knows_types() -> None:
    """1, 1.0 and true are different, at any depth."""
    assert is_equal({"a": [1, "x"]}, {"a": [1, "x"]})
    assert not is_equal([1], [1.0])
    assert not is_equal({"a": 1}, {"a": True})


def test_order() -> None:
    """Numbers and texts have an order, and a text that is a number compares with numbers; other values have none."""
    assert (compare(1, 2), compare("b", "a"), compare("10", 10), compare(2.5, "1")) == (-1, 1, 0, 1)
    without_order: list[tuple[object, object]] = [(None, 1), ("x", 1), (True, 1), ("007", 4), (math.nan, 1), ([], [])]
    assert [compare(left, right) for left, right in without_order] == [None] * 6


def test_truth() -> None:
    """Empty and zero are false; zero counts where the block says so."""
    assert not any(map(is_truthy, (None, False, 0, 0.0, "", [], {}, math.nan)))
    assert all(map(is_truthy, (True, -1, "false", [0], {"a": None})))
    assert is_truthy(0, include_zero=True)
