"""Bad input, through the real command: each its own clear error, and nothing half-done."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.support.workspace import ROOT, Completed, workspace

pytestmark = pytest.mark.slow
HELLO = ROOT / "examples" / "hello"
LOCAL = """
networks:
  - name: local
    mode: managed
    gateway:
      port: {port}
"""
PROJECT = (
    """canisters:
  - name: phrasebook
    build:
      steps:
        - type: pre-built
          path: {wasm}
    sync:
      steps:
        - type: plugin
          path: {plugin}
          dirs:
            - {directory}
"""
    + LOCAL
)


def manifest(*, wasm: str = "phrasebook.wasm", plugin: str = "plugin/seed.wasm", directory: str = "seed", port: int = 0) -> str:
    """Return a project like the example's, with one thing that may be wrong."""
    return PROJECT.format(wasm=wasm, plugin=plugin, directory=directory, port=port)


def deploy(folder: Path, text: str) -> tuple[Completed, list[str]]:
    """Deploy the example's files with this manifest; return what came, and the names of canisters that exist."""
    with workspace(folder, example="hello", manifest=text) as project:
        done = project.run("deploy", "--env", "local")
        ids = sorted(path.name for path in project.directory.rglob("*.ids.json")) + sorted(
            path.name for path in project.directory.glob(".orchestrator/cache/networks/*/ids/*.json")
        )
    assert "Traceback" not in done.stderr + done.stdout, str(done)
    return done, ids


@pytest.mark.parametrize(
    ("text", "slug", "place", "says"),
    [
        pytest.param("canisters:\n  - name: [a\n", "document/", "icp.yaml:", "", id="broken-yaml"),
        pytest.param("canisters:\n\t- name: a\n", "document/", "icp.yaml:2:1", "tab", id="tab"),
        pytest.param("canisters: []\ncanisters: []\n", "document/", "icp.yaml:2:1", "canisters", id="duplicate-key"),
        pytest.param("canister: []\n", "manifest/unknown-key", "icp.yaml:1:1", "canisters", id="unknown-key"),
        pytest.param(manifest().replace("build:", "bild:"), "manifest/", "icp.yaml:3:5", "build", id="unknown-canister-key"),
        pytest.param(manifest().replace("type: plugin", "type: plugn"), "manifest/", "icp.yaml:", "plugin", id="unknown-step"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_place(tmp_path: Path, text: str, slug: str, place: str, says: str) -> None:
    """A manifest that cannot be understood: slug, file, line and column, a hint; no network is started."""
    done, ids = deploy(tmp_path, text)

    assert done.exit_code == 1, str(done)
    assert slug in done.stderr
    assert place in done.stderr
    assert says in done.stderr
    assert ids == []


def test_missing_wasm_names_the_file_and_the_line(tmp_path: Path) -> None:
    """A pre-built module that does not exist: its path, the manifest's line, and no canister is created."""
    done, ids = deploy(tmp_path, manifest(wasm="missing.wasm"))

    assert done.exit_code == 1, str(done)
    assert "missing.wasm" in done.stderr
    assert "icp.yaml:6" in done.stderr
    assert ids == []


def test_a_text_file_is_not_installed_as_a_module(tmp_path: Path) -> None:
    """A build result that is not WebAssembly is refused before anything is created."""
    done, ids = deploy(tmp_path, manifest(wasm="README.md"))

    assert done.exit_code == 1, str(done)
    assert "README.md" in done.stderr
    assert ids == []


def test_a_core_module_is_not_a_plugin(tmp_path: Path) -> None:
    """A core module where a component is expected: the error says which it is and what to do; no canister is created."""
    done, ids = deploy(tmp_path, manifest(plugin="phrasebook.wasm"))

    assert done.exit_code == 1, str(done)
    assert "plugin/core-module" in done.stderr
    assert "icp.yaml:10:17" in done.stderr
    assert ids == []
    assert "hint:" in done.stderr


@pytest.mark.parametrize(
    "directory", ["../project", *(pytest.param(path, marks=pytest.mark.slow) for path in ("/etc", "seed/../../home", "missing"))]
)
def test_a_declared_directory_must_be_inside_and_exist(tmp_path: Path, directory: str) -> None:
    """`..`, absolute paths and missing directories are refused by name and line, before anything is created."""
    done, ids = deploy(tmp_path, manifest(directory=directory))

    assert done.exit_code == 1, str(done)
    assert directory in done.stderr
    assert "icp.yaml:12:15" in done.stderr
    assert ids == []


def test_a_declared_directory_may_not_be_a_symlink(tmp_path: Path) -> None:
    """A symlink in a declared path is refused, and the error names it."""
    with workspace(tmp_path, example="hello", manifest=manifest(directory="linked")) as project:
        (project.directory / "linked").symlink_to(project.directory / "seed")
        done = project.run("deploy")

    assert done.exit_code == 1, str(done)
    assert "symlink" in done.stderr
    assert "linked" in done.stderr


def test_a_symlink_inside_a_declared_directory_does_not_lead_out(tmp_path: Path) -> None:
    """A link below a declared directory that points outside is not followed: the secret is never sent."""
    with workspace(tmp_path, example="hello", manifest=manifest()) as project:
        secret = project.write("../secret.txt", "the secret")
        (project.directory / "seed" / "out.txt").symlink_to(secret)
        project.run("deploy")
        answer = project.succeed("canister", "call", "phrasebook", "list")

    assert "Bonjour" in answer.stdout
    assert "the secret" not in answer.stdout


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """Another program on the network's port: the error names the port and what to change; nothing is created."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done, ids = deploy(tmp_path, manifest(port=port))

    assert done.exit_code == 1, str(done)
    assert str(port) in done.stderr
    assert "hint:" in done.stderr
    assert ids == []


def test_no_project_says_where_it_looked(tmp_path: Path) -> None:
    """Outside of any project the error names the folder and the file that is missing."""
    with workspace(tmp_path, example="hello") as project:
        (project.directory / "icp.yaml").unlink()
        done = project.run("deploy")

    assert done.exit_code == 1, str(done)
    assert "icp.yaml" in done.stderr
    assert "hint:" in done.stderr


def test_an_unknown_environment_lists_the_known_ones(tmp_path: Path) -> None:
    """A misspelled environment: the error lists those that exist."""
    with workspace(tmp_path, example="hello") as project:
        done = project.run("deploy", "--env", "locl")

    assert done.exit_code in {1, 2}, str(done)
    assert "locl" in done.stderr
    assert "local" in done.stderr.replace("locl", "")


def test_an_unreadable_module_does_not_stop_other_commands(tmp_path: Path) -> None:
    """A project whose module is missing still answers `network status` and `canister list`."""
    with workspace(tmp_path, example="hello", manifest=manifest(wasm="missing.wasm")) as project:
        shutil.rmtree(project.directory / "plugin")
        listed = project.run("canister", "list", "--json")

    assert listed.exit_code == 0, str(listed)
    assert "phrasebook" in listed.stdout
