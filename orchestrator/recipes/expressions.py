"""What stands inside `{{ }}`: paths, literals, helper calls, sub-expressions."""

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from orchestrator.recipes.template import Call, Expression, Literal, Lookup, Origin, Place

__all__ = ["MAX_EXPRESSION_DEPTH", "Cursor", "parse_head", "parse_names", "parse_parameter", "parse_partial"]

MAX_EXPRESSION_DEPTH = 20
"""Sub-expressions inside each other."""

_SPACE = re.compile(r"\s*")
_NAME = r"[A-Za-z0-9_$\-\u0080-\U0010ffff]+"
_STEP = rf"(?:\[[^\]]*\]|{_NAME})"
_PATH = re.compile(rf"@?(?:\./)?(?P<up>(?:\.\./)*)(?P<steps>{_STEP}(?:[./]{_STEP})*)")
_STEPS = re.compile(_STEP)
_OPTION = re.compile(rf"({_NAME})\s*=\s*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![A-Za-z0-9_$\-./\[\u0080-\U0010ffff])")
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_NAMES = re.compile(rf"as\s*\|\s*({_NAME}(?:\s+{_NAME})*)\s*\|")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(slots=True)
class Cursor:
    """A position in the template's text while a tag is read; `start` is where the tag begins."""

    text: str
    position: int
    start: int
    origin: Origin

    def skip_space(self) -> None:
        """Move over white space."""
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Move over what a pattern matches here, and return the match."""
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
        return match

    def at(self, word: str) -> bool:
        """Say whether the text goes on with a word."""
        return self.text.startswith(word, self.position)

    def place(self, position: int | None = None, length: int = 1) -> Place:
        """Return the place of a position (the cursor's own by default)."""
        index = self.position if position is None else position
        line = self.text.count("\n", 0, index) + 1
        return Place(line=line, column=index - self.text.rfind("\n", 0, index), length=length)

    def fail(self, expected: str) -> NoReturn:
        """Raise the error of a tag that cannot be read."""
        found = self.text[self.position : self.position + 1]
        raise self.origin.error(
            "template-syntax",
            "the template has a tag that cannot be read",
            self.place() if found else self.place(self.start, 2),
            detail=f"expected {expected}, found {'the end of the template' if not found else f'`{found}`'}",
        )


def parse_head(cursor: Cursor) -> Expression:
    """Read a tag's expression: a path, or a helper with parameters and options."""
    cursor.skip_space()
    if cursor.at("("):
        return parse_parameter(cursor)
    path = cursor.take(_PATH)
    if path is None:
        cursor.fail("a name")
    parameters, options = _parse_arguments(cursor, depth=0)
    if parameters or options:
        return Call(name=path.group(), parameters=parameters, options=options)
    return _lookup(path)


def parse_partial(cursor: Cursor) -> tuple[Expression, Expression | None, dict[str, Expression]]:
    """Read the use of a partial: its name, the data it is given, the names added to that."""
    cursor.skip_space()
    name = parse_parameter(cursor)
    parameters, options = _parse_arguments(cursor, depth=0)
    if len(parameters) > 1:
        cursor.fail("`}}`: a partial takes one value")
    return name, parameters[0] if parameters else None, options


def parse_names(cursor: Cursor) -> tuple[str, ...]:
    """Read `as |x i|`, if it is there."""
    cursor.skip_space()
    names = cursor.take(_NAMES)
    return tuple(names.group(1).split()) if names else ()


def parse_parameter(cursor: Cursor, depth: int = 0) -> Expression:
    """Read one parameter: a literal, a path, or a sub-expression in parentheses."""
    if cursor.at("("):
        return _parse_subexpression(cursor, depth + 1)
    if cursor.at('"') or cursor.at("'"):
        return Literal(value=_parse_text(cursor))
    if number := cursor.take(_NUMBER):
        value: int | float = json.loads(number.group())
        return Literal(value=value)
    path = cursor.take(_PATH)
    if path is None:
        cursor.fail("a name, a text, a number or `(`")
    if path.group() in _WORDS:
        return Literal(value=_WORDS[path.group()])
    return _lookup(path)


def _parse_subexpression(cursor: Cursor, depth: int) -> Call:
    if depth > MAX_EXPRESSION_DEPTH:
        cursor.fail(f"at most {MAX_EXPRESSION_DEPTH} nested parentheses")
    cursor.position += 1
    cursor.skip_space()
    name = cursor.take(_PATH)
    if name is None:
        cursor.fail("the name of a helper")
    parameters, options = _parse_arguments(cursor, depth)
    if not cursor.at(")"):
        cursor.fail("`)`")
    cursor.position += 1
    return Call(name=name.group(), parameters=parameters, options=options)


def _parse_arguments(cursor: Cursor, depth: int) -> tuple[tuple[Expression, ...], dict[str, Expression]]:
    parameters: list[Expression] = []
    options: dict[str, Expression] = {}
    while True:
        cursor.skip_space()
        if (
            not cursor.text[cursor.position : cursor.position + 1]
            or cursor.text[cursor.position] in "})~"
            or _NAMES.match(cursor.text, cursor.position)
        ):
            return tuple(parameters), options
        if option := cursor.take(_OPTION):
            options[option.group(1)] = parse_parameter(cursor, depth)
        else:
            parameters.append(parse_parameter(cursor, depth))


def _parse_text(cursor: Cursor) -> str:
    quoted = cursor.take(_DOUBLE_QUOTED) or cursor.take(_SINGLE_QUOTED)
    if quoted is None:
        cursor.fail("the closing quote")
    text = quoted.group()
    if text.startswith("'"):
        return text[1:-1].replace("\\'", "'").replace("\\\\", "\\")
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        cursor.fail("a text with JSON's escapes")
    return str(value)


def _lookup(path: re.Match[str]) -> Lookup:
    local = path.group().startswith("@")
    steps = [step[1:-1] if step.startswith("[") else step for step in _STEPS.findall(path["steps"])]
    if steps[0] == "this" and not local:
        steps = steps[1:]
    return Lookup(text=path.group(), steps=tuple(steps), up=path["up"].count("/"), local=local)
