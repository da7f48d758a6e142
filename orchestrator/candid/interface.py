"""Parses .did files: type definitions, imports, the service and its init arguments.

Source: the Candid specification, section "Core Grammar". Names are replaced by what they stand for; only a type that
contains itself keeps a knot, with its name, where it recurs.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.lexer import Token
from orchestrator.candid.ordering import cycle_breakers, leaves_first
from orchestrator.candid.stream import TokenStream
from orchestrator.candid.type_parser import TypeParser

__all__ = ["MAX_IMPORTS", "ImportResolver", "Interface", "parse_interface"]

MAX_IMPORTS: Final = 100
"""How many files one interface may import, directly or not (files)."""

ImportResolver = Callable[[str, Path | None], tuple[Path, str]]
"""Takes the name in an `import` and the path of the file it stands in; returns the path and the text of what it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a .did file says.

    `types` are the definitions by name, those of imported files included; `service` is None in a file of types
    only; `init_arguments` is what the canister takes when it is installed.
    """

    types: Mapping[str, T.Type]
    service: T.Service | None = None
    init_arguments: tuple[T.Type, ...] = ()


@dataclass(slots=True)
class _Import:
    """An `import` to be followed; `chain` are the paths of the files that led here."""

    token: Token
    stream: TokenStream
    name: str
    with_service: bool
    chain: tuple[Path, ...]


@dataclass(slots=True)
class _Actor:
    """A file's service."""

    type: T.Type
    token: Token
    stream: TokenStream
    arguments: tuple[T.Type, ...] = ()


@dataclass(slots=True)
class _Program:
    """What all files together define, before names are resolved."""

    knots: dict[str, T.Knot] = field(default_factory=dict)
    uses: dict[str, tuple[TokenStream, Token]] = field(default_factory=dict)
    definitions: dict[str, tuple[T.Type, TokenStream, Token]] = field(default_factory=dict)
    imports: list[_Import] = field(default_factory=list)
    methods: list[tuple[TokenStream, Token]] = field(default_factory=list)


def _parse_definition(stream: TokenStream, parser: TypeParser, program: _Program) -> None:
    token = stream.token
    if token.kind != "name":
        raise stream.unexpected("a name for the type")
    stream.take()
    stream.expect("=")
    if token.text in program.definitions:
        raise stream.error(f"type `{token.text}` is defined twice", token, slug="candid/duplicate-type")
    program.definitions[token.text] = (parser.type(), stream, token)


def _parse_import(stream: TokenStream, program: _Program, chain: tuple[Path, ...]) -> None:
    with_service = stream.accept("service")
    token = stream.token
    program.imports.append(_Import(token=token, stream=stream, name=stream.string(), with_service=with_service, chain=chain))


def _parse_actor(stream: TokenStream, parser: TypeParser) -> _Actor:
    if stream.token.kind == "name":
        stream.take()
    stream.expect(":")
    token = stream.token
    arguments: tuple[T.Type, ...] = ()
    if stream.is_next("("):
        arguments = parser.arguments()
        stream.expect("->")
        token = stream.token
    actor = parser.service() if stream.is_next("{") else parser.named()
    stream.accept(";")
    return _Actor(type=actor, token=token, stream=stream, arguments=arguments)


def _parse_file(text: str, path: Path | None, program: _Program, chain: tuple[Path, ...]) -> _Actor | None:
    """Add one file's definitions and imports to the program; return its service."""
    stream = TokenStream(text, path)
    parser = TypeParser(stream, program.knots, program.uses, program.methods)
    actor = None
    while stream.token.kind != "end":
        if stream.accept("type"):
            _parse_definition(stream, parser, program)
        elif stream.accept("import"):
            _parse_import(stream, program, chain)
        elif stream.accept("service"):
            actor = _parse_actor(stream, parser)
            if stream.token.kind != "end":
                raise stream.error("nothing may follow the service", stream.token)
            break
        else:
            raise stream.unexpected("`type`, `import` or `service`")
        if not stream.accept(";") and stream.token.kind != "end" and not stream.is_next("service"):
            raise stream.unexpected("`;`")
    return actor


def _follow_imports(program: _Program, imports: ImportResolver | None) -> list[_Actor]:
    """Parse every imported file once; return the services that are to be merged."""
    actors: dict[Path, _Actor | None] = {}
    merged: dict[Path, _Actor] = {}
    while program.imports:
        wanted = program.imports.pop(0)
        if imports is None:
            raise wanted.stream.error(f"`{wanted.name}` cannot be imported here", wanted.token, slug="candid/import")
        path, text = imports(wanted.name, wanted.chain[-1] if wanted.chain else None)
        if path in wanted.chain:
            raise wanted.stream.error(f"`{wanted.name}` imports itself", wanted.token, slug="candid/import-cycle")
        if path not in actors:
            if len(actors) == MAX_IMPORTS:
                raise wanted.stream.error(f"more than {MAX_IMPORTS} files are imported", wanted.token, slug="candid/import")
            actors[path] = _parse_file(text, path, program, (*wanted.chain, path))
        actor = actors[path]
        if wanted.with_service:
            if actor is None:
                raise wanted.stream.error(f"`{wanted.name}` has no service", wanted.token, slug="candid/import")
            merged[path] = actor
    return list(merged.values())


def _check_names(program: _Program) -> None:
    for name, (stream, token) in program.uses.items():
        if name not in program.definitions:
            near = difflib.get_close_matches(name, [*program.definitions, *T.PRIMITIVES], n=1)
            hint = f"did you mean `{near[0]}`?" if near else None
            raise stream.error(f"type `{name}` is not defined", token, slug="candid/unbound-type", hint=hint)
    ends: set[str] = set()
    for name, (definition, stream, token) in program.definitions.items():
        seen, alias = {name}, definition
        while isinstance(alias, T.Knot) and alias.name not in ends:
            if alias.name in seen:
                raise stream.error(f"type `{name}` is defined as itself", token, slug="candid/type-cycle")
            seen.add(alias.name)
            alias = program.definitions[alias.name][0]
        ends |= seen


def _knots_in(type_: T.Type) -> list[T.Knot]:
    found: list[T.Knot] = []
    waiting = [type_]
    while waiting:
        part = waiting.pop()
        if isinstance(part, T.Knot):
            found.append(part)
        else:
            waiting += T.parts_of(part)
    return found


def _bind(program: _Program) -> dict[str, T.Type]:
    """Return the definitions with names replaced, and tie the knots that stay."""
    names = list(program.definitions)
    numbers = {name: number for number, name in enumerate(names)}
    parts = [[numbers[knot.name] for knot in _knots_in(program.definitions[name][0])] for name in names]
    kept = cycle_breakers(parts)
    bound: dict[str, T.Type] = {}
    inlined: dict[str, T.Type] = {}
    for number in leaves_first(parts, kept):
        definition = program.definitions[names[number]][0]
        bound[names[number]] = _replace(definition, inlined)
        if number not in kept:
            inlined[names[number]] = bound[names[number]]
    for number in kept:
        program.knots[names[number]].tie(bound[names[number]])
    return {name: bound[name] for name in names}


def _replace(type_: T.Type, bound: Mapping[str, T.Type]) -> T.Type:
    """Return the type with the names in `bound` replaced; it is nested no deeper than the parser allows."""
    if isinstance(type_, T.Knot):
        return bound.get(type_.name, type_)
    return T.map_parts(type_, lambda part: _replace(part, bound))


def _merge_services(actors: list[_Actor], bound: Mapping[str, T.Type]) -> T.Service | None:
    """Return the service of the file and of all `import service`."""
    if not actors:
        return None
    methods: dict[str, T.Type] = {}
    for actor in actors:
        service = T.resolve(_replace(actor.type, bound))
        if not isinstance(service, T.Service):
            raise actor.stream.error("this type is not a service", actor.token, slug="candid/service-type")
        for name, method in service.entries:
            if name in methods:
                raise actor.stream.error(f"method `{name}` is there twice", actor.token, slug="candid/duplicate-name")
            methods[name] = method
    return T.service(methods)


def parse_interface(text: str, *, path: Path | None = None, imports: ImportResolver | None = None) -> Interface:
    """Parse the text of a .did file.

    `path` is what errors show and what relative imports start from; without `imports` an import is an error. Text that
    does not parse, or types that make no sense, raise `CandidSyntaxError` with the place.
    """
    program = _Program()
    main = _parse_file(text, path, program, () if path is None else (path,))
    actors = [*([main] if main else []), *_follow_imports(program, imports)]
    _check_names(program)
    bound = _bind(program)
    for stream, token in program.methods:
        if not isinstance(T.resolve(bound[token.text]), T.Function):
            raise stream.error(f"`{token.text}` is not a function type", token, slug="candid/method-type")
    return Interface(
        types=bound,
        service=_merge_services(actors, bound),
        init_arguments=tuple(_replace(argument, bound) for argument in main.arguments) if main else (),
    )
