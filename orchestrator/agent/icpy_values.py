"""ic-py's types and values to ours and back, so that its users keep the shapes that they know.

ic-py spells `opt` as a list of none or one, a variant as a dict of one entry, a `vec nat8` as a list of numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ic.candid as icpy
from ic.principal import Principal as IcpyPrincipal

from orchestrator.candid import FunctionReference, ServiceReference, Some, decode
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidDecodeError

__all__ = ["convert_type", "decode_reply"]

_PRIMITIVES: Mapping[str, T.Type] = {
    "null": T.NULL,
    "bool": T.BOOL,
    "nat": T.NAT,
    "int": T.INT,
    "text": T.TEXT,
    "reserved": T.RESERVED,
    "empty": T.EMPTY,
    "principal": T.PRINCIPAL,
    "float32": T.FLOAT32,
    "float64": T.FLOAT64,
    **{f"nat{bits}": getattr(T, f"NAT{bits}") for bits in (8, 16, 32, 64)},
    **{f"int{bits}": getattr(T, f"INT{bits}") for bits in (8, 16, 32, 64)},
}


def decode_reply(data: bytes, types: Any) -> list[dict[str, Any]]:
    """Decode a reply into the list that ic-py's `decode` returns.

    Our decoder does it: subtyping, no quadratic time, nothing accepted that the Candid specification refuses. Without
    types the reply's own are used, by ic-py's decoder.
    """
    if types is None:
        untyped: list[dict[str, Any]] = icpy.decode(data)
        return untyped
    wanted = list(types) if isinstance(types, Sequence) else [types]
    values = decode(data, [convert_type(kind) for kind in wanted])
    return [{"type": kind.name, "value": _to_icpy(kind, value)} for kind, value in zip(wanted, values, strict=True)]


def convert_type(kind: Any, knots: Mapping[int, T.Type] | None = None) -> T.Type:
    """Return our type for one of ic-py's; `knots` are the recursive types that are being converted."""
    inside = knots or {}
    if isinstance(kind, icpy.RecClass):
        if id(kind) in inside:
            return inside[id(kind)]
        return T.recursive(f"rec{len(inside)}", lambda knot: convert_type(kind.getType(), {**inside, id(kind): knot}))
    if isinstance(kind, icpy.VecClass):
        return T.Vec(convert_type(kind._type, inside))  # noqa: SLF001 - ic-py has no public name for it
    if isinstance(kind, icpy.OptClass):
        return T.Opt(convert_type(kind._type, inside))  # noqa: SLF001 - the same
    if isinstance(kind, icpy.TupleClass):
        return T.tuple_of(*(convert_type(part, inside) for part in kind._components))  # noqa: SLF001 - the same
    if isinstance(kind, (icpy.RecordClass, icpy.VariantClass)):
        fields = {name: T.NULL if part is None else convert_type(part, inside) for name, part in kind._fields.items()}
        return T.variant(fields) if isinstance(kind, icpy.VariantClass) else T.record(fields)
    return _convert_leaf(kind, inside)


def _convert_leaf(kind: Any, knots: Mapping[int, T.Type]) -> T.Type:
    if isinstance(kind, icpy.FuncClass):
        arguments, results = ([convert_type(part, knots) for part in parts] for parts in (kind.argTypes, kind.retTypes))
        return T.function(arguments, results, *(kind.annotations or ()))
    if isinstance(kind, icpy.ServiceClass):
        return T.service({name: convert_type(part, knots) for name, part in kind._fields.items()})
    found = _PRIMITIVES.get(str(kind.name))
    if found is None:
        raise CandidDecodeError(f"ic-py's type `{kind.name}` is not known here")
    return found


def _to_icpy(kind: Any, value: Any) -> Any:
    while isinstance(kind, icpy.RecClass):
        kind = kind.getType()
    for shape, convert in _SHAPES:
        if isinstance(kind, shape):
            return convert(kind, value)
    return _to_icpy_leaf(value)


def _to_opt(kind: Any, value: Any) -> list[Any]:
    inner = value.value if isinstance(value, Some) else value
    return [] if value is None else [_to_icpy(kind._type, inner)]  # noqa: SLF001 - the same


def _to_vec(kind: Any, value: Any) -> list[Any]:
    return list(value) if isinstance(value, bytes) else [_to_icpy(kind._type, item) for item in value]  # noqa: SLF001 - the same


def _to_tuple(kind: Any, value: Any) -> list[Any]:
    return [_to_icpy(part, item) for part, item in zip(kind._components, value, strict=True)]  # noqa: SLF001 - the same


def _to_record(kind: Any, value: Any) -> dict[str, Any]:
    return {name: _to_icpy(part, value[name]) for name, part in kind._fields.items()}


def _to_variant(kind: Any, value: Any) -> dict[Any, Any]:
    return {value.label: _to_icpy(kind._fields[value.label], value.value)}


def _to_icpy_leaf(value: Any) -> Any:
    if isinstance(value, Principal):
        return IcpyPrincipal(value.raw)
    if isinstance(value, ServiceReference):
        return IcpyPrincipal(value.principal.raw)
    if isinstance(value, FunctionReference):
        return [IcpyPrincipal(value.service.raw), value.method]
    return value


_SHAPES = (
    (icpy.OptClass, _to_opt),
    (icpy.VecClass, _to_vec),
    (icpy.TupleClass, _to_tuple),
    (icpy.RecordClass, _to_record),
    (icpy.VariantClass, _to_variant),
)
"""Tuples before records: ic-py's tuples are records too."""
