"""Candid types as frozen values, the field hash, and their spelling.

Source: the Candid specification, sections "Types" and "Core Grammar". Types are built with the constants
(`NAT`, `TEXT`, `BLOB` …), with `Opt(…)`, `Vec(…)` and with the functions `record`, `variant`, `tuple_of`,
`function` and `service`, which sort fields and take labels as text or as field ids. A type that contains
itself goes through a `Knot`; `recursive` ties it. `==` compares structure and takes a knot for itself only;
`orchestrator.candid.is_subtype` looks through knots.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from orchestrator.errors import CandidError

__all__ = [
    "ANNOTATIONS",
    "BLOB",
    "BOOL",
    "EMPTY",
    "FLOAT32",
    "FLOAT64",
    "INT",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "NAT",
    "NAT8",
    "NAT16",
    "NAT32",
    "NAT64",
    "NULL",
    "PRIMITIVES",
    "PRINCIPAL",
    "RESERVED",
    "TEXT",
    "Field",
    "Function",
    "Knot",
    "Label",
    "Opt",
    "Primitive",
    "Record",
    "Service",
    "Type",
    "Variant",
    "Vec",
    "field_hash",
    "field_id",
    "function",
    "map_parts",
    "parts_of",
    "record",
    "recursive",
    "resolve",
    "service",
    "tuple_of",
    "variant",
]

Label = str | int
MAX_FIELD_ID: Final = 2**32 - 1

ANNOTATIONS: Final = ("query", "oneway", "composite_query")
"""What a function may be annotated with; the wire numbers them from 1 in this order."""


@lru_cache(maxsize=4096)
def field_hash(name: str) -> int:
    """Return the 32-bit id that stands for a field's or a tag's name on the wire."""
    value = 0
    for byte in name.encode():
        value = (value * 223 + byte) & MAX_FIELD_ID
    return value


def field_id(label: Label) -> int:
    """Return the id of a label: a number is its own id, a name its hash."""
    return label if isinstance(label, int) else field_hash(label)


@dataclass(frozen=True, slots=True)
class Type:
    """Any Candid type; `str` spells it on one line."""

    def __str__(self) -> str:
        from orchestrator.candid.type_text import spell_type  # spelling looks at all kinds of types

        return spell_type(self)


@dataclass(frozen=True, slots=True)
class Primitive(Type):
    """A type without parts, `principal` included; `code` is its number on the wire."""

    name: str
    code: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Opt(Type):
    """An optional value."""

    inner: Type


@dataclass(frozen=True, slots=True)
class Vec(Type):
    """A sequence; of `nat8` it is a blob, and its value `bytes`."""

    inner: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record or a tag of a variant; a label that is a number has no known name."""

    label: Label
    type: Type

    @property
    def id(self) -> int:
        """The number that stands for the label on the wire."""
        return field_id(self.label)


@dataclass(frozen=True, slots=True)
class _Fields(Type):
    """What records and variants share: fields by rising id."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        """Refuse fields out of order and labels with one id."""
        ids = [field.id for field in self.fields]
        if any(not 0 <= number <= MAX_FIELD_ID for number in ids):
            raise CandidError(f"a field id is between 0 and {MAX_FIELD_ID}", slug="candid/field-id")
        for before, after in zip(self.fields, self.fields[1:], strict=False):
            if before.id == after.id:
                clash = f"`{before.label}` and `{after.label}` have the same field id {after.id}"
                raise CandidError(clash, slug="candid/field-collision")
            if before.id > after.id:
                raise CandidError("fields must be sorted by id: build them with `record` or `variant`", slug="candid/field-order")


@dataclass(frozen=True, slots=True)
class Record(_Fields):
    """A record; `fields` are sorted by id (use `record` or `tuple_of` to build one)."""

    @property
    def is_tuple(self) -> bool:
        """Whether the ids are 0, 1, 2 … (at least one): then its values are Python tuples."""
        return bool(self.fields) and all(field.id == index for index, field in enumerate(self.fields))


@dataclass(frozen=True, slots=True)
class Variant(_Fields):
    """A variant; `fields` are its tags, sorted by id (use `variant` to build one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Type):
    """A method's type; `annotations` holds any of `query`, `composite_query`, `oneway`."""

    arguments: tuple[Type, ...] = ()
    results: tuple[Type, ...] = ()
    annotations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Service(Type):
    """A canister's interface: `entries` are (name, function type or knot), sorted by name."""

    entries: tuple[tuple[str, Type], ...]

    @property
    def methods(self) -> Mapping[str, Function]:
        """The methods by name, with knots looked through."""
        found: dict[str, Function] = {}
        for name, entry in self.entries:
            resolved = resolve(entry)
            if not isinstance(resolved, Function):
                raise CandidError(f"method `{name}` has a type that is not a function", slug="candid/method-type")
            found[name] = resolved
        return found


class Knot(Type):
    """A named reference to a type that is being defined; `tie` it once. Equal to itself only."""

    __slots__ = ("_target", "name")
    name: str
    _target: Type | None

    def __init__(self, name: str) -> None:
        """Take the name that `str` shows; the target comes with `tie`."""
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_target", None)

    def tie(self, target: Type) -> None:
        """Say which type the name stands for, once."""
        if self._target is not None:
            raise CandidError(f"type `{self.name}` is defined twice", slug="candid/duplicate-type")
        object.__setattr__(self, "_target", target)

    @property
    def target(self) -> Type:
        """The type behind the name."""
        if self._target is None:
            raise CandidError(f"type `{self.name}` is not bound", slug="candid/unbound-type")
        return self._target

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Knot({self.name!r})"

    def __str__(self) -> str:
        return self.name


NULL: Final = Primitive("null", -1)
BOOL: Final = Primitive("bool", -2)
NAT: Final = Primitive("nat", -3)
INT: Final = Primitive("int", -4)
NAT8: Final = Primitive("nat8", -5)
NAT16: Final = Primitive("nat16", -6)
NAT32: Final = Primitive("nat32", -7)
NAT64: Final = Primitive("nat64", -8)
INT8: Final = Primitive("int8", -9)
INT16: Final = Primitive("int16", -10)
INT32: Final = Primitive("int32", -11)
INT64: Final = Primitive("int64", -12)
FLOAT32: Final = Primitive("float32", -13)
FLOAT64: Final = Primitive("float64", -14)
TEXT: Final = Primitive("text", -15)
RESERVED: Final = Primitive("reserved", -16)
EMPTY: Final = Primitive("empty", -17)
PRINCIPAL: Final = Primitive("principal", -24)
BLOB: Final = Vec(NAT8)
_ALL = (NULL, BOOL, NAT, INT, NAT8, NAT16, NAT32, NAT64, INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, TEXT, RESERVED, EMPTY, PRINCIPAL)
PRIMITIVES: Final[Mapping[str, Primitive]] = {primitive.name: primitive for primitive in _ALL}
"""The primitive types by name."""


def _sorted_fields(fields: Mapping[Any, Type]) -> tuple[Field, ...]:
    return tuple(sorted((Field(label, kind) for label, kind in fields.items()), key=lambda field: field.id))


def record(fields: Mapping[Any, Type]) -> Record:
    """Return the record with these labels; two labels with one id raise `CandidError`."""
    return Record(_sorted_fields(fields))


def variant(fields: Mapping[Any, Type]) -> Variant:
    """Return the variant with these tags; two labels with one id raise `CandidError`."""
    return Variant(_sorted_fields(fields))


def tuple_of(*types: Type) -> Record:
    """Return the record whose fields are numbered from 0."""
    return Record(tuple(Field(index, kind) for index, kind in enumerate(types)))


def function(arguments: Iterable[Type] = (), results: Iterable[Type] = (), *annotations: str) -> Function:
    """Return a function type; an unknown annotation raises `CandidError`."""
    for annotation in annotations:
        if annotation not in ANNOTATIONS:
            raise CandidError(
                f"`{annotation}` is not a function annotation", slug="candid/annotation", hint=f"one of {', '.join(ANNOTATIONS)}"
            )
    return Function(arguments=tuple(arguments), results=tuple(results), annotations=frozenset(annotations))


def service(methods: Mapping[str, Type]) -> Service:
    """Return the service type with these methods."""
    return Service(tuple(sorted(methods.items(), key=lambda item: item[0].encode())))


def recursive(name: str, build: Callable[[Knot], Type]) -> Type:
    """Return the type that `build` makes of a knot standing for it: `recursive("list", lambda me: Opt(tuple_of(NAT, me)))`."""
    knot = Knot(name)
    knot.tie(build(knot))
    return knot.target


def resolve(type_: Type) -> Type:
    """Look through knots; a name that only stands for itself raises `CandidError`."""
    seen: set[int] = set()
    while isinstance(type_, Knot):
        if id(type_) in seen:
            raise CandidError(f"type `{type_.name}` is defined as itself", slug="candid/type-cycle")
        seen.add(id(type_))
        type_ = type_.target
    return type_


def parts_of(type_: Type) -> tuple[Type, ...]:
    """Return the types that a type is directly made of; a knot has none."""
    match type_:
        case Opt() | Vec():
            return (type_.inner,)
        case Record() | Variant():
            return tuple(field.type for field in type_.fields)
        case Function():
            return (*type_.arguments, *type_.results)
        case Service():
            return tuple(entry for _, entry in type_.entries)
        case _:
            return ()


def map_parts(type_: Type, change: Callable[[Type], Type]) -> Type:
    """Return the type with its direct parts changed; types without parts are returned as they are."""
    match type_:
        case Opt() | Vec():
            return type(type_)(change(type_.inner))
        case Record() | Variant():
            return type(type_)(tuple(Field(field.label, change(field.type)) for field in type_.fields))
        case Function():
            arguments, results = (tuple(map(change, parts)) for parts in (type_.arguments, type_.results))
            return Function(arguments=arguments, results=results, annotations=type_.annotations)
        case Service():
            return Service(tuple((name, change(entry)) for name, entry in type_.entries))
        case _:
            return type_
