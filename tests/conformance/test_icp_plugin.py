"""The example's plugin is not ours alone: the official icp-cli 1.5.0 runs the same bytes on the same canister."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workspace import Completed, Workspace, workspace

pytestmark = pytest.mark.npm
TIMEOUT_SECONDS = 60
MANIFEST = """canisters:
  - name: phrasebook
    build:
      steps: [{{type: pre-built, path: phrasebook.wasm}}]
    sync:
      steps: [{{type: plugin, path: plugin/seed.wasm, dirs: [seed]}}]
networks:
  - {{name: ours, mode: connected, url: "http://127.0.0.1:{port}", root-key: "{root_key}"}}
environments:
  - {{name: test, network: ours, canisters: [phrasebook]}}
"""


def sync_with_icp(binary: Path, project: Workspace, folder: Path) -> Completed:
    """Sync the project's canister by icp-cli from a copy in `folder`, in which our network is a connected one."""
    network = project.directory / ".orchestrator" / "cache" / "networks" / "local"
    status = json.loads((network / "status.json").read_text(encoding="utf-8"))
    ids = (network / "ids" / "local.json").read_text(encoding="utf-8")
    shutil.copytree(project.directory, folder, ignore=shutil.ignore_patterns(".orchestrator", "icp.yaml"))
    (folder / "icp.yaml").write_text(MANIFEST.format(port=status["port"], root_key=status["root_key"]), encoding="utf-8")
    (folder / ".icp" / "data" / "mappings").mkdir(parents=True)
    identifier = json.loads(ids)["canisters"]["phrasebook"]
    (folder / ".icp" / "data" / "mappings" / "test.ids.json").write_text(json.dumps({"phrasebook": identifier}), encoding="utf-8")
    done = subprocess.run(
        [binary, "sync", "-e", "test"],
        cwd=folder,
        env={**project.variables, "ICP_TELEMETRY_DISABLED": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.mark.slow
def test_the_example_plugin_runs_in_icp_cli(npm_modules: Path, tmp_path: Path) -> None:
    """icp-cli accepts the component unchanged, reads the directory through it, and sends the one phrase that is new."""
    binary = npm_modules / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
    if not binary.exists():
        pytest.skip("icp-cli 1.5.0 is not installed (npm has it for Linux on x64)")
    with workspace(tmp_path, example="hello") as project:
        project.succeed("deploy", "--env", "local")
        project.write("seed/rm.txt", "Allegra, {name}!\n")

        done = sync_with_icp(binary, project, tmp_path / "theirs")

        assert done.exit_code == 0, str(done)
        assert "1 phrases sent, 4 unchanged" in done.stdout + done.stderr, str(done)
        assert "Allegra" in project.succeed("canister", "call", "phrasebook", "list").stdout
