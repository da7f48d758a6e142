"""Projects that depend on each other load as icp-cli 1.5.0 loads them; what it refuses is refused with places."""

import os
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.core.project import Canister, Project
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_nearest, load_project
from orchestrator.manifest.workspace import MAX_PROJECTS
from tests.support.reports import render_error
from tests.support.workspaces import CASES, write_files

Facts = dict[str, object]


def load(folder: Path, files: dict[str, str], directory: str = "app") -> Project:
    """Load the project that is found from a directory."""
    write_files(folder, files)
    return load_nearest(folder / directory)


def facts(canister: Canister) -> Facts:
    """Return what a canister's manifest or environment says about it."""
    settings = canister.settings
    said = {
        "controllers": None if settings.controllers is None else list(settings.controllers),
        "compute_allocation": settings.compute_allocation,
        "memory_allocation": settings.memory_allocation,
        "environment_variables": settings.environment_variables,
        "init_args": canister.init_args and canister.init_args.content,
        "upgrade_args": canister.upgrade_args and canister.upgrade_args.content,
    }
    return {key: value for key, value in said.items() if value is not None}


def shown(project: Project, folder: Path) -> Facts:
    """Return a project in the form of the cases."""
    canisters: dict[str, Facts] = {}
    for canister in project.canisters:
        directory = os.path.normpath(canister.directory).replace(str(folder), ".")
        canisters[canister.name] = {"directory": directory, "bindings": dict(canister.bindings)}
        canisters[canister.name] |= {"facts": said} if (said := facts(canister)) else {}
    environments = {each.name: {canister.name: facts(canister) for canister in each.canisters} for each in project.environments.values()}
    missing = {name: list(projects) for name, projects in project.missing_environments.items()}
    root = os.path.relpath(project.directory, folder)
    result: Facts = {"root": root, "canisters": canisters, "environments": environments}
    return result | ({"missing": missing} if missing else {})


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["icp"] is not None])
def test_a_workspace_is_what_icp_makes_of_it(name: str, tmp_path: Path) -> None:
    """The same root, keys, directories, names for each other and environments, in the same order."""
    case = CASES[name]
    project = load(tmp_path, case["files"], case["directory"])
    assert shown(project, tmp_path) == case["icp"]
    assert [canister.name for canister in project.canisters] == list(case["icp"]["canisters"])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["icp"] is None and "differs" not in case])
def test_what_icp_refuses_is_refused(name: str, tmp_path: Path) -> None:
    """Every error has a place, in the file that is wrong, and says what to do."""
    case = CASES[name]
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, case["files"], case["directory"])
    assert caught.value.diagnostics
    assert all(each.span is not None and each.span.path.is_file() for each in caught.value.diagnostics)


BUILD = "build: {steps: [{type: script, command: x}]}"
BROKEN = {
    "app/icp.yaml": f"""canisters:
  - {{ name: lib, {BUILD}, depends_on: [b], settings: {{ controllers: ["mid:m"] }} }}
dependencies:
  - {{ name: lib, path: ../lib, colour: red }}
  - {{ name: mid, path: ../mid, canisters: [m, n] }}
  - {{ name: a b, path: ../mid }}
  - {{ path: ../mid }}
  - ../mid
  - {{ name: nowhere }}
environments:
  - {{ name: staging, canisters: ["mid:m"] }}
""",
    "lib/icp.yaml": f"""canisters:
  - {{ name: core, {BUILD}, settings: {{ memory_allocation: 1zb }} }}
dependencies:
  - {{ name: back, path: ../app }}
networks:
  - {{ name: ic, mode: managed, ii: true }}
  - {{ name: other, mode: conected }}
environments:
  - {{ name: staging, settings: {{ core: {{ compute_allocation: many }} }}, network: unknown }}
""",
    "mid/icp.yaml": f"canisters: [{{ name: m, {BUILD}, depends_on: ['../lib:core', core] }}]\n",
}


def test_report_of_a_broken_workspace(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Everything that is wrong in any of the projects comes in one error, each in its own file."""
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, BROKEN)
    assert render_error(caught.value, tmp_path) == snapshot


def test_report_of_missing_projects(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """All dependencies that are not there are named at once."""
    manifest = "dependencies:\n  - { name: a, path: ../a }\n  - { name: b, path: sub/icp.yaml }\n  - { name: c, path: 5 }\n"
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, {"app/icp.yaml": manifest, "app/sub/icp.yaml": ""})
    assert render_error(caught.value, tmp_path) == snapshot


def test_a_project_inside_a_workspace(tmp_path: Path) -> None:
    """The root is taken, which a warning says; that it is no error with `strict`, and a folder that is named stands alone."""
    manifests = {"icp.yaml": "dependencies: [{name: l, path: lib}]", "lib/icp.yaml": f"canisters: [{{name: c, {BUILD}}}]", "lib/src/a": ""}
    project = load(tmp_path, manifests, "lib/src")
    (warning,) = project.warnings
    assert (project.directory, project.scope, warning.slug) == (tmp_path, "lib", "manifest/workspace")
    assert warning.hint == f"use `--project {tmp_path / 'lib'}` to work on that project alone"
    assert load_nearest(tmp_path / "lib", strict=True).scope == "lib"
    assert (load_nearest(tmp_path).scope, load_nearest(tmp_path).warnings) == ("", ())
    assert load_project(tmp_path / "lib").directory == tmp_path / "lib"


@pytest.mark.parametrize("broken", ["icp.yaml", "mid/icp.yaml", "orchestrator.yaml"])
def test_a_root_that_cannot_be_read(tmp_path: Path, broken: str) -> None:
    """A project that may be part of a workspace stands alone, which a warning says, with the file that is broken."""
    files = {"icp.yaml": "dependencies: [{name: mid, path: mid}]\n", "mid/icp.yaml": "dependencies: [{name: lib, path: ../lib}]\n"}
    write_files(
        tmp_path, {**files, "lib/icp.yaml": "", broken: "a: [\n"} | ({"mid/icp.yaml": "x: 1"} if broken == "orchestrator.yaml" else {})
    )
    project = load_nearest(tmp_path / "lib")
    assert project.directory == tmp_path / "lib"
    (warning,) = project.warnings
    assert (warning.slug, str(tmp_path / broken) in warning.summary) == ("manifest/workspace", True)


def test_a_project_that_depends_on_itself(tmp_path: Path) -> None:
    """That is no circle to look for: the dependency is named."""
    with pytest.raises(ManifestError, match="dependency `me` is the project itself") as caught:
        load(tmp_path, {"icp.yaml": "dependencies: [{name: me, path: ''}]\n"}, "")
    assert caught.value.slug == "manifest/project-cycle"


def test_places_have_no_detours(tmp_path: Path) -> None:
    """A project that others lead to is named from the root, not by the way that leads there; links stay as they are written."""
    files = {
        "icp.yaml": "dependencies: [{name: mid, path: p/mid}]\n",
        "p/mid/icp.yaml": "dependencies: [{name: lib, path: ../lib}, {name: link, path: ../link}]\n",
        "p/lib/icp.yaml": f"canisters: [{{name: core, {BUILD}}}]\nenvironments: [{{name: local, colour: red}}]\n",
        "p/link": "-> ../elsewhere",
        "elsewhere/icp.yaml": f"canisters: [{{name: far, {BUILD}}}]\n",
    }
    project = load(tmp_path, files, "")
    assert [canister.directory for canister in project.canisters] == [tmp_path / "p/lib", tmp_path / "p/mid/../link"]
    (warning,) = project.warnings
    assert warning.span is not None
    assert warning.span.path == tmp_path / "p/lib/icp.yaml"


def test_an_override_by_alias(tmp_path: Path) -> None:
    """As for icp-cli it does nothing; the warning has the key."""
    root = "dependencies: [{name: l, path: ../lib}]\nenvironments: [{name: local, init_args: {'l:c': '(1)'}}]"
    (warning,) = load(tmp_path, {"app/icp.yaml": root, "lib/icp.yaml": f"canisters: [{{name: c, {BUILD}}}]"}).warnings
    assert (warning.slug, warning.hint) == ("manifest/unused-override", "write its key in the workspace, `../lib:c`")


def test_a_start_with_dots(tmp_path: Path) -> None:
    """What is above a folder does not depend on how that is written."""
    files = {"lib/icp.yaml": f"canisters: [{{name: c, {BUILD}}}]", "app/icp.yaml": "dependencies: [{name: l, path: ../lib}]"}
    assert load(tmp_path, files, "app/../lib").directory == (tmp_path / "lib").resolve()


def write_chain(folder: Path, length: int) -> None:
    """Write projects of which each depends on the next."""
    chain = {f"p{index}/icp.yaml": f"dependencies: [{{name: next, path: {folder}/p{index + 1}}}]" for index in range(length - 1)}
    write_files(folder, {**chain, f"p{length - 1}/icp.yaml": ""})


def test_a_long_chain_of_projects(tmp_path: Path) -> None:
    """A chain is followed to its end, however long."""
    write_chain(tmp_path, 100)
    assert [member.key for member in load_project(tmp_path / "p0").members] == ["", *(f"../p{index}" for index in range(1, 100))]


@pytest.mark.slow
def test_a_workspace_has_a_limit(tmp_path: Path) -> None:
    """As many projects as the limit says, and not one more."""
    write_chain(tmp_path, MAX_PROJECTS + 1)
    assert len(load_project(tmp_path / "p1").members) == MAX_PROJECTS
    with pytest.raises(ManifestError) as caught:
        load_project(tmp_path / "p0")
    assert caught.value.slug == "manifest/too-many-projects"


def test_paths_that_grow_too_long(tmp_path: Path) -> None:
    """A path that the system refuses is an error with its place."""
    with pytest.raises(ManifestError, match="there is no project") as caught:
        load(tmp_path, {"app/icp.yaml": f"dependencies: [{{name: l, path: {'x/../' * 2000}}}]"})
    assert caught.value.detail == "File name too long"


def test_settings_of_several_environments_of_one_name(tmp_path: Path) -> None:
    """With `settings_merge` the root's settings come on top of what a member says in its environment."""
    member = "environments: [{name: s, settings_merge: true, settings: {c: {compute_allocation: 1}}}]"
    root = "environments: [{name: s, settings_merge: true, settings: {'../lib:c': {memory_allocation: 2}}}]"
    canister = f"canisters: [{{name: c, {BUILD}, settings: {{controllers: [c]}}}}]"
    files = {"app/icp.yaml": f"dependencies: [{{name: l, path: ../lib}}]\n{root}", "lib/icp.yaml": f"{canister}\n{member}"}
    (found,) = load(tmp_path, files).environments["s"].canisters
    assert facts(found) == {"controllers": ["../lib:c"], "compute_allocation": 1, "memory_allocation": 2}
