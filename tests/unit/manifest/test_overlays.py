"""`orchestrator.yaml` beside icp.yaml: merged by name, steps one by one where asked, and over canisters of dependencies."""

from pathlib import Path

import pytest

from orchestrator.core.project import Canister, PluginStep, Project, ScriptStep
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_project
from tests.support.workspaces import write_files

BUILD = "build: {steps: [{type: script, command: x}]}"
TWO_STEPS = "sync: {steps: [{type: script, command: y}, {type: plugin, path: p.wasm, name: seed}]}"
BASE = f"canisters: [{{name: a, {BUILD}, {TWO_STEPS}}}]\n"


def load(folder: Path, overlay: str, base: str = BASE, **files: str) -> Project:
    """Load a manifest with an overlay, and further files (`__` in a name stands for `/`, `_dot_` for `.`)."""
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
    write_files(folder, {"icp.yaml": base, "orchestrator.yaml": overlay, **named})
    return load_project(folder)


def steps_of(canister: Canister) -> tuple[ScriptStep, PluginStep]:
    """Return the two sync steps."""
    first, second = canister.sync
    assert isinstance(first, ScriptStep)
    assert isinstance(second, PluginStep)
    return first, second


@pytest.mark.parametrize(
    "steps",
    ["[{}, {timeout: 5s}]", "[{name: seed, timeout: 5s}]", "[{}, {name: other, timeout: 5s}]"],
    ids=["by position", "by name", "by position, with a new name"],
)
def test_steps_without_a_type_add_to_those_below(tmp_path: Path, steps: str) -> None:
    """One key of one step is set; the others stay as they are."""
    (canister,) = load(tmp_path, f"canisters: [{{name: a, sync: {{steps: {steps}}}}}]").canisters
    first, second = steps_of(canister)
    assert first.commands == ("y",)
    assert (second.timeout, second.path) == (5, tmp_path / "p.wasm")
    assert second.name == ("other" if "other" in steps else "seed")


def test_steps_with_a_type_replace_those_below(tmp_path: Path) -> None:
    """A list of whole steps is the list, and so is an empty one."""
    (canister,) = load(tmp_path, "canisters: [{name: a, sync: {steps: [{type: script, command: z}]}}]").canisters
    assert [step.commands for step in canister.sync if isinstance(step, ScriptStep)] == [("z",)]
    (canister,) = load(tmp_path, "canisters: [{name: a, sync: {steps: []}}]").canisters
    assert canister.sync == ()


def test_build_steps_are_added_to_as_well(tmp_path: Path) -> None:
    """The same for `build`; a list called `steps` elsewhere is a value like others."""
    base = f"canisters: [{{name: a, {BUILD}}}, {{name: b, recipe: {{type: ./r.hbs, configuration: {{steps: [1, 2]}}}}}}]"
    overlay = "canisters: [{name: a, build: {steps: [{inputs: [src]}]}}, {name: b, recipe: {configuration: {steps: [{k: v}]}}}]"
    first, second = load(tmp_path, overlay, base).canisters
    (step,) = first.build
    assert isinstance(step, ScriptStep)
    assert step.commands == ("x",)
    assert second.recipe is not None
    assert second.recipe.configuration == {"steps": [{"k": "v"}]}


@pytest.mark.parametrize(
    ("sync", "slug", "place"),
    [
        ("steps: [{timeout: 5s, name: seed}, {timeout: 6s}]", "manifest/ambiguous-step", (1, 65)),
        ("steps: [{timeout: 5s}, {type: script, command: z}]", "manifest/mixed-steps", (1, 38)),
        ("steps: [{}, {}, {timeout: 5s}]", "manifest/no-such-step", (1, 46)),
    ],
)
def test_what_could_mean_several_things_is_refused(tmp_path: Path, sync: str, slug: str, place: tuple[int, int]) -> None:
    """Two items for one step, whole steps beside additions, and a step that is not there; each with its place."""
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, f"canisters: [{{name: a, sync: {{{sync}}}}}]")
    (found,) = caught.value.diagnostics
    assert found.slug == slug
    assert found.span is not None
    assert (found.span.path.name, found.span.line, found.span.column) == ("orchestrator.yaml", *place)


def test_steps_of_a_recipe_cannot_be_added_to(tmp_path: Path) -> None:
    """They are in its template: the error says so."""
    base = "canisters: [{name: a, recipe: {type: ./r.hbs}}]"
    with pytest.raises(ManifestError, match="adds to a step that is not there: of the sync steps of canister `a` there is none") as caught:
        load(tmp_path, "canisters: [{name: a, sync: {steps: [{timeout: 5s}]}}]", base)
    assert caught.value.detail is not None
    assert "template" in caught.value.detail


ROOT = f"canisters: [{{name: app, {BUILD}}}]\ndependencies: [{{name: lib, path: lib}}]\n"
LIB = f"canisters: [{{name: core, {BUILD}, settings: {{compute_allocation: 1, memory_allocation: 2}}}}, {{name: more, {BUILD}}}]\n"


def test_the_roots_overlay_reaches_canisters_of_dependencies(tmp_path: Path) -> None:
    """By their keys; what their own project's overlay says comes below."""
    overlay = "canisters: [{name: 'lib:core', depends_on: [more], settings: {compute_allocation: 5}}]"
    own = "canisters: [{name: core, settings: {compute_allocation: 3, wasm_memory_limit: 7}, depends_on: []}]"
    project = load(tmp_path, overlay, ROOT, lib__icp_dot_yaml=LIB, lib__orchestrator_dot_yaml=own)
    core = next(each for each in project.canisters if each.name == "lib:core")
    assert core.depends_on == ("lib:more",)
    settings = core.settings
    assert (settings.compute_allocation, settings.memory_allocation, settings.wasm_memory_limit) == (5, 2, 7)
    assert core.local_name == "core"


def test_the_overlay_of_a_member_has_no_say_about_others(tmp_path: Path) -> None:
    """What it says about canisters of its own dependencies counts where it is the root; here it is a warning."""
    lib = f"{LIB}dependencies: [{{name: deep, path: ../deep}}]\n"
    own = "canisters: [{name: '../deep:d', depends_on: []}]"
    files = {"lib__icp_dot_yaml": lib, "lib__orchestrator_dot_yaml": own, "deep__icp_dot_yaml": f"canisters: [{{name: d, {BUILD}}}]"}
    project = load(tmp_path, "", ROOT, **files)
    assert [warning.slug for warning in project.warnings] == ["manifest/unused-override"]
    assert load_project(tmp_path / "lib").warnings == ()


def test_keys_that_no_project_has(tmp_path: Path) -> None:
    """A key or an alias that means nothing is refused, with the one that was probably meant."""
    with pytest.raises(ManifestError, match="no other project has the canister `lib:cor`") as caught:
        load(tmp_path, "canisters: [{name: 'lib:cor'}]", ROOT, lib__icp_dot_yaml=LIB)
    assert caught.value.hint == "did you mean `lib:core`?"
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, "", f"canisters: [{{name: 'lib:core', {BUILD}}}]\ndependencies: [{{name: lib, path: lib}}]", lib__icp_dot_yaml=LIB)
    assert caught.value.slug == "manifest/invalid-name"


def test_a_dependency_of_the_overlay(tmp_path: Path) -> None:
    """Dependencies are merged by name as well: an overlay can show less of one."""
    project = load(tmp_path, "dependencies: [{name: lib, canisters: [core]}]", ROOT, lib__icp_dot_yaml=LIB)
    assert dict(project.canisters[0].bindings) == {"app": "app", "lib:core": "lib:core"}


@pytest.mark.parametrize(
    ("overlay", "hint"),
    [
        ("canisters: [{name: backnd, labels: {tier: edge}}]", "did you mean `backend`?"),
        ("canisters: [{name: other, depends_on: [backend]}]", "write the name of one that is there"),
    ],
    ids=["misspelt", "unknown"],
)
def test_a_canister_that_is_not_there(tmp_path: Path, overlay: str, hint: str) -> None:
    """What adds nothing that could be built was meant for another canister: that is said, once."""
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, overlay, f"canisters: [{{name: backend, {BUILD}}}]\n")
    (problem,) = caught.value.diagnostics
    assert problem.slug == "manifest/unknown-canister"
    assert problem.span is not None
    assert problem.span.path.name == "orchestrator.yaml"
    assert hint in (problem.hint or "")


def test_a_canister_of_a_file_that_cannot_be_built(tmp_path: Path) -> None:
    """A `canister.yaml` that an overlay names adds to nothing: it lacks what every canister needs."""
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, "canisters: [c]", c__canister_dot_yaml="name: c\n")
    assert caught.value.slug == "manifest/no-build"


@pytest.mark.parametrize(
    ("environment", "slugs"),
    [
        ("{name: stagin, protected: true}", ["manifest/added-environment"]),
        ("{name: stagin, network: ic}", []),
        ("{name: other, protected: true}", ["manifest/added-environment"]),
        ("{name: local, protected: true}", []),
        ("{name: staging, protected: true}", []),
    ],
    ids=["misspelt", "with a network", "another", "everywhere", "there"],
)
def test_an_environment_that_is_not_there(tmp_path: Path, environment: str, slugs: list[str]) -> None:
    """One whose name is nearly that of another leaves the other without protection: a warning says so."""
    project = load(tmp_path, f"environments: [{environment}]", f"{BASE}environments: [{{name: staging}}]\n")
    assert [warning.slug for warning in project.warnings] == slugs


def test_a_network_that_is_not_there(tmp_path: Path) -> None:
    """Beside the error that it lacks a mode, strict loading tells which one may be meant."""
    base = f"{BASE}networks: [{{name: testnet, mode: managed}}]\n"
    write_files(tmp_path, {"icp.yaml": base, "orchestrator.yaml": "networks: [{name: tesnet, ports: ['1:2']}]"})
    with pytest.raises(ManifestError) as caught:
        load_project(tmp_path, strict=True)
    hints = {found.slug: found.hint or "" for found in caught.value.diagnostics}
    assert hints["manifest/added-network"].startswith("did you mean `testnet`?")


def test_the_mainnet_is_where_it_was(tmp_path: Path) -> None:
    """An overlay adds to the `ic` that every project has; in icp.yaml it is on `local`, as for icp-cli, with a warning."""
    project = load(tmp_path, "environments: [{name: ic, protected: true}]")
    environment = project.environments["ic"]
    assert (environment.network.name, environment.protected, project.warnings) == ("ic", True, ())
    project = load(tmp_path, "environments: [{name: ic, protected: true}]", f"{BASE}environments: [{{name: ic}}]\n")
    assert project.environments["ic"].network.name == "local"
    assert [warning.slug for warning in project.warnings] == ["manifest/local-mainnet"]


def test_a_name_that_is_nearly_right(tmp_path: Path) -> None:
    """A file `orchestrator.yml` is not read, which a warning says; beside the right one it is nobody's."""
    project = load(tmp_path, "", BASE, orchestrator_dot_yml="canisters: [{name: a, labels: {x: y}}]")
    assert (dict(project.canisters[0].labels), project.warnings) == ({}, ())
    (tmp_path / "orchestrator.yaml").unlink()
    (warning,) = load_project(tmp_path).warnings
    assert (warning.slug, warning.hint) == ("manifest/misnamed-file", "rename it to `orchestrator.yaml`")
