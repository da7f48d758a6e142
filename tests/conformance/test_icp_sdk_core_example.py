"""The JavaScript client that dapps use, against the deployed example, with its default checks on."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.workspace import PHRASES, ROOT, workspace

CLIENT = ROOT / "tests" / "support" / "phrasebook_client.mjs"


@pytest.mark.npm
def test_icp_sdk_core_reads_the_seeded_data(npm_modules: Path, tmp_path: Path) -> None:
    """`@icp-sdk/core` verifies query signatures and certificates of the embedded network and gets the seeded data."""
    expected = {Path(name).stem: text.strip() for name, text in PHRASES.items()}
    with workspace(tmp_path, example="hello") as project:
        project.succeed("deploy")
        network = json.loads(project.succeed("network", "status", "--json").stdout)
        canister = project.succeed("canister", "status", "phrasebook", "--id-only").stdout.strip()

        command = ["node", str(CLIENT), str(npm_modules), network["api_url"], network["root_key"], canister]
        done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", timeout=60)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {phrase["key"]: phrase["value"] for phrase in answer["phrases"]} == expected
    assert "greet" in answer["candid"]
    assert "only a controller may change phrases" in answer["rejected"]
    assert answer["refusedWithWrongKey"] is True
