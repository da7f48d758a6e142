"""The whole report for each broken manifest of `tests/cases/manifest`."""

import shutil
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.errors import ManifestError
from orchestrator.manifest import find_project, load_project, load_steps
from tests.support.reports import render_diagnostic, render_error

CASES = Path(__file__).parents[2] / "cases" / "manifest"


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml") if not path.stem.startswith("broken-")))
def test_report(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """All problems of a manifest come in one error, each with slug, place, reason and hint."""
    shutil.copy(CASES / f"{name}.yaml", tmp_path / "icp.yaml")
    with pytest.raises(ManifestError) as caught:
        load_project(tmp_path)
    assert render_error(caught.value, tmp_path) == snapshot


WARNINGS = """\
canisters:
  - name: backend
    build: { steps: [{ type: script, command: make, commands: [make], comand: x, inputs: ["src/**"] }], step: [] }
    sync: { steps: [{ type: plugin, path: a.wasm, url: "https://example.org/a.wasm", dir: [x] }] }
    settings: { memory_alocation: 1gib, compute_allocation: 101, log_visibility: public }
    health: [{ status: running }]
    labels: { tier: edge }
  - "none/*"
  - "{a,b}"
networks:
  - { name: local, mode: managed, gatway: { port: 1 } }
environments:
  - name: staging
    canister: [backend]
    rollout: { stages: [{ name: all, canisters: [] }] }
    settings:
      backend: { compute_allocation: 5, controllers: [nobody] }
      backnd: { compute_allocation: 5 }
    init_args:
      frontend: "(1)"
"""


def test_warnings(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Keys that have no effect, overrides that hit nothing and lost settings are warnings with places."""
    (tmp_path / "icp.yaml").write_text(WARNINGS, encoding="utf-8")
    project = load_project(tmp_path)
    assert "\n\n".join(render_diagnostic(warning, tmp_path) for warning in project.warnings) == snapshot


def test_strict_makes_warnings_errors(tmp_path: Path) -> None:
    """With `strict`, the same warnings refuse the project."""
    (tmp_path / "icp.yaml").write_text(WARNINGS, encoding="utf-8")
    warnings = load_project(tmp_path).warnings
    with pytest.raises(ManifestError) as caught:
        load_project(tmp_path, strict=True)
    assert [diagnostic.slug for diagnostic in caught.value.diagnostics] == [warning.slug for warning in warnings]
    assert {diagnostic.severity for diagnostic in caught.value.diagnostics} == {"error"}


def test_no_project(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Outside a project the error says where it looked and what to do."""
    with pytest.raises(ManifestError) as caught:
        find_project(tmp_path)
    assert render_error(caught.value, tmp_path) == snapshot


def test_rendered_recipe(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A problem in a rendered recipe also says what `related` knows about its place."""
    text = "build:\n  steps:\n    - type: scrpt\nsync:\n  steps:\n    - type: plugin\n      path: a.wasm\n      proxy: nobody\n"
    path = tmp_path / "recipe.hbs (rendered)"
    with pytest.raises(ManifestError) as caught:
        load_steps(text, path, directory=tmp_path, canisters={"a"}, related=lambda span: ((span, "rendered from here"),))
    assert render_error(caught.value, tmp_path) == snapshot
