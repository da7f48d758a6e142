"""Amounts are read as icp-cli reads them."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.units import MAX_NAT64, MAX_NAT128, Amount, UnitError, parse_cycles, parse_duration, parse_memory, render_duration


@pytest.mark.parametrize(
    ("text", "cycles"),
    [
        ("0", 0),
        ("1_000", 1000),
        ("1.5t", 1_500_000_000_000),
        ("2K", 2000),
        ("3m", 3_000_000),
        ("4b", 4_000_000_000),
        ("1e3", 1000),
        (".5k", 500),
        ("+5", 5),
        ("-0", 0),
        ("-0.0t", 0),
        ("_-_0_k", 0),
        ("0e99999m", 0),
        ("0e-99999", 0),
        ("1_t", 10**12),
        ("1e-3k", 1),
    ],
)
def test_cycles(text: str, cycles: int) -> None:
    """Cycles take k, m, b, t, exponents and fractions that come out whole."""
    assert parse_cycles(text) == cycles


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("2 KB", 2000),
        ("2kib", 2048),
        ("1.5 MiB", 1_572_864),
        ("3mb", 3_000_000),
        ("4 gb", 4 * 10**9),
        ("1GiB", 2**30),
        ("0.5kib", 512),
        ("\u30001\u2003kib\x85", 1024),
    ],
)
def test_memory(text: str, size: int) -> None:
    """Memory takes decimal and binary suffixes of any case, with space before them."""
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("5s", 5), ("2m", 120), ("1H", 3600), ("30d", 2_592_000), ("1w", 604_800), ("1_0s", 10)]
)
def test_duration(text: str, seconds: int) -> None:
    """Durations are whole numbers of one unit, seconds without one."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "-1",
        "1.5.5",
        "t",
        "1q",
        "1 .5",
        "1 t",
        "--0",
        "-0.1",
        "0x10",
        "1.0000000000001t",
        "1e99999999999",
        "9" * 200,
        "١",
        "1t_",
        "0e99999999999999999999",
        "1 k",
        "1t\x1c",
        "\x1f1",
    ],
)
def test_wrong_cycles(text: str) -> None:
    """What is not an amount is refused with a reason, whatever its size."""
    with pytest.raises(UnitError):
        parse_cycles(text)


@pytest.mark.parametrize("text", ["1.5s", "1y", "1e3", "", "s", "-5", "²", "-0", "_-0", "5d_", "1_d_", "5d\x1e"])
def test_wrong_duration(text: str) -> None:
    """Durations have no fractions, no exponents and no years."""
    with pytest.raises(UnitError):
        parse_duration(text)


def test_ranges() -> None:
    """Memory and durations fit 64 bits, cycles 128."""
    assert parse_memory(str(MAX_NAT64)) == MAX_NAT64
    assert parse_cycles(str(MAX_NAT128)) == MAX_NAT128
    for parse, largest in ((parse_memory, MAX_NAT64), (parse_duration, MAX_NAT64), (parse_cycles, MAX_NAT128)):
        with pytest.raises(UnitError):
            parse(str(largest + 1))


@given(st.text(alphabet="0123456789._-+eEkKmMbBtTgGiIsShHdDwW ", max_size=30))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    """No text ends in anything but a whole number or `UnitError`."""
    for parse in (parse_cycles, parse_memory, parse_duration):
        try:
            value = parse(text)
        except UnitError:
            value = 0
        assert value >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (1, "1 s"), (90, "1 min 30 s"), (3600, "1 h"), (90_061, "1 d 1 h"), (86_405, "1 d 5 s"), (31_536_000, "365 d")],
)
def test_durations_are_written_in_two_units(seconds: int, text: str) -> None:
    """People are told the two largest units that are not zero."""
    assert render_duration(seconds) == text


def test_an_amount_is_its_number_and_remembers_its_text() -> None:
    """It compares, prints and is copied as the number it is."""
    amount = Amount(1 << 30, "1gib")

    assert (amount, str(amount), amount.written, copy.deepcopy(amount).written) == (1 << 30, "1073741824", "1gib", "1gib")
    assert Amount(5).written == 5
