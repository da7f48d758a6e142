"""No text, however odd, makes the reader or the loader do anything but return or say why not."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents import parse_yaml, plain_value
from orchestrator.errors import Diagnostic, DocumentError, ManifestError
from orchestrator.manifest import load_project, load_steps

PATH = Path("/project/icp.yaml")
BITS = [
    "canisters:",
    "networks:",
    "environments:",
    "name:",
    "a",
    "b",
    "build:",
    "sync:",
    "steps:",
    "type:",
    "script",
    "plugin",
    "path:",
    "url:",
    "{",
    "}",
    "[",
    "]",
    "&x",
    "*x",
    ":",
    "#",
    "null",
    "5",
    "1.5",
    "true",
    "~",
    "settings:",
    "memory_allocation:",
    "1gib",
    "mode:",
    "managed",
    "connected",
    "!",
    "%",
    "?",
    "|",
    ">",
    "recipe:",
    "init_args:",
    ",",
    "depends_on:",
    "proxy:",
    "gateway:",
    "port:",
    "bind:",
]
SPACES = [" ", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", "\t", "", '"', "'", "\\", "---\n"]
yaml_bits = st.lists(st.tuples(st.sampled_from(BITS), st.sampled_from(SPACES)).map("".join), max_size=40).map("".join)
texts = st.one_of(st.text(max_size=300), yaml_bits)


@given(texts)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Reading a text gives nodes whose places lie inside it, or `DocumentError` with a place inside it."""
    try:
        node = parse_yaml(text, PATH)
    except DocumentError as error:
        span = error.span
    else:
        span = node.span if node is not None else None
        assert node is None or plain_value(node) is not Ellipsis
    assert span is None or (span.line >= 1 and 1 <= span.column <= len(span.text) + 1 and span.length >= 1)


@settings(max_examples=200)
@given(text=texts)
def test_any_manifest_is_loaded_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Loading any text as a manifest gives a project or `ManifestError` with at least one problem."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "icp.yaml").write_text(text, encoding="utf-8", newline="")
    problems: tuple[Diagnostic, ...] | None = None
    try:
        project = load_project(directory)
    except ManifestError as error:
        problems = error.diagnostics
    if problems is None:
        assert {"local", "ic"} <= set(project.networks)
    else:
        assert problems
        assert all(problem.span is not None for problem in problems)


@given(texts)
def test_any_rendered_recipe_is_read_or_refused(text: str) -> None:
    """Rendered text of any kind gives steps or `ManifestError`."""
    problems: tuple[Diagnostic, ...] | None = None
    try:
        steps = load_steps(text, PATH, directory=PATH.parent)
    except ManifestError as error:
        problems = error.diagnostics
    assert problems is None or problems
    assert problems is not None or steps.build is not None
