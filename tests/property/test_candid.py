"""Candid for any value: what goes in comes out, as bytes and as text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.candid import decode, encode, format_message, format_values, is_subtype, parse_values
from orchestrator.candid import types as T
from orchestrator.candid.table import build_table, types_of
from orchestrator.errors import CandidError
from tests.support.candid_generator import CandidGenerator

bounded = settings(max_examples=150)
SEEDS = st.integers(0, 2**32)
NUMBERS = (T.NAT16, T.NAT32, T.NAT64, T.INT8, T.INT16, T.INT32, T.INT64)


@bounded
@given(SEEDS)
def test_bytes_round_trip(seed: int) -> None:
    """Any value of any type is the same after encoding and decoding."""
    generator = CandidGenerator(seed)
    type_ = generator.type()
    value = generator.value(type_)

    assert repr(decode(encode([type_], [value]), [type_])) == repr([value])


@bounded
@given(SEEDS)
def test_encoding_is_canonical(seed: int) -> None:
    """What was decoded encodes to the same bytes again, at the message's own types too."""
    generator = CandidGenerator(seed)
    type_ = generator.type()
    data = encode([type_], [generator.value(type_)])

    assert encode([type_], decode(data, [type_])) == data
    assert encode(types_of(build_table([type_])), decode(data, [type_])) == data


@bounded
@given(SEEDS)
def test_text_round_trips(seed: int) -> None:
    """Shown values are read back as the same values, where they have literals."""
    generator = CandidGenerator(seed)
    type_ = generator.type()
    value = generator.value(type_)
    text = format_values([value], [type_])

    if "inf :" not in text:
        assert repr(parse_values(text, [type_])) == repr([value])


@bounded
@given(SEEDS)
def test_subtypes_decode(seed: int) -> None:
    """A message of a subtype never fails at the supertype."""
    generator = CandidGenerator(seed)
    new = generator.type()
    old = generator.changed(new)
    data = encode([new], [generator.value(new)])

    if is_subtype(new, old) is None:
        assert len(decode(data, [old])) == 1


@bounded
@given(SEEDS)
def test_subtyping_is_reflexive(seed: int) -> None:
    """Every type is a subtype of itself."""
    type_ = CandidGenerator(seed).type()

    assert is_subtype(type_, type_) is None


@bounded
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    """Arbitrary bytes after the magic give values or `CandidError`, nothing else."""
    try:
        values = decode(b"DIDL" + tail)
    except CandidError:
        return
    assert isinstance(values, list)
    assert isinstance(format_message(b"DIDL" + tail), str)


@bounded
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Arbitrary text gives values or `CandidError`, nothing else."""
    for candidate in (text, f"({text})"):
        try:
            values = parse_values(candidate)
        except CandidError:
            continue
        assert isinstance(values, list)


@bounded
@given(st.sampled_from(NUMBERS).flatmap(lambda type_: st.tuples(st.just(type_), st.lists(st.integers(-(2**64), 2**64)))))
def test_vecs_of_numbers(case: tuple[T.Type, list[int]]) -> None:
    """A vec of fixed-width numbers round-trips, or is refused exactly when one of them is out of range."""
    type_, numbers = case
    try:
        data = encode([T.Vec(type_)], [numbers])
    except CandidError:
        singles = []
        for number in numbers:
            try:
                singles.append(encode([type_], [number]))
            except CandidError:
                continue
        assert len(singles) < len(numbers)
        return
    assert decode(data, [T.Vec(type_)]) == [numbers]
