"""The `IC-CertificateExpression` header: which parts of a request and its response are certified.

Source: the HTTP gateway protocol specification, section "The Certificate Expression Header". White space is
allowed between tokens, which the grammar there leaves to implementations.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from orchestrator.protocol.response_verification.failures import failure

__all__ = ["NO_CERTIFICATION", "Expression", "HeaderRule", "RequestRule", "parse_expression"]

MAX_EXPRESSION_CHARACTERS = 16 * 1024
"""The longest expression that is read, in characters."""
MAX_NESTING = 16
"""The deepest nesting of objects and lists; a valid expression has five."""
_TOKEN = re.compile(r"""\s*(?:(?P<name>[A-Za-z0-9_]+)|"(?P<text>[^"\n\0]*)"|(?P<mark>[(){}\[\]:,]))""")
_CLOSING = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRule:
    """The request headers and query parameters that are certified, in lower case."""

    headers: frozenset[str]
    query_parameters: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """Which response headers are certified: those listed, or all but those; names are in lower case."""

    names: frozenset[str]
    excludes: bool

    def includes(self, name: str) -> bool:
        """Say if a header, given in lower case, is certified."""
        return (name in self.names) != self.excludes


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What is certified; `request` is None when no part of it is, `response` when nothing is certified at all."""

    request: RequestRule | None
    response: HeaderRule | None


NO_CERTIFICATION = Expression(request=None, response=None)
"""The canister certifies that it certifies nothing here."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A named object or call: its name, its bracket, and its properties or arguments."""

    name: str
    bracket: str
    properties: Mapping[str, "_Value"]
    arguments: tuple["_Value", ...]


_Value: TypeAlias = "_Node | str | tuple[_Value, ...]"


def parse_expression(text: str) -> Expression:
    """Parse the header's value. Raises `CertificateError`."""
    if len(text) > MAX_EXPRESSION_CHARACTERS:
        _refuse(f"it has more than {MAX_EXPRESSION_CHARACTERS} characters")
    parser = _Parser(text)
    value = parser.value(0)
    parser.expect_end()
    call = _node(value, "default_certification", "(")
    if len(call.arguments) != 1:
        _refuse("`default_certification` takes one argument")
    arguments = _node(call.arguments[0], "ValidationArgs", "{").properties
    name = _only(arguments, ("no_certification", "certification"))
    if name == "no_certification":
        return NO_CERTIFICATION
    properties = _node(arguments[name], "Certification", "{").properties
    return Expression(request=_request_rule(properties), response=_header_rule(properties))


def _request_rule(properties: Mapping[str, _Value]) -> RequestRule | None:
    name = _only(properties, ("no_request_certification", "request_certification"))
    if name == "no_request_certification":
        return None
    rule = _node(properties[name], "RequestCertification", "{").properties
    return RequestRule(headers=_names(rule, "certified_request_headers"), query_parameters=_names(rule, "certified_query_parameters"))


def _header_rule(properties: Mapping[str, _Value]) -> HeaderRule:
    if "response_certification" not in properties:
        _refuse("`response_certification` is missing")
    rule = _node(properties["response_certification"], "ResponseCertification", "{").properties
    name = _only(rule, ("certified_response_headers", "response_header_exclusions"))
    listed = _node(rule[name], "ResponseHeaderList", "{").properties
    return HeaderRule(names=_names(listed, "headers"), excludes=name == "response_header_exclusions")


def _refuse(reason: str) -> NoReturn:
    raise failure("expression", f"the header `IC-CertificateExpression` is malformed: {reason}")


def _node(value: _Value, name: str, bracket: str) -> _Node:
    if not isinstance(value, _Node) or (value.name, value.bracket) != (name, bracket):
        _refuse(f"`{name}` is expected where something else stands")
    return value


def _only(properties: Mapping[str, _Value], names: tuple[str, str]) -> str:
    present = [name for name in names if name in properties]
    if len(present) != 1:
        _refuse(f"it needs one of `{names[0]}` and `{names[1]}`")
    return present[0]


def _names(properties: Mapping[str, _Value], name: str) -> frozenset[str]:
    value = properties.get(name)
    if not isinstance(value, tuple):
        _refuse(f"`{name}` is not a list")
    return frozenset(_text(item, name).lower() for item in value)


def _text(value: _Value, name: str) -> str:
    if not isinstance(value, str):
        _refuse(f"`{name}` lists something that is not text")
    return value


class _Parser:
    """Reads values from tokens: texts, lists, named objects and calls."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._tokens = self._scan()
        self._token: re.Match[str] | None = next(self._tokens, None)

    def _scan(self) -> Iterator[re.Match[str]]:
        while self._position < len(self._text.rstrip()):
            match = _TOKEN.match(self._text, self._position)
            if match is None:
                _refuse(f"character {self._position + 1} starts nothing that is known")
            self._position = match.end()
            yield match

    def _take(self) -> re.Match[str]:
        if self._token is None:
            _refuse("it ends too early")
        taken, self._token = self._token, next(self._tokens, None)
        return taken

    def _take_mark(self, mark: str) -> bool:
        if self._token is None or self._token["mark"] != mark:
            return False
        self._take()
        return True

    def expect_end(self) -> None:
        if self._token is not None:
            _refuse("something follows it")

    def _expect(self, mark: str) -> None:
        if not self._take_mark(mark):
            _refuse(f"`{mark}` is missing")

    def value(self, depth: int) -> _Value:
        if depth > MAX_NESTING:
            _refuse(f"it is nested deeper than {MAX_NESTING} levels")
        token = self._take()
        if token["text"] is not None:
            return token["text"]
        if token["mark"] == "[":
            return self._list("[", depth)
        name = token["name"]
        if name is None:
            _refuse(f"`{token['mark']}` is out of place")
        if self._take_mark("("):
            return _Node(name, "(", {}, self._list("(", depth))
        self._expect("{")
        return _Node(name, "{", self._properties(depth), ())

    def _list(self, opening: str, depth: int) -> tuple[_Value, ...]:
        items: list[_Value] = []
        while not self._take_mark(_CLOSING[opening]):
            if items:
                self._expect(",")
            items.append(self.value(depth + 1))
        return tuple(items)

    def _properties(self, depth: int) -> dict[str, _Value]:
        properties: dict[str, _Value] = {}
        while not self._take_mark("}"):
            if properties:
                self._expect(",")
            name = self._take()["name"]
            if name is None or name in properties:
                _refuse("a property has no name, or the name of another one")
            self._expect(":")
            properties[name] = self.value(depth + 1)
        return properties
