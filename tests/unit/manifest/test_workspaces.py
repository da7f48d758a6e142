"""Projects that depend on each other load as icp-cli 1.5.0 loads them; what it refuses is refused with places."""

import os
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, Project
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_nearest
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
