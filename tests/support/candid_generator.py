"""Random Candid types, values and messages; the same seed gives the same things."""

import random
from collections.abc import Callable, Sequence

from orchestrator.candid import FunctionReference, ServiceReference, Some, Variant
from orchestrator.candid import types as T
from orchestrator.candid.scalars import INTEGER_RANGES
from orchestrator.core.principal import Principal

__all__ = ["CandidGenerator"]

LABELS: Sequence[T.Label] = ("a", "b", "name", "controllers", "_x", "_7", "123", "a b", "", "é", "query", 0, 1, 2, 7, 4294967295)
NAMES = ("get", "set", "transfer", "a b", "query")
TEXTS = ("", "a", "hello", 'q"u\\o', "tab\t", "line\n", "é", "e\u0301", "漢字", "\u200b", "😀", "'")
SCALARS = tuple(primitive for primitive in T.PRIMITIVES.values() if primitive != T.EMPTY)


class CandidGenerator:
    """Draws from one seed. `nested_opts` allows an opt directly inside an opt."""

    def __init__(self, seed: int, *, references: bool = True, nested_opts: bool = True) -> None:
        self.random = random.Random(seed)  # noqa: S311 # reproducible test data
        self._references = references
        self._nested_opts = nested_opts
        self._count = 0

    def type(self, depth: int = 3, knots: tuple[T.Knot, ...] = ()) -> T.Type:
        """Return a type of at most this depth; `knots` may be referred to."""
        draw = self.random
        if depth == 0 or draw.random() < 0.3:
            return draw.choice(SCALARS)
        makers: list[Callable[[], T.Type]] = [
            lambda: self.opt(self.type(depth - 1, knots)),
            lambda: T.Vec(self.type(depth - 1, knots)),
            lambda: T.tuple_of(*(self.type(depth - 1, knots) for _ in range(draw.randint(1, 3)))),
            lambda: self._fields("record", depth, knots),
            lambda: self._fields("variant", depth, knots),
            lambda: self._recursive(depth, knots),
            lambda: self._reference(depth, knots) if self._references else T.TEXT,
            lambda: T.Vec(draw.choice(knots)) if knots else T.NAT,
        ]
        return draw.choice(makers)()

    def opt(self, inner: T.Type) -> T.Type:
        """Return an opt of the type, or the type itself where nesting is not wanted."""
        resolved = inner.target if isinstance(inner, T.Knot) and inner._target is not None else inner
        if not self._nested_opts and (isinstance(resolved, (T.Opt, T.Knot)) or resolved in {T.NULL, T.RESERVED}):
            return inner
        return T.Opt(inner)

    def _fields(self, kind: str, depth: int, knots: tuple[T.Knot, ...]) -> T.Type:
        labels = self.random.sample(LABELS, self.random.randint(0 if kind == "record" else 1, 4))
        distinct = {T.field_id(label): label for label in labels}
        fields = {label: self.type(depth - 1, knots) for label in distinct.values()}
        return T.record(fields) if kind == "record" else T.variant(fields)

    def _recursive(self, depth: int, knots: tuple[T.Knot, ...]) -> T.Type:
        self._count += 1
        knot = T.Knot(f"rec{self._count}")
        knot.tie(
            T.record({"head": self.type(depth - 1, knots), "tail": T.Vec(knot), "more": self._fields("record", depth, (*knots, knot))})
        )
        return knot

    def _reference(self, depth: int, knots: tuple[T.Knot, ...]) -> T.Type:
        draw = self.random

        def function() -> T.Function:
            arguments, results = ([self.type(depth - 1, knots) for _ in range(draw.randint(0, 2))] for _ in range(2))
            annotation = draw.choice(((), ("query",), ("composite_query",), ("oneway",)))
            return T.function(arguments, () if annotation == ("oneway",) else results, *annotation)

        if draw.random() < 0.5:
            return function()
        return T.service({name: function() for name in draw.sample(NAMES, draw.randint(0, 2))})

    def principal(self) -> Principal:
        """Return a principal of any length."""
        return Principal(self.random.randbytes(self.random.choice((0, 1, 4, 10, 29))))

    def _scalar(self, type_: T.Primitive) -> object:
        draw = self.random
        if type_.code in INTEGER_RANGES:
            least, greatest = INTEGER_RANGES[type_.code]
            return draw.choice((least, greatest, 0, draw.randint(least, greatest)))
        choices: dict[str, tuple[object, ...]] = {
            "nat": (0, 1, 127, 128, 2**64, draw.getrandbits(draw.randint(1, 200))),
            "int": (0, -1, 63, 64, -64, -65, -(2**63), draw.getrandbits(100) - 2**99),
            "float32": (0.0, -0.0, 1.5, 0.10000000149011612, 3.4028234663852886e38, float("inf"), 16777216.0),
            "float64": (0.0, -0.0, 1.5, 0.1, 1e300, 5e-324, float("-inf"), draw.random() * 1e6, 1e21),
            "bool": (True, False),
            "text": TEXTS,
            "principal": (self.principal(),),
        }
        return draw.choice(choices.get(type_.name, (None,)))

    def value(self, type_: T.Type, size: int = 4) -> object:
        """Return a value of the type; vecs get shorter with depth, so that recursive values end."""
        draw, resolved = self.random, T.resolve(type_)
        match resolved:
            case T.Primitive():
                return self._scalar(resolved)
            case T.Opt():
                return self._opt_value(resolved, size)
            case T.Vec():
                return self._vec_value(resolved, size)
            case T.Record():
                parts = {field.label: self.value(field.type, size - 1) for field in resolved.fields}
                return tuple(parts.values()) if resolved.is_tuple else parts
            case T.Variant():
                field = draw.choice(resolved.fields)
                return Variant(field.label, self.value(field.type, size - 1))
            case T.Function():
                return FunctionReference(self.principal(), draw.choice(NAMES))
            case _:
                return ServiceReference(self.principal())

    def _opt_value(self, type_: T.Opt, size: int) -> object:
        if size <= 0 or self.random.random() < 0.3:
            return None
        inner, value = T.resolve(type_.inner), self.value(type_.inner, size - 1)
        return Some(value) if isinstance(inner, T.Opt) or inner in {T.NULL, T.RESERVED} else value

    def _vec_value(self, type_: T.Vec, size: int) -> object:
        draw = self.random
        if T.resolve(type_.inner) == T.NAT8:
            return draw.choice((b"", b"abc", b"a\x00b\xff", draw.randbytes(20)))
        return [self.value(type_.inner, size - 2) for _ in range(draw.randint(0, max(0, size)))]

    def changed(self, type_: T.Type, odds: float = 0.3) -> T.Type:
        """Return a type that is like this one but for some parts: often a supertype, often not."""
        draw = self.random
        if isinstance(type_, T.Knot):
            return type_
        if draw.random() < odds:
            return draw.choice((self._wrapped, self._replaced, self._widened))(type_)
        if isinstance(type_, (T.Record, T.Variant)):
            return self._changed_fields(type_, odds)
        if isinstance(type_, T.Service):
            return T.map_parts(type_, lambda method: T.map_parts(method, lambda part: self.changed(part, odds)))
        return T.map_parts(type_, lambda part: self.changed(part, odds))

    def _wrapped(self, type_: T.Type) -> T.Type:
        return self.opt(type_)

    def _replaced(self, _type: T.Type) -> T.Type:
        return self.random.choice((T.RESERVED, T.NULL, T.EMPTY, self.type(1)))

    def _widened(self, type_: T.Type) -> T.Type:
        wider: dict[T.Type, T.Type] = {T.NAT: T.INT, T.INT: T.NAT, T.NAT8: T.NAT16, T.NULL: T.RESERVED}
        return wider.get(type_, type_)

    def _changed_fields(self, type_: T.Record | T.Variant, odds: float) -> T.Type:
        draw = self.random
        fields: dict[T.Label, T.Type] = {field.label: self.changed(field.type, odds) for field in type_.fields if draw.random() < 0.85}
        if draw.random() < 0.4:
            extra = self.type(1)
            label = draw.choice(("new", "newer", 3, 999))
            fields[label] = self.opt(extra) if draw.random() < 0.7 else extra
        return T.record(fields) if isinstance(type_, T.Record) else T.variant(fields)

    def mutated(self, data: bytes) -> bytes:
        """Return the bytes with a few of them changed, removed or added."""
        draw, raw = self.random, bytearray(data)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(4, len(raw) + 1)
            action = draw.choice(("set", "set", "flip", "insert", "delete", "cut"))
            if action == "insert" or place == len(raw):
                raw.insert(place, draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256))))
            elif action == "delete":
                del raw[place]
            elif action == "cut":
                del raw[place:]
            elif action == "flip":
                raw[place] ^= 1 << draw.randrange(8)
            else:
                raw[place] = draw.choice((0, 1, 2, 0x6E, 0x7F, 0x80, draw.randrange(256)))
        return bytes(raw)
