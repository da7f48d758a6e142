"""The tools that made a component, read from bytes that nobody vouches for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.authoring.producers import MAX_PRODUCERS, read_producers
from orchestrator.sandbox.reports import Producer

COMPONENT = b"\0asm\x0d\0\x01\0"
MODULE = b"\0asm\x01\0\0\0"


def text(value: str) -> bytes:
    """Encode a short text with its length."""
    return bytes([len(value.encode())]) + value.encode()


def section(number: int, body: bytes) -> bytes:
    """Encode a section; lengths below 16384."""
    return bytes([number, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


def producers(**fields: tuple[str, str]) -> bytes:
    """Encode a `producers` section with one name for each field."""
    entries = b"".join(text(field) + b"\x01" + text(name) + text(version) for field, (name, version) in fields.items())
    return section(0, text("producers") + bytes([len(fields)]) + entries)


def test_all_levels_are_read() -> None:
    """The component's own section counts, and those of modules and components inside, each tool once."""
    inner = MODULE + producers(language=("C11", ""), sdk=("kit", "2"))
    nested = COMPONENT + section(1, inner)
    component = COMPONENT + producers(sdk=("kit", "2")) + section(1, inner) + section(4, nested)

    assert read_producers(component) == (
        Producer(field="language", name="C11", version=""),
        Producer(field="sdk", name="kit", version="2"),
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(COMPONENT, id="bare"),
        pytest.param(COMPONENT + b"\x00\xff\xff\xff\xff\xff", id="endless-number"),
        pytest.param(COMPONENT + b"\x00\x40abc", id="cut-off"),
        pytest.param(COMPONENT + section(0, text("producers") + b"\x7f\x05ab"), id="too-few-entries"),
        pytest.param(COMPONENT + section(0, b"\x7fx"), id="name-too-long"),
    ],
)
def test_nonsense_names_no_tools(data: bytes) -> None:
    """What cannot be read is left out."""
    assert read_producers(data) == ()


def test_tools_are_bounded() -> None:
    """A file cannot make the list endless."""
    component = COMPONENT + b"".join(producers(sdk=(f"kit{number}", "")) for number in range(MAX_PRODUCERS + 50))

    assert len(read_producers(component)) == MAX_PRODUCERS


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(tail: bytes) -> None:
    """Whatever follows a header, reading ends and raises nothing."""
    assert len(read_producers(COMPONENT + tail)) <= MAX_PRODUCERS
