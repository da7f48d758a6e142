"""What `tests/cases/workspaces.json` says about icp-cli 1.5.0 is what icp-cli 1.5.0 does."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.official_icp import icp_binary
from tests.support.workspaces import CASES, write_files

pytestmark = [pytest.mark.npm, pytest.mark.slow]
TIMEOUT_SECONDS = 30


class Shown(yaml.SafeLoader):
    """Reads what `icp project show` prints, the tag of arguments (`!Text`) left out."""


def _map(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> object:
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


Shown.add_multi_constructor("!", _map)


def facts(canister: Any) -> dict[str, Any]:
    """Return what a canister's manifest or environment says about it."""
    said = {key: value for key, value in canister["settings"].items() if value is not None}
    for key in ("init_args", "upgrade_args"):
        if isinstance(arguments := canister[key], dict):
            said[key] = arguments["content"]
    return said


def test_icp_does_what_the_cases_say(npm_modules: Path, tmp_path: Path) -> None:
    """Each case, in a folder of its own: the same project, or an error."""
    binary = icp_binary(npm_modules)
    environment = {**os.environ, "ICP_HOME": str(tmp_path / "home"), "ICP_TELEMETRY_DISABLED": "1", "RUST_BACKTRACE": "0"}
    found = {}
    for name, case in CASES.items():
        folder = tmp_path / name
        write_files(folder, case["files"])
        place = folder / case["directory"]
        done = subprocess.run(
            [binary, "project", "show"],
            cwd=place,
            env={**environment, "PWD": str(place)},
            check=False,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
        )
        found[name] = None if done.returncode else shown(yaml.load(done.stdout, Loader=Shown), folder)  # noqa: S506  a safe loader
    assert found == {name: case["icp"] for name, case in CASES.items()}


def shown(project: Any, folder: Path) -> dict[str, Any]:
    """Return what icp-cli shows in the form of the cases."""
    canisters: dict[str, Any] = {}
    for key, (directory, canister) in project["canisters"].items():
        place = os.path.normpath(directory).replace(str(folder), ".")
        canisters[key] = {"directory": place, "bindings": canister["bindings"]} | ({"facts": said} if (said := facts(canister)) else {})
    environments = {
        name: {key: facts(canister) for key, (_, canister) in environment["canisters"].items()}
        for name, environment in project["environments"].items()
    }
    result = {"root": os.path.relpath(project["dir"], folder), "canisters": canisters, "environments": environments}
    return result | ({"missing": missing} if (missing := project.get("member_missing_envs")) else {})
