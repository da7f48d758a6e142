"""The official icp-cli 1.5.0, unmodified, on snapshots, settings and logs of a canister of the embedded network."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica

pytestmark = pytest.mark.npm
TIMEOUT_SECONDS = 60
NULL = b"DIDL\x00\x00"
MANIFEST = """canisters: []
networks: [{{name: ours, mode: connected, url: "{url}", root-key: "{root_key}"}}]
environments: [{{name: test, network: ours}}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Icp:
    """icp-cli in a project of its own, as an identity of its own, and a canister that this identity controls."""

    binary: Path
    folder: Path
    client: ReplicaClient
    canister: Principal

    def run(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed."""
        variables = {"ICP_TELEMETRY_DISABLED": "1", "ICP_HOME": str(self.folder / "home"), "NO_COLOR": "1"}
        done = subprocess.run(
            [self.binary, *arguments],
            cwd=self.folder,
            env={**os.environ, **variables},
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert done.returncode == 0, f"icp {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def canister_command(self, *command: str) -> str:
        """Run `icp canister …`; the canister's id follows the command's words, options come last."""
        split = next((index for index, word in enumerate(command) if word.startswith("-")), len(command))
        return self.run("canister", *command[:split], str(self.canister), "-e", "test", *command[split:])

    def snapshots(self) -> list[str]:
        """Return the ids that are listed; those with a size and a time."""
        listed = json.loads(self.canister_command("snapshot", "list", "--json"))["snapshots"]
        assert all(entry["total_size_bytes"] and entry["taken_at_timestamp"] for entry in listed)
        return [entry["snapshot_id"] for entry in listed]

    def count(self) -> int:
        """Call the counter and return what it says."""
        return int.from_bytes(self.client.call(self.canister, "inc", NULL)[-4:], "little")


@pytest.fixture
def icp(npm_modules: Path, tmp_path: Path, replica: RunningReplica) -> Iterator[Icp]:
    """Return icp-cli with a counter of its own."""
    binary = npm_modules / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
    if not binary.exists():
        pytest.skip("icp-cli 1.5.0 is not installed (npm has it for Linux on x64)")
    (tmp_path / "icp.yaml").write_text(MANIFEST.format(url=replica.url, root_key=replica.root_key.hex()), encoding="utf-8")
    with ReplicaClient(replica.url, replica.root_key) as client:
        nobody = Icp(binary=binary, folder=tmp_path, client=client, canister=Principal(b""))
        nobody.run("identity", "new", "me", "--storage", "plaintext")
        nobody.run("identity", "default", "me")
        mine = Principal.from_text(nobody.run("identity", "principal"))
        canister = client.create(controllers=[mine, client.identity.principal])
        client.install(canister, counter())
        yield Icp(binary=binary, folder=tmp_path, client=client, canister=canister)


def test_snapshots_are_taken_moved_and_restored(icp: Icp) -> None:
    """Create, list, download, upload, restore and delete; the uploaded copy brings the count back."""
    assert icp.count() == 101
    icp.canister_command("stop")
    taken = icp.canister_command("snapshot", "create", "-q")
    icp.canister_command("start")
    assert icp.count() == 102
    icp.canister_command("stop")
    icp.run("canister", "snapshot", "download", str(icp.canister), taken, "-e", "test", "-o", str(icp.folder / "snapshot"))
    uploaded = icp.canister_command("snapshot", "upload", "-i", str(icp.folder / "snapshot"), "-q")
    assert icp.snapshots() == [taken, uploaded]
    icp.run("canister", "snapshot", "restore", str(icp.canister), uploaded, "-e", "test")
    icp.run("canister", "snapshot", "delete", str(icp.canister), taken, "-e", "test")
    assert icp.snapshots() == [uploaded]
    icp.canister_command("start")
    assert icp.count() == 102


def test_settings_are_shown_and_updated(icp: Icp) -> None:
    """Every setting that icp-cli knows arrives and is shown as it was given."""
    values = {
        "--compute-allocation": "1",
        "--memory-allocation": "1gib",
        "--freezing-threshold": "40d",
        "--reserved-cycles-limit": "4t",
        "--wasm-memory-limit": "1gib",
        "--wasm-memory-threshold": "10mib",
        "--log-memory-limit": "1mib",
        "--log-visibility": "public",
        "--snapshot-visibility": "public",
        "--status-visibility": "public",
        "--add-environment-variable": "A=b",
    }
    icp.canister_command("settings", "update", "-f", *(word for pair in values.items() for word in pair))
    shown = icp.canister_command("settings", "show")
    for line in (
        "Compute allocation: 1",
        "Memory allocation: 1_073_741_824",
        "Freezing threshold: 3_456_000",
        "Reserved cycles limit: 4_000_000_000_000",
        "Wasm memory limit: 1_073_741_824",
        "Wasm memory threshold: 10_485_760",
        "Log memory limit: 1_048_576",
        "Log visibility: Public",
        "Snapshot visibility: Public",
        "Status visibility: Public",
        "A: b",
    ):
        assert line in shown, shown


def test_logs_are_shown_from_where_one_wants(icp: Icp) -> None:
    """A trap is in the log; ranges of lines are cut by the network."""
    for _ in range(3):
        with pytest.raises(CallRejectedError):
            icp.client.call(icp.canister, "inc_and_trap", NULL)
    lines = json.loads(icp.canister_command("logs", "--json"))["log_records"]
    assert len(lines) == 3
    some = json.loads(icp.canister_command("logs", "--json", "--since-index", "1", "--until-index", "2"))["log_records"]
    assert some == lines[1:2]
    since = str(lines[2]["timestamp"])
    assert json.loads(icp.canister_command("logs", "--json", "--since", since))["log_records"] == lines[2:]
