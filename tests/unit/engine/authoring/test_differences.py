"""How a call differs from the recorded one, in words that fit on a screen."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.candid import parse_arguments
from orchestrator.engine.authoring.differences import MAX_COLUMNS, MAX_LINES, describe_difference
from orchestrator.engine.authoring.recording import RecordedCall
from orchestrator.sandbox.request import CanisterCallRequest


def asked(arg: bytes, method: str = "put") -> CanisterCallRequest:
    """Return an update call."""
    return CanisterCallRequest(method=method, arg=arg, call_type="update", direct=False, cycles=0)


def recorded(arg: bytes) -> RecordedCall:
    """Return the recording of an update call of `put`."""
    return RecordedCall(method="put", type="update", direct=False, cycles=0, arg=arg, result=b"", error=None)


def test_only_the_lines_that_differ_are_marked() -> None:
    """A record is compared field by field."""
    old, new = (parse_arguments(f'(record {{ 1 = "one"; 2 = {value}; 3 = "{"x" * 60}"; 4 = "{"y" * 60}" }})', None) for value in ("2", "3"))

    lines = describe_difference(asked(new), recorded(old)).splitlines()

    assert [line for line in lines if line[0] in "+-"] == ["-    2 = 2 : int;", "+    2 = 3 : int;"]


def test_the_same_values_in_other_bytes_are_compared_as_bytes() -> None:
    """Two messages that read the same but are not, such as with a type that nobody uses, differ all the same."""
    old, new = parse_arguments('("hi")', None), b"DIDL\x01\x6e\x71\x01\x71\x02hi"

    lines = describe_difference(asked(new), recorded(old)).splitlines()

    assert lines == [" update put", f"-hex {old.hex()}", f"+hex {new.hex()}"]


def test_long_messages_are_shown_around_the_difference() -> None:
    """Two megabytes that differ in one byte are told by a few of them."""
    old = bytes(2_000_000)
    new = old[:1_500_000] + b"\1" + old[1_500_001:]

    lines = describe_difference(asked(new), recorded(old)).splitlines()

    assert lines == [
        " update put",
        f"-2000000 bytes, from byte 1499984: {'00' * 32}…",
        f"+2000000 bytes, from byte 1499984: {'00' * 16}01{'00' * 15}…",
    ]


def test_long_lines_are_cut_to_where_they_differ() -> None:
    """The end of a long text is shown if that is where it differs."""
    old, new = (parse_arguments(f'("{"a" * 5_000}{end}")', None) for end in ("old", "new"))

    removed, added = (line for line in describe_difference(asked(new), recorded(old)).splitlines() if line[0] in "+-")

    assert (removed[:2], added[:2]) == ("-…", "+…")
    assert (removed[-5:], added[-5:]) == ('old",', 'new",')


@given(st.binary(max_size=3_000), st.binary(max_size=3_000))
def test_any_two_calls_can_be_told_apart(old: bytes, new: bytes) -> None:
    """Whatever the bytes, the text is short, and two that differ have a marked line for each."""
    text = describe_difference(asked(new), recorded(old))
    lines = text.splitlines()

    assert len(lines) <= MAX_LINES + 1
    assert max(map(len, lines), default=0) <= MAX_COLUMNS + 3
    assert ({line[0] for line in lines} >= {"+", "-"}) == (old != new)
