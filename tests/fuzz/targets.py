"""What is fuzzed: each target takes any bytes, says whether they could be read, and raises for a bug only.

An input of several files has `FILE_MARK` between them.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from orchestrator.candid import format_message, parse_arguments, parse_interface
from orchestrator.core.project import RecipeReference
from orchestrator.documents import parse_yaml, plain_value
from orchestrator.engine.authoring.recipe_rendering import merge_values, read_configuration
from orchestrator.errors import BugError, OrchestratorError, Span
from orchestrator.manifest import load_project, load_steps
from orchestrator.manifest.load import read_project
from orchestrator.manifest.roots import find_root
from orchestrator.manifest.user_settings import load_user_settings
from orchestrator.recipes import expand, load_description, parse_address, parse_template, render_template
from orchestrator.store.lock_file import LockFile
from tests.fuzz.corpus import FILE_MARK
from tests.support.random_templates import DATA

__all__ = ["TARGETS", "Target"]

Target = Callable[[bytes], bool]
PATH = Path("/project/file")
MANIFEST_FILES = ("icp.yaml", "orchestrator.yaml", "canisters/a/canister.yaml")
WORKSPACE_FILES = ("app/icp.yaml", "app/orchestrator.yaml", "lib/icp.yaml", "app/vendor/icp.yaml")
RECIPE_FILES = ("recipe.hbs", "recipe.yaml", "configuration.yaml")
FACTS = {"network": {"managed": True}, "host": {"batch": True}}
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


def _written(folder: str, names: Sequence[str], text: str) -> Path:
    """Write an input's files, and remove those that it has not; return their directory."""
    directory = _directory() / folder
    texts = text.split(FILE_MARK)
    for index, name in enumerate(names):
        place = directory / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if index < len(texts):
            place.write_text(texts[index], encoding="utf-8", newline="")
        else:
            place.unlink(missing_ok=True)
    return directory


def _manifest(text: str) -> None:
    load_project(_written("project", MANIFEST_FILES, text))


def _workspace(text: str) -> None:
    directory = _written("workspace", WORKSPACE_FILES, text)
    find_root(directory / "app" / "vendor")
    for diagnostic in read_project(directory / "app").errors:
        _check_span(diagnostic.span)
    load_project(directory / "app")


def _recipe(text: str) -> None:
    directory = _written("recipe", RECIPE_FILES, text)
    path, configuration = directory / "recipe.hbs", directory / "configuration.yaml"
    values = read_configuration(configuration.read_text(encoding="utf-8"), configuration) if configuration.exists() else {}
    reference = RecipeReference(address="./recipe.hbs", configuration=values)
    expansion = expand(reference, path.read_bytes(), path, canister="a", facts=FACTS, description=load_description(path))
    if (len(expansion.shown), expansion.shown.count("\n")) != (len(expansion.text), expansion.text.count("\n")):
        raise AssertionError(expansion)
    load_steps(expansion.text, expansion.path, directory=directory, related=expansion.related, shown=expansion.shown)


def _set(text: str) -> None:
    pairs = (line.partition("=") for line in text.split("\n"))
    merge_values({"a": {"b": 1}}, [(key, value) for key, _, value in pairs], "--set")


def _settings(text: str) -> None:
    load_user_settings(_written("settings", ("settings.yaml",), text) / "settings.yaml")


def _steps(text: str) -> None:
    load_steps(text, PATH, directory=PATH.parent, canisters=["a"])


def _template(text: str) -> None:
    rendered = render_template(parse_template(text, PATH), DATA, max_steps=MAX_STEPS)
    if len(rendered.lines) != rendered.text.count("\n") + 1:
        raise AssertionError(rendered)


def _address(text: str) -> None:
    parse_address(RecipeReference(address=text))


def _description(text: str) -> None:
    load_description(_written("description", ("recipe.yaml",), text) / "recipe.hbs")


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
    "workspace": _guarded(_workspace),
    "settings": _guarded(_settings),
    "steps": _guarded(_steps),
    "template": _guarded(_template),
    "recipe": _guarded(_recipe),
    "set": _guarded(_set),
    "address": _guarded(_address),
    "description": _guarded(_description),
    "did": _guarded(_did),
    "candid": _guarded(_candid),
    "lock": _lock,
}
