"""Three projects, two of which share the third, deployed as one to a network that runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orchestrator.candid import decode
from tests.support.diamond import KEYS, write_diamond
from tests.support.workspace import Workspace, workspace

pytestmark = pytest.mark.slow
NETWORKS = "  - {name: local, mode: managed, gateway: {port: 0}}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Deploy the workspace once."""
    with workspace(tmp_path_factory.mktemp("workspace"), manifest="") as made:
        write_diamond(made.directory, networks=NETWORKS)
        made.succeed("deploy", "--env", "local")
        yield made


def ids_of(project: Workspace) -> dict[str, str]:
    """Return the ids by key."""
    return {key: json.loads(project.succeed("canister", "status", key, "--json").stdout)["id"] for key in KEYS}


def answer_of(project: Workspace, name: str) -> str:
    """Return what a canister answers that tells one of its variables."""
    done = project.succeed("canister", "call", name, "told", "--query", "--json")
    (text,) = decode(bytes.fromhex(json.loads(done.stdout)["response_bytes"]))
    return str(text)


def test_canisters_find_each_other(project: Workspace) -> None:
    """Each reads the id of another from its own variables, under the name that its own project gives it."""
    ids = ids_of(project)
    assert answer_of(project, "app") == ids["../mid:core"]
    assert answer_of(project, "lib:core") == ids["../lib:spare"]
    assert answer_of(project, "mid:core") == ids["../lib:core"]
    synced = (project.directory.parent / "mid" / "local.txt").read_text(encoding="utf-8")
    assert synced.split() == [ids["../mid:core"], ids["../lib:core"]]


def test_a_second_deploy_changes_nothing(project: Workspace) -> None:
    """The plan of a workspace that is deployed has the sync step only."""
    plan = json.loads(project.run("plan", "--json").stdout)
    assert [(change["canister"], change["action"]) for change in plan["changes"]] == [
        ("app", "unchanged"),
        ("../lib:core", "unchanged"),
        ("../lib:spare", "unchanged"),
        ("../mid:core", "sync"),
    ]


def test_a_member_is_a_project_of_its_own(project: Workspace, tmp_path: Path) -> None:
    """Beside the root, which is no directory above it, it stands alone; a copy inside the root is found to be part of it."""
    lib = Workspace(directory=project.directory.parent / "lib", variables=project.variables)
    assert json.loads(lib.succeed("canister", "list", "--json").stdout)["canisters"] == ["core", "spare"]
    root = tmp_path / "root"
    root.mkdir()
    write_diamond(root / "app", networks="  []")
    (root / "icp.yaml").write_text("dependencies: [{name: app, path: app}]\n", encoding="utf-8")
    member = Workspace(directory=root / "mid", variables=project.variables)
    done = member.succeed("canister", "list", "--json")
    assert json.loads(done.stdout)["canisters"] == ["app:app", "lib:core", "lib:spare", "mid:core"]
    assert "manifest/workspace" in done.stderr
    reports = [json.loads(project.succeed("canister", "status", name, "--json").stdout) for name in ("lib:core", "../lib:core")]
    assert reports[0]["name"] == reports[1]["name"] == "../lib:core"
    alone = member.succeed("canister", "list", "--json", "--project", ".")
    assert json.loads(alone.stdout)["canisters"] == ["core", "../lib:core", "../lib:spare"]
    assert "manifest/workspace" not in alone.stderr


def test_members_have_addresses_by_name(project: Workspace) -> None:
    """A canister of a dependency is shown under `<name>.<dependency>.<environment>`."""
    port = httpx.URL(json.loads(project.succeed("network", "status", "--json").stdout)["gateway_url"]).port
    core = ids_of(project)["../lib:core"]
    for host, said in (("core.lib", core), ("core.thelib.mid", core), ("core.other", "No deployment to this network has named")):
        answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"{host}.local.localhost:{port}"}, timeout=30)
        assert said in answer.text, host
