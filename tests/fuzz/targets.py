"""What is fuzzed: each target takes any bytes, says whether they could be read, and raises for a bug only."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from orchestrator.candid import format_message, parse_arguments, parse_interface
from orchestrator.core.project import RecipeReference
from orchestrator.documents import parse_yaml, plain_value
from orchestrator.errors import BugError, OrchestratorError, Span
from orchestrator.manifest import load_project, load_steps
from orchestrator.recipes import load_description, parse_address, parse_template, render_template
from orchestrator.store.lock_file import LockFile
from tests.support.random_templates import DATA

__all__ = ["FILE_MARK", "TARGETS", "Target"]

Target = Callable[[bytes], bool]
PATH = Path("/project/file")
FILE_MARK = "\n%%%\n"
"""Between the files of one input to `manifest`: icp.yaml, orchestrator.yaml, canisters/a/canister.yaml."""
MAX_STEPS = 20_000
"""Steps of a rendering: enough to reach every part of it, and soon over."""


@cache
def _directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _check(error: OrchestratorError) -> None:
    """Raise for an error that a user could not read: a bug's, or one whose place is in no text."""
    if isinstance(error, BugError) or not error.summary:
        raise error
    for diagnostic in error.diagnostics:
        _check_span(diagnostic.span)


def _check_span(span: Span | None) -> None:
    if span is not None and not (span.line >= 1 and 1 <= span.column <= len(span.text) + 1 and span.length >= 1):
        raise AssertionError(span)


def _guarded(action: Callable[[str], object]) -> Target:
    def target(data: bytes) -> bool:
        try:
            action(data.decode("utf-8", "replace"))
        except OrchestratorError as error:
            _check(error)
            return False
        return True

    return target


def _yaml(text: str) -> None:
    node = parse_yaml(text, PATH)
    if node is not None:
        plain_value(node)
        _check_span(node.span)


def _manifest(text: str) -> None:
    directory = _directory() / "project"
    places = [directory / name for name in ("icp.yaml", "orchestrator.yaml", "canisters/a/canister.yaml")]
    texts = text.split(FILE_MARK)
    for index, place in enumerate(places):
        if index < len(texts):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(texts[index], encoding="utf-8", newline="")
        else:
            place.unlink(missing_ok=True)
    load_project(directory)


def _steps(text: str) -> None:
    load_steps(text, PATH, directory=PATH.parent, canisters=["a"])


def _template(text: str) -> None:
    rendered = render_template(parse_template(text, PATH), DATA, max_steps=MAX_STEPS)
    if len(rendered.lines) != rendered.text.count("\n") + 1:
        raise AssertionError(rendered)


def _address(text: str) -> None:
    parse_address(RecipeReference(address=text))


def _description(text: str) -> None:
    path = _directory() / "recipe.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    load_description(path.with_suffix(".hbs").with_name("recipe.hbs"))


def _did(text: str) -> None:
    interface = parse_interface(text)
    if interface.service is not None:
        str(interface.service)


def _candid(text: str) -> None:
    format_message(parse_arguments(text))


def _lock(data: bytes) -> bool:
    path = _directory() / "orchestrator.lock"
    path.write_bytes(data)
    try:
        LockFile(path=path, guard=path.with_name("guard")).load()
    except OrchestratorError as error:
        _check(error)
        return False
    return True


TARGETS: dict[str, Target] = {
    "yaml": _guarded(_yaml),
    "manifest": _guarded(_manifest),
    "steps": _guarded(_steps),
    "template": _guarded(_template),
    "address": _guarded(_address),
    "description": _guarded(_description),
    "did": _guarded(_did),
    "candid": _guarded(_candid),
    "lock": _lock,
}
