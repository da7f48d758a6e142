"""Install arguments and environment variables: values that may be written inline or live in a file."""

from pathlib import Path
from typing import Literal

from orchestrator.core.project import Arguments, ArgumentsFormat
from orchestrator.documents import MappingNode, Node, ScalarNode
from orchestrator.manifest.fields import check_keys, read_choice, read_entries, read_text, wrong_type
from orchestrator.manifest.habits import words_for
from orchestrator.manifest.problems import Problems

__all__ = ["MAX_VALUE_FILE_BYTES", "read_arguments", "read_variables"]

MAX_VALUE_FILE_BYTES = 10 * 1024 * 1024
"""A file of arguments or of a variable's value may be this long."""

_FORMATS: tuple[ArgumentsFormat, ...] = ("candid", "hex", "bin")
_Key = Literal["init_args", "upgrade_args"]


def read_arguments(node: Node | None, key: _Key, directory: Path, problems: Problems) -> Arguments | None:
    """Read `init_args` or `upgrade_args`: a text, `{value, format}` or `{path, format}`; files are read now."""
    if node is None:
        return None
    if isinstance(node, ScalarNode):
        text = _read_quoted(node, f"`{key}`", problems, hint=f'write Candid text in quotes, such as `{key}: "(42)"`')
        return Arguments(content=text.strip(), span=node.span) if text is not None else None
    if not isinstance(node, MappingNode):
        wrong_type(node, f"`{key}`", "text or a map", problems, hint=f'write `{key}: "(42)"`, or a map with `path` or `value`')
        return None
    check_keys(node, ("path", "value", "format"), f"`{key}`", problems, severity="warning")
    form = read_choice(node.value("format"), "`format`", _FORMATS, problems) or "candid"
    if (path := node.get("path")) is not None:
        return _arguments_of_file(path, form, key, directory, problems)
    return _arguments_of_value(node, form, key, problems)


def _arguments_of_value(node: MappingNode, form: ArgumentsFormat, key: _Key, problems: Problems) -> Arguments | None:
    value = node.get("value")
    if value is None:
        problems.error(
            "missing-key", f"`{key}` has neither `path` nor `value`", node.span, hint="add `value:` with Candid text, or `path:`"
        )
        return None
    if form == "bin":
        problems.error("binary-value", f"`{key}` of format `bin` must come from a file", value.span, hint="use `path:`, or `format: hex`")
        return None
    text = read_text(value, "`value`", problems)
    return Arguments(content=text, format=form, span=value.span) if text is not None else None


def _arguments_of_file(node: Node, form: ArgumentsFormat, key: _Key, directory: Path, problems: Problems) -> Arguments | None:
    path = read_text(node, "`path`", problems)
    data = _read_file(node, directory / path, f"`{key}`", problems) if path is not None else None
    if data is None:
        return None
    if form == "bin":
        return Arguments(content=data, format=form, span=node.span)
    text = _decode(node, data, f"`{key}`", problems)
    return Arguments(content=text, format=form, span=node.span) if text is not None else None


def read_variables(node: Node | None, directory: Path, problems: Problems) -> dict[str, str] | None:
    """Read `environment_variables`: each a text, or `{path}` of a file whose trimmed text it is."""
    if node is None:
        return None
    variables: dict[str, str] = {}
    for name, _, value in read_entries(node, "`environment_variables`", problems):
        if isinstance(value, MappingNode):
            text = _variable_of_file(value, name, directory, problems)
        else:
            text = _variable_of_value(value, name, problems)
        if text is not None:
            variables[name] = text
    return variables


def _variable_of_value(node: Node, name: str, problems: Problems) -> str | None:
    if isinstance(node, ScalarNode):
        empty = node.value is None
        hint = f'write `{name}: ""` for an empty text' if empty else f'put its value in quotes: `{name}: "…"`'
        return _read_quoted(node, f"the variable `{name}`", problems, hint=hint)
    wrong_type(node, f"the variable `{name}`", "text or `{ path: FILE }`", problems)
    return None


def _read_quoted(node: ScalarNode, what: str, problems: Problems, *, hint: str) -> str | None:
    """Return a text; what is another value is not repeated, because it may be a secret."""
    if isinstance(node.value, str):
        return node.value
    problems.error("wrong-type", f"{what} must be text, not {words_for(node)}", node.span, hint=hint)
    return None


def _variable_of_file(node: MappingNode, name: str, directory: Path, problems: Problems) -> str | None:
    check_keys(node, ("path",), f"the variable `{name}`", problems, severity="warning")
    place = node.get("path")
    if place is None:
        problems.error(
            "missing-key", f"the variable `{name}` has no `path`", node.span, hint="write the value as text, or `{ path: FILE }`"
        )
        return None
    path = read_text(place, "`path`", problems)
    data = _read_file(place, directory / path, f"the variable `{name}`", problems) if path is not None else None
    return _decode(place, data, f"the variable `{name}`", problems) if data is not None else None


def _read_file(node: Node, path: Path, what: str, problems: Problems) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_VALUE_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.error("unreadable-file", f"the file of {what} cannot be read", node.span, detail=f"{path}: {reason}")
        return None
    if len(data) > MAX_VALUE_FILE_BYTES:
        problems.error(
            "too-large", f"the file of {what} is too large", node.span, detail=f"{path} is longer than {MAX_VALUE_FILE_BYTES} bytes"
        )
        return None
    return data


def _decode(node: Node, data: bytes, what: str, problems: Problems) -> str | None:
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        problems.error("not-utf-8", f"the file of {what} is not UTF-8 text", node.span, detail=f"byte {error.start} does not belong there")
        return None
