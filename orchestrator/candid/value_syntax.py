"""Parses text values to a tree; which Candid type a piece of text has is decided later.

Source: the Candid specification, section "Core Grammar", values.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.candid import types as T
from orchestrator.candid.lexer import Token
from orchestrator.candid.stream import TokenStream
from orchestrator.candid.type_parser import TypeParser
from orchestrator.candid.values import FunctionReference, ServiceReference
from orchestrator.core.principal import Principal, PrincipalError

__all__ = ["MAX_HEX_DIGITS", "MAX_NUMBER_DIGITS", "Node", "ValueParser"]

MAX_NUMBER_DIGITS: Final = 4_000
"""How long a number in text may be (digits)."""

MAX_HEX_DIGITS: Final = 1_000_000
"""How long a hexadecimal number in text may be (digits)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value as written.

    `kind` is `null`, `bool`, `number`, `float`, `text`, `blob`, `principal`, `func`, `service`, `opt`, `vec`, `record`,
    `variant` or `annotated`. `value` is the Python value, for `record` and `variant` a dict from label to node, for
    `vec` a list of nodes, for `opt` a node, for `annotated` a pair of node and type.
    """

    kind: str
    value: Any
    token: Token


class ValueParser:
    """Parses values from a stream."""

    def __init__(self, stream: TokenStream) -> None:
        self._stream = stream

    def arguments(self) -> list[Node]:
        """Parse `(value, value, …)` and nothing after it."""
        if not self._stream.is_next("("):
            raise self._stream.error("arguments are written in parentheses", self._stream.token, hint='as in `("text", 42)`')
        self._stream.take()
        nodes = self._stream.separated(")", ",", self.annotated)
        self._stream.end()
        return nodes

    def annotated(self) -> Node:
        """Parse a value with or without `: type`."""
        token = self._stream.token
        node = self.value()
        if not self._stream.accept(":"):
            return node
        uses: dict[str, tuple[TokenStream, Token]] = {}
        type_ = TypeParser(self._stream, {}, uses, []).type()
        for name, (stream, place) in uses.items():
            raise stream.error(f"type `{name}` is not defined", place, slug="candid/unbound-type")
        return Node("annotated", (node, type_), token)

    def value(self) -> Node:
        """Parse a value."""
        stream = self._stream
        with stream.nested():
            token = stream.token
            if token.kind == "string":
                return Node("text", stream.string(), token)
            if token.kind in {"decimal", "hex", "float"} or stream.is_next("+", "-"):
                return self._number()
            parse = self._parsers().get(token.text) if token.kind in {"word", "mark"} else None
            if parse is None:
                raise stream.unexpected("a value")
            stream.take()
            return parse(token)

    def _parsers(self) -> dict[str, Callable[[Token], Node]]:
        return {
            "null": lambda token: Node("null", None, token),
            "true": lambda token: Node("bool", True, token),  # the literal
            "false": lambda token: Node("bool", False, token),  # the literal
            "opt": lambda token: Node("opt", self.value(), token),
            "blob": self._blob,
            "vec": self._vec,
            "record": self._record,
            "variant": self._variant,
            "principal": lambda token: Node("principal", self._principal(), token),
            "service": lambda token: Node("service", ServiceReference(self._principal()), token),
            "func": self._function,
            "(": self._parenthesized,
        }

    def _number(self) -> Node:
        stream, start = self._stream, self._stream.token
        negative = stream.take().text == "-" if stream.is_next("+", "-") else False
        token = stream.token
        if token.kind not in {"decimal", "hex", "float"}:
            raise stream.unexpected("a number")
        stream.take()
        most = MAX_HEX_DIGITS if token.kind == "hex" else MAX_NUMBER_DIGITS
        if len(token.text) > most:
            raise stream.error(f"a number has at most {most} digits", token)
        if token.kind == "float":
            number = float(token.text)
            if math.isinf(number):
                raise stream.error("the number is out of range for float64", token)
            return Node("float", -number if negative else number, start)
        whole = int(token.text, 16 if token.kind == "hex" else 10)
        return Node("number", -whole if negative else whole, start)

    def _blob(self, token: Token) -> Node:
        content = self._stream.take()
        if content.kind != "string":
            raise self._stream.error(f"expected a string, found {content}", content)
        return Node("blob", content.data, token)

    def _vec(self, token: Token) -> Node:
        self._stream.expect("{")
        return Node("vec", self._stream.separated("}", ";", self.annotated), token)

    def _label(self) -> T.Label:
        return self._stream.field_id() if self._stream.is_field_id() else self._stream.name()

    def _has_label(self) -> bool:
        kinds = {"decimal", "hex", "name", "string"}
        return self._stream.token.kind in kinds and self._stream.second.text == "="

    def _record(self, token: Token) -> Node:
        stream = self._stream
        fields: dict[int, tuple[T.Label, Node]] = {}
        following = 0

        def field() -> None:
            nonlocal following
            place = stream.token
            label: T.Label = following
            if self._has_label():
                label = self._label()
                stream.expect("=")
            number = T.field_id(label)
            if number in fields:
                raise stream.error(f"field `{label}` is there twice", place, slug="candid/field-collision")
            following = number + 1
            fields[number] = (label, self.annotated())

        stream.expect("{")
        stream.separated("}", ";", field)
        return Node("record", {label: node for _, (label, node) in sorted(fields.items())}, token)

    def _variant(self, token: Token) -> Node:
        stream = self._stream
        stream.expect("{")
        place = stream.token
        label = self._label()
        node = self.annotated() if stream.accept("=") else Node("null", None, place)
        stream.expect("}")
        return Node("variant", {label: node}, token)

    def _principal(self) -> Principal:
        token = self._stream.token
        text = self._stream.string()
        try:
            return Principal.from_text(text)
        except PrincipalError as error:
            raise self._stream.error(str(error), token, slug="candid/principal") from None

    def _function(self, token: Token) -> Node:
        principal = self._principal()
        self._stream.expect(".")
        return Node("func", FunctionReference(principal, self._stream.name()), token)

    def _parenthesized(self, _token: Token) -> Node:
        node = self.annotated()
        self._stream.expect(")")
        return node
