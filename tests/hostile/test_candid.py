"""Messages, texts and values that want to hurt: bombs, endless nesting, absurd lengths."""

import pytest

from orchestrator.candid import FunctionReference, decode, encode, format_message, format_values, parse_interface
from orchestrator.candid import types as T
from orchestrator.candid.cursor import DECODING_QUOTA
from orchestrator.candid.walking import MAX_DEPTH
from orchestrator.core.principal import MANAGEMENT_CANISTER
from orchestrator.errors import CandidDecodeError, CandidError

LIST = T.recursive("list", lambda me: T.Opt(T.tuple_of(T.NAT8, me)))
TOWER = T.recursive("tower", T.Vec)
DEPTH = 20_000


def depth_of(value: object) -> int:
    """Return how many pairs a list has."""
    depth = 0
    while isinstance(value, tuple):
        depth, value = depth + 1, value[1]
    return depth


def linked(length: int) -> object:
    """Return a list of this many pairs."""
    value: object = None
    for _ in range(length):
        value = (1, value)
    return value


def test_deep_lists_go_through() -> None:
    """A list of 20,000 pairs is encoded, decoded, skipped and shown: nothing recurses."""
    data = encode([LIST], [linked(DEPTH)])

    assert depth_of(decode(data, [LIST])[0]) == DEPTH
    assert decode(data, [T.Opt(T.TEXT)]) == [None]
    assert format_message(encode([LIST], [linked(DEPTH // 10)]), [LIST]).count("record {") == DEPTH // 10


@pytest.mark.slow
def test_depth_has_a_limit() -> None:
    """Values nested deeper than the limit are refused by name, both ways."""
    tower: list[object] = []
    for _ in range(MAX_DEPTH + 10):
        tower = [tower]
    message = encode([TOWER], [[]])[:-1] + b"\x01" * (MAX_DEPTH + 10) + b"\x00"

    with pytest.raises(CandidError) as encoding:
        encode([TOWER], [tower])
    with pytest.raises(CandidDecodeError) as decoding:
        decode(message, [TOWER])

    assert encoding.value.slug == decoding.value.slug == "candid/too-deep"
    while tower:  # takes the tower down floor by floor
        tower = tower[0]  # type: ignore[assignment] # a tower holds towers


BOMBS = {
    "vec null": "4449444c016d7f0100" + "ffffffff0f",
    "vec reserved": "4449444c016d700100" + "ffffffff0f",
    "vec of empty records": "4449444c026d016c000100" + "ffffffff0f",
    "vec of vecs of null": "4449444c026d016d7f0100" + "02" + "ffffff7f" + "ffffff7f",
    "vec of records of nulls": "4449444c026d016c03007f017f027f0100" + "ffffff7f",
    "more types than bytes": "4449444c01" + "6cffffffff0f",
    "more arguments than bytes": "4449444c00ffffffff0f",
    "a function of many arguments": "4449444c016affffffff0f",
    "a service of many methods": "4449444c0169ffffffff0f",
    "a text longer than the message": "4449444c000171ffffffffffffffffff01",
    "a vec of numbers longer than the message": "4449444c016d780100ffffffffffffffffff01",
    "a blob longer than the message": "4449444c016d7b0100ffffffffffffffffff01",
    "a future value longer than the message": "4449444c0167000100ffffffffffffffffff0100",
}


@pytest.mark.parametrize("hex_", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("types", [None, [], [T.Opt(T.TEXT)], [T.Vec(T.Opt(T.NAT))]], ids=["own types", "skipped", "mismatch", "other"])
def test_bombs_are_refused(hex_: str, types: list[T.Type] | None) -> None:
    """A few bytes that claim to be billions of values are refused before they become any."""
    with pytest.raises(CandidDecodeError):
        decode(bytes.fromhex(hex_), types)


def test_absent_fields_count() -> None:
    """Records that are small on the wire and large when read use up the quota."""
    narrow = encode([T.Vec(T.record({"a": T.NAT8}))], [[{"a": 1}] * 20_000])
    wide = T.Vec(T.record({f"field{index}": T.Opt(T.NAT) for index in range(100)}))

    with pytest.raises(CandidDecodeError) as caught:
        decode(narrow, [wide])

    assert caught.value.slug == "candid/quota"
    assert len(decode(narrow, [wide], quota=10 * DECODING_QUOTA)) == 1


def test_honest_messages_pass() -> None:
    """A message in which every value takes a byte stays within the quota."""
    type_ = T.Vec(T.record({"a": T.BOOL}))
    count = 500_000
    data = encode([type_], [[]])[:-1] + bytes([0x80 | count & 0x7F, 0x80 | count >> 7 & 0x7F, count >> 14]) + b"\x01" * count

    (values,) = decode(data, [type_])

    assert isinstance(values, list)
    assert len(values) == count


def test_deep_type_tables_are_read() -> None:
    """A table in which every type refers to the next, thousands deep, needs no recursion."""
    depth = 9_000
    table = b"".join(b"\x6e" + leb(index + 1) for index in range(depth - 1)) + b"\x6e\x7d"
    data = b"DIDL" + leb(depth) + table + b"\x01\x00"

    assert decode(data + b"\x00") == [None]
    assert format_message(data + b"\x01" * depth + b"\x05").count("opt") == depth


def leb(value: int) -> bytes:
    """Return a small number as LEB128 that reads the same signed and unsigned."""
    return bytes([0x80 | value & 0x7F, 0x80 | value >> 7 & 0x7F, value >> 14])


def test_nested_mismatches_end() -> None:
    """Opts in opts that all turn out to be null are read in bounded time: each value is gone over twice at most."""
    new = old = T.record({"x": T.NAT})
    for _ in range(25):
        new, old = T.record({"a": T.Opt(new), "z": T.NAT}), T.record({"a": T.Opt(old), "z": T.TEXT})
    value: object = {"x": 1}
    for _ in range(25):
        value = {"a": value, "z": 1}

    assert decode(encode([T.Opt(new)], [value]), [T.Opt(old)]) == [None]


@pytest.mark.slow
def test_comparing_functions_has_a_limit() -> None:
    """Function types that make a comparison quadratic are refused instead of compared for minutes."""

    def ring(length: int, extra: T.Type) -> T.Type:
        knots = [T.Knot(f"k{index}") for index in range(length)]
        for index, knot in enumerate(knots):
            knot.tie(T.record({"next": T.Vec(knots[(index + 1) % length]), f"only here {index}": extra}))
        return knots[0]

    wire = T.function([], [ring(997, T.NAT)])
    expected = T.function([], [ring(991, T.Opt(T.NAT))])

    with pytest.raises(CandidDecodeError) as caught:
        decode(encode([wire], [FunctionReference(MANAGEMENT_CANISTER, "m")]), [expected])

    assert caught.value.slug == "candid/quota"


def test_type_laughs() -> None:
    """A .did file whose types are exponentially large written out is parsed, used and shown."""
    text = "type A0 = nat;" + "".join(f"type A{index + 1} = record {{ A{index}; A{index} }};" for index in range(60))
    interface = parse_interface(f"{text} service : {{ f : (opt A60) -> () }}")
    assert interface.service is not None
    types = interface.service.methods["f"].arguments

    assert format_values(decode(encode(types, [None]), types), types) == "(null)"
    assert len(str(types[0])) < 100_000
