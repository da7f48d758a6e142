"""Parses one Candid type. Names become knots that `interface` ties when all definitions are known.

Source: the Candid specification, section "Core Grammar".
"""

from collections.abc import Callable

from orchestrator.candid import types as T
from orchestrator.candid.lexer import Token
from orchestrator.candid.stream import TokenStream

__all__ = ["TypeParser"]


class TypeParser:
    """Parses types from a stream.

    `knots` and `uses` collect the names that came up and where first, `methods` where a method's type is a name.
    """

    def __init__(
        self,
        stream: TokenStream,
        knots: dict[str, T.Knot],
        uses: dict[str, tuple[TokenStream, Token]],
        methods: list[tuple[TokenStream, Token]],
    ) -> None:
        self._stream = stream
        self._knots = knots
        self._uses = uses
        self._methods = methods

    def type(self) -> T.Type:
        """Parse a type."""
        stream = self._stream
        with stream.nested():
            token = stream.token
            if token.kind == "name":
                stream.take()
                return T.PRIMITIVES.get(token.text) or self._knot(token)
            parsers: dict[str, Callable[[], T.Type]] = {
                "opt": lambda: T.Opt(self.type()),
                "vec": lambda: T.Vec(self.type()),
                "record": self._record,
                "variant": self._variant,
                "func": self.function,
                "service": self.service,
                "blob": lambda: T.BLOB,
                "null": lambda: T.NULL,
                "principal": lambda: T.PRINCIPAL,
            }
            if token.kind != "word" or token.text not in parsers:
                raise stream.unexpected("a type")
            stream.take()
            return parsers[token.text]()

    def named(self) -> T.Knot:
        """Parse the name of a defined type."""
        token = self._stream.token
        if token.kind != "name":
            raise self._stream.unexpected("the name of a type")
        self._stream.take()
        return self._knot(token)

    def _knot(self, token: Token) -> T.Knot:
        self._uses.setdefault(token.text, (self._stream, token))
        return self._knots.setdefault(token.text, T.Knot(token.text))

    def _label(self) -> T.Label:
        return self._stream.field_id() if self._stream.is_field_id() else self._stream.name()

    def _has_label(self) -> bool:
        stream = self._stream
        return stream.token.kind in {"decimal", "hex", "string"} or (stream.token.kind == "name" and stream.second.text == ":")

    def _record(self) -> T.Record:
        stream, following = self._stream, 0

        def field() -> tuple[T.Field, Token]:
            nonlocal following
            token = stream.token
            if self._has_label():
                label = self._label()
                stream.expect(":")
            else:
                label = following
            following = T.field_id(label) + 1
            if following > T.MAX_FIELD_ID + 1:
                raise stream.error(f"a field id is at most {T.MAX_FIELD_ID}", token)
            return T.Field(label, self.type()), token

        stream.expect("{")
        return T.Record(self._sorted(stream.separated("}", ";", field)))

    def _variant(self) -> T.Variant:
        stream = self._stream

        def tag() -> tuple[T.Field, Token]:
            token = stream.token
            label = self._label()
            return T.Field(label, self.type() if stream.accept(":") else T.NULL), token

        stream.expect("{")
        return T.Variant(self._sorted(stream.separated("}", ";", tag)))

    def _sorted(self, fields: list[tuple[T.Field, Token]]) -> tuple[T.Field, ...]:
        seen: dict[int, T.Field] = {}
        for field, token in fields:
            before = seen.setdefault(field.id, field)
            if before is not field:
                same = before.label == field.label
                message = (
                    f"`{field.label}` is there twice" if same else f"`{field.label}` and `{before.label}` have the same field id {field.id}"
                )
                raise self._stream.error(message, token, slug="candid/field-collision")
        return tuple(seen[number] for number in sorted(seen))

    def arguments(self) -> tuple[T.Type, ...]:
        """Parse `(type, name : type, …)`; names are checked and dropped."""
        stream = self._stream
        names: set[str] = set()

        def argument() -> T.Type:
            if stream.token.kind == "string" or (stream.token.kind == "name" and stream.second.text == ":"):
                token = stream.token
                name = stream.name()
                if name in names:
                    raise stream.error(f"argument `{name}` is there twice", token, slug="candid/duplicate-name")
                names.add(name)
                stream.expect(":")
            return self.type()

        stream.expect("(")
        return tuple(stream.separated(")", ",", argument))

    def function(self) -> T.Function:
        """Parse `(…) -> (…) annotation`."""
        stream = self._stream
        arguments = self.arguments()
        stream.expect("->")
        results = self.arguments()
        annotations: list[str] = []
        while stream.is_next(*T.ANNOTATIONS):
            token = stream.take()
            if annotations:
                raise stream.error("a function has at most one annotation", token, slug="candid/annotation")
            if token.text == "oneway" and results:
                raise stream.error("a oneway function has no results", token, slug="candid/annotation")
            annotations.append(token.text)
        return T.function(arguments, results, *annotations)

    def service(self) -> T.Service:
        """Parse `{ method : (…) -> (…); … }`."""
        stream = self._stream
        methods: dict[str, T.Type] = {}

        def method() -> None:
            token = stream.token
            name = stream.name()
            if name in methods:
                raise stream.error(f"method `{name}` is there twice", token, slug="candid/duplicate-name")
            stream.expect(":")
            methods[name] = self._method_type()

        stream.expect("{")
        stream.separated("}", ";", method)
        return T.service(methods)

    def _method_type(self) -> T.Type:
        token = self._stream.token
        if token.kind == "name" and token.text not in T.PRIMITIVES:
            self._methods.append((self._stream, token))
            return self.named()
        return self.function()
