"""What plugin steps hand on: lists and maps of paths, fields, callable canisters."""

from pathlib import Path

import pytest

from orchestrator.core.project import PluginStep, PrebuiltStep
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_project


def load_step(directory: Path, keys: str) -> PluginStep:
    """Load a manifest with one plugin step that has these keys."""
    text = f"""
canisters:
  - name: api
    build: {{steps: [{{type: script, command: "true"}}]}}
    sync:
      steps:
        - type: plugin
          path: plugin.wasm
          {keys}
"""
    (directory / "icp.yaml").write_text(text, encoding="utf-8")
    (step,) = load_project(directory).canisters[0].sync
    assert isinstance(step, PluginStep)
    return step


def test_maps_of_paths(tmp_path: Path) -> None:
    """A name has one path or several, in the order of the manifest; each entry knows where it is written."""
    step = load_step(tmp_path, "files: {page: dist, texts: [a.txt, b.txt], again: dist}")

    assert step.files == ("dist", "a.txt", "b.txt", "dist")
    assert step.file_keys == ("page", "texts", "texts", "again")
    places = [step.place_of("files", index) for index in range(4)]
    assert [(place.line, place.column) for place in places if place] == [(9, 25), (9, 39), (9, 46), (9, 61)]


def test_lists_of_paths(tmp_path: Path) -> None:
    """Lists have no names."""
    step = load_step(tmp_path, "dirs: [dist]")

    assert (step.dirs, step.dir_keys, step.files, step.file_keys) == (("dist",), None, (), None)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1", "1"),
        ("1.50", "1.5"),
        ("1.0", "1"),
        ("1e3", "1000"),
        ("1e21", "1000000000000000000000"),
        ("1.5e-7", "0.00000015"),
        ("0x10", "16"),
        ("0o17", "15"),
        ("true", "true"),
        ("'true'", "true"),
        ("word", "word"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
    ],
)
def test_values_of_fields(tmp_path: Path, written: str, text: str) -> None:
    """Numbers and booleans are handed on as the text that icp-cli makes of them."""
    assert load_step(tmp_path, f"fields: {{z: last, n: {written}}}").fields == (("n", text), ("z", "last"))


@pytest.mark.parametrize("written", ["null", "[1]", "{a: b}", "18446744073709551616", "-9223372036854775809"])
def test_refused_fields(tmp_path: Path, written: str) -> None:
    """What is no text, number or boolean is refused at its place."""
    with pytest.raises(ManifestError, match="`n` of `fields` must be text, a number") as caught:
        load_step(tmp_path, f"fields: {{n: {written}}}")

    assert caught.value.diagnostics[0].span is not None


def test_callable_canisters(tmp_path: Path) -> None:
    """Names of canisters are kept as written."""
    assert load_step(tmp_path, "canisters: [backend, api]").canisters == ("backend", "api")


def test_a_path_of_no_characters(tmp_path: Path) -> None:
    """It is the canister's own folder, as in icp-cli, which is told when it is read; not nothing, for which `url` would count."""
    (tmp_path / "icp.yaml").write_text("canisters: [{name: a, build: {steps: [{type: pre-built, path: ''}]}}]")

    (step,) = load_project(tmp_path).canisters[0].build

    assert isinstance(step, PrebuiltStep)
    assert step.path == tmp_path


def test_the_scheme_of_a_url_has_no_case(tmp_path: Path) -> None:
    """`HTTPS` is `https`, as everywhere."""
    (tmp_path / "icp.yaml").write_text("canisters: [{name: a, build: {steps: [{type: pre-built, url: 'HTTPS://example.com/a'}]}}]")

    (step,) = load_project(tmp_path).canisters[0].build

    assert isinstance(step, PrebuiltStep)
    assert step.url == "HTTPS://example.com/a"
