"""Asks independent Candid implementations, many questions per process: didc (Rust) and @icp-sdk/core (JavaScript)."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.candid import types as T

__all__ = ["Answer", "ask", "did_text", "javascript_type"]

DRIVER = Path(__file__).parent / "candid_oracle.mjs"
TIMEOUT_SECONDS = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `ok` is the result, or None with the `error`."""

    ok: Any
    error: str | None


def ask(modules: Path, questions: Iterable[Mapping[str, object]]) -> list[Answer]:
    """Return the answers, in the order of the questions."""
    lines = "\n".join(json.dumps(question) for question in questions)
    done = subprocess.run(
        ["node", str(DRIVER), str(modules)], input=lines, capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS
    )
    return [Answer(answer.get("ok"), answer.get("error")) for answer in map(json.loads, done.stdout.splitlines())]


def _knots(type_: T.Type, found: dict[str, T.Knot]) -> None:
    if isinstance(type_, T.Knot):
        if type_.name not in found:
            found[type_.name] = type_
            _knots(type_.target, found)
        return
    for part in T.parts_of(type_):
        _knots(part, found)


def did_text(types: Iterable[T.Type]) -> str:
    """Return a .did file whose service has one method `f` that takes these types."""
    types = list(types)
    knots: dict[str, T.Knot] = {}
    for type_ in types:
        _knots(type_, knots)
    definitions = "".join(f"type {name} = {knot.target};\n" for name, knot in knots.items())
    return f"{definitions}service : {{ f : ({', '.join(map(str, types))}) -> () }}"


def _fields(fields: Iterable[tuple[T.Label, T.Type]], names: tuple[str, ...]) -> list[list[Any]]:
    return [[label, javascript_type(type_, names)] for label, type_ in fields]


def javascript_type(type_: T.Type, names: tuple[str, ...] = ()) -> Any:
    """Return the form of a type that the driver builds JavaScript's types from; `names` are knots it is inside of."""
    match type_:
        case T.Primitive():
            return type_.name
        case T.Knot():
            known = type_.name in names
            return ["var", type_.name] if known else ["rec", type_.name, javascript_type(type_.target, (*names, type_.name))]
        case T.Opt() | T.Vec():
            return [type(type_).__name__.lower(), javascript_type(type_.inner, names)]
        case T.Record() | T.Variant():
            return [type(type_).__name__.lower(), _fields(((field.label, field.type) for field in type_.fields), names)]
        case T.Function():
            arguments, results = ([part for _, part in _fields(enumerate(parts), names)] for parts in (type_.arguments, type_.results))
            return ["func", arguments, results, sorted(type_.annotations)]
        case _:
            assert isinstance(type_, T.Service)
            return ["service", _fields(type_.entries, names)]
