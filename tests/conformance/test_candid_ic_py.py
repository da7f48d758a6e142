"""Our decoder against the encoder of ic-py, which scripts in the field use."""

from typing import Any

import pytest

from orchestrator.candid import Variant, decode
from orchestrator.candid import types as T
from tests.support.candid_generator import CandidGenerator

FORMS: dict[T.Type, str] = {
    T.NULL: "Null",
    T.BOOL: "Bool",
    T.NAT: "Nat",
    T.INT: "Int",
    T.NAT8: "Nat8",
    T.NAT16: "Nat16",
    T.NAT32: "Nat32",
    T.NAT64: "Nat64",
    T.INT8: "Int8",
    T.INT16: "Int16",
    T.INT32: "Int32",
    T.INT64: "Int64",
    T.TEXT: "Text",
    T.FLOAT64: "Float64",
}


def ic_py_type(type_: T.Type, types: Any) -> Any:
    """Return ic-py's form of a type; what it cannot encode raises `LookupError`."""
    match type_:
        case T.Opt() | T.Vec():
            return (types.Opt if isinstance(type_, T.Opt) else types.Vec)(ic_py_type(type_.inner, types))
        case T.Record() | T.Variant():
            if not all(
                isinstance(field.label, str) and field.label.isidentifier() and not field.label.startswith("_") for field in type_.fields
            ):
                raise LookupError
            fields = {str(field.label): ic_py_type(field.type, types) for field in type_.fields}
            return types.Record(fields) if isinstance(type_, T.Record) else types.Variant(fields)
        case _:
            return getattr(types, FORMS[type_])


def ic_py_value(value: object, type_: T.Type) -> Any:
    """Return ic-py's form of a value: opts are lists, variants are dicts, blobs are lists of numbers."""
    match type_:
        case T.Opt():
            return [] if value is None else [ic_py_value(getattr(value, "value", value) if nested(type_) else value, type_.inner)]
        case T.Vec():
            assert isinstance(value, (list, bytes))
            return [ic_py_value(element, type_.inner) for element in value]
        case T.Record():
            assert isinstance(value, dict)
            return {field.label: ic_py_value(value[field.label], field.type) for field in type_.fields}
        case T.Variant():
            assert isinstance(value, Variant)
            (field,) = (field for field in type_.fields if field.label == value.label)
            return {value.label: ic_py_value(value.value, field.type)}
        case _:
            return value


def nested(type_: T.Opt) -> bool:
    """Whether a present value comes as `Some`."""
    return isinstance(type_.inner, T.Opt) or type_.inner in {T.NULL, T.RESERVED}


def test_messages_of_ic_py_decode() -> None:
    """What ic-py encodes for plain types decodes to the same values."""
    candid = pytest.importorskip("ic.candid")
    checked = 0
    for seed in range(2000):
        generator = CandidGenerator(seed, references=False)
        type_ = generator.type()
        try:
            form = ic_py_type(type_, candid.Types)
        except LookupError:
            continue
        value = generator.value(type_)
        data = candid.encode([{"type": form, "value": ic_py_value(value, type_)}])

        assert repr(decode(data, [type_])) == repr([value]), str(type_)
        checked += 1

    assert checked > 300
