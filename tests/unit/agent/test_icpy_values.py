"""ic-py's shapes of values: what our decoder gives is what ic-py's own would have given, where that one works."""

import random
from typing import Any

import pytest

pytest.importorskip("ic", reason="ic-py is not installed: it is the extra `ic-py`")

import ic.candid as icpy
from ic.principal import Principal as IcpyPrincipal

from orchestrator.agent.icpy_values import convert_type, decode_reply
from orchestrator.candid import encode, types
from orchestrator.errors import CandidDecodeError

T = icpy.Types


def tree() -> Any:
    """Return a recursive type."""
    kind = T.Rec()
    kind.fill(T.Record({"value": T.Nat, "children": T.Vec(kind)}))
    return kind


CASES = [
    (T.Nat, 10**30),
    (T.Int, -(10**30)),
    (T.Text, "ä"),
    (T.Bool, True),
    (T.Null, None),
    (T.Nat8, 255),
    (T.Int64, -5),
    (T.Float64, 1.5),
    (T.Opt(T.Nat), []),
    (T.Opt(T.Nat), [5]),
    (T.Opt(T.Opt(T.Nat)), [[]]),
    (T.Opt(T.Opt(T.Nat)), [[5]]),
    (T.Vec(T.Nat8), [1, 2, 3]),
    (T.Vec(T.Text), ["a", "b"]),
    (T.Record({"name": T.Text, "age": T.Opt(T.Nat)}), {"name": "x", "age": [1]}),
    (T.Variant({"Ok": T.Nat, "Err": T.Text}), {"Ok": 5}),
    (T.Variant({"None": T.Null, "Some": T.Vec(T.Nat8)}), {"None": None}),
    (tree(), {"value": 1, "children": [{"value": 2, "children": []}]}),
]


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_values_keep_ic_pys_shapes(kind: Any, value: Any) -> None:
    """A value that ic-py encoded comes back as ic-py itself would decode it."""
    data = icpy.encode([{"type": kind, "value": value}])
    assert decode_reply(data, [kind]) == icpy.decode(data, [kind]) == [{"type": kind.name, "value": value}]


def test_tuples_come_back_as_lists() -> None:
    """ic-py takes a tuple and gives a list back; so do we."""
    kind = T.Tuple(T.Nat, T.Text)
    data = icpy.encode([{"type": kind, "value": (1, "a")}])
    assert decode_reply(data, [kind])[0]["value"] == icpy.decode(data, [kind])[0]["value"] == [1, "a"]


def test_principals_are_ic_pys() -> None:
    """A principal comes back as ic-py's class, with its bytes."""
    data = icpy.encode([{"type": T.Principal, "value": "aaaaa-aa"}])
    answer = decode_reply(data, T.Principal)[0]["value"]
    assert isinstance(answer, IcpyPrincipal)
    assert answer.bytes == b""


def test_subtyping_works_where_ic_py_raises() -> None:
    """A nat read as int, a missing optional field and a value read as an opt decode as the specification says."""
    assert decode_reply(encode([types.NAT], [5]), [T.Int])[0]["value"] == 5
    assert decode_reply(encode([types.TEXT], ["a"]), [T.Opt(T.Text)])[0]["value"] == ["a"]
    wanted = T.Record({"a": T.Nat, "b": T.Opt(T.Nat)})
    assert decode_reply(encode([types.record({"a": types.NAT})], [{"a": 1}]), [wanted])[0]["value"] == {"a": 1, "b": []}


def test_a_megabyte_is_decoded() -> None:
    """A large blob is decoded in linear time: ic-py's own decoder takes seconds for it."""
    blob = random.Random(1).randbytes(1_000_000)  # noqa: S311 - any bytes will do
    answer = decode_reply(encode([types.Vec(types.NAT8)], [blob]), [T.Vec(T.Nat8)])
    assert bytes(answer[0]["value"]) == blob


def test_without_types_the_reply_describes_itself() -> None:
    """Without types the reply's own are used, as in ic-py."""
    assert decode_reply(encode([types.NAT], [5]), None) == [{"type": "nat", "value": 5}]


def test_nonsense_is_refused() -> None:
    """Bytes that are not Candid, and types that are not ic-py's, raise `CandidDecodeError`."""
    with pytest.raises(CandidDecodeError):
        decode_reply(b"garbage", [T.Nat])

    class Odd:
        name = "odd"

    with pytest.raises(CandidDecodeError):
        convert_type(Odd())


def test_function_and_service_types_are_converted() -> None:
    """References keep their argument types and annotations."""
    function = T.Func([T.Nat], [T.Text], ["query"])
    assert str(convert_type(function)) == str(types.function([types.NAT], [types.TEXT], "query"))
    assert str(convert_type(T.Service({"m": function}))) == str(types.service({"m": types.function([types.NAT], [types.TEXT], "query")}))
