"""The official icp-cli 1.5.0, unmodified, deploys to the embedded network as to one that it is connected to.

It creates canisters with cycles of the ledger, buys cycles and canisters with ICP, and calls through the proxy canister.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.replica.system.ids import PROXY_ID
from tests.support.official_icp import OfficialIcp, icp_binary
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica, running_replica

pytestmark = pytest.mark.npm
TRILLION = 10**12
FEE = 100_000_000
PROXY = str(Principal(PROXY_ID))
RAW_RAND = '(record { canister_id = principal "aaaaa-aa"; method = "raw_rand"; args = blob "DIDL\\00\\00"; cycles = 0 : nat })'
MANIFEST = """canisters:
  - name: counter
    build:
      steps: [{{type: pre-built, path: counter.wasm}}]
    settings:
      environment_variables: {{COLOUR: blue}}
    sync:
      steps: [{{type: script, command: "echo $ICP_CLI_CID > synced.txt"}}]
networks:
  - {{name: ours, mode: connected, url: "{url}", root-key: "{root_key}"}}
environments:
  - {{name: test, network: ours, canisters: [counter]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A network and an icp-cli whose identity has funds there."""

    network: RunningReplica
    icp: OfficialIcp
    principal: str

    def project(self, folder: Path) -> OfficialIcp:
        """Return icp-cli in a project of one counter, connected to the network."""
        manifest = MANIFEST.format(url=self.network.url, root_key=self.network.root_key.hex())
        (folder / "icp.yaml").write_text(manifest, encoding="utf-8")
        (folder / "counter.wasm").write_bytes(counter())
        return replace(self.icp, folder=folder, options=("-e", "test"))


@pytest.fixture(scope="module")
def setting(npm_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """Run a network that knows icp-cli's identity."""
    home = tmp_path_factory.mktemp("home")
    icp = OfficialIcp(binary=icp_binary(npm_modules), home=home, folder=home)
    principal = icp.create_identity("me")
    with running_replica(tmp_path_factory.mktemp("network"), arguments=["--account", principal]) as network:
        yield Setting(network=network, icp=icp, principal=principal)


@pytest.fixture
def icp(setting: Setting, tmp_path: Path) -> OfficialIcp:
    """Return icp-cli in a project of its own."""
    return setting.project(tmp_path)


def balance(icp: OfficialIcp) -> int:
    """Return the cycles of the identity's account."""
    return amount(icp.run("cycles", "balance"))


def amount(text: str) -> int:
    """Return the first number of cycles in a text."""
    found = re.search(r"([0-9_]+)( cycles|$)", text)
    assert found is not None, text
    return int(found.group(1).replace("_", ""))


def cycles_of(icp: OfficialIcp, *options: str) -> int:
    """Return the balance of the project's canister."""
    return int(json.loads(icp.run("canister", "status", "counter", "--json", *options))["cycles"].replace("_", ""))


def test_deploy_and_deploy_again(icp: OfficialIcp) -> None:
    """The first deploy creates with the ledger's cycles, installs and syncs; the second finds all there and upgrades."""
    before = balance(icp)

    first = icp.run("deploy")
    assert icp.run("canister", "call", "counter", "inc", "()") == "(101 : nat32)"
    second = icp.run("deploy")

    identifier = json.loads((icp.folder / ".icp" / "data" / "mappings" / "test.ids.json").read_text(encoding="utf-8"))["counter"]
    assert f"Created canister counter with ID {identifier}" in first
    assert "Created" not in second
    assert (icp.folder / "synced.txt").read_text(encoding="utf-8").strip() == identifier
    assert icp.run("canister", "call", "counter", "inc", "()") == "(102 : nat32)"
    assert before - balance(icp) == 2 * TRILLION + FEE


@pytest.mark.slow
def test_sync_and_status(icp: OfficialIcp) -> None:
    """A deployed canister syncs alone, tells its status with its variables, and has its logs and metadata read."""
    icp.run("deploy")
    (icp.folder / "synced.txt").unlink()

    icp.run("sync")
    status = json.loads(icp.run("canister", "status", "counter", "--json"))

    assert (icp.folder / "synced.txt").exists()
    assert status["status"] == "Running"
    assert {"name": "COLOUR", "value": "blue"} in status["settings"]["environment_variables"]
    assert icp.run("canister", "logs", "counter") == ""
    assert "inc" in icp.run("canister", "metadata", "counter", "candid:service")


@pytest.mark.slow
def test_cycles_are_minted_and_moved(setting: Setting, icp: OfficialIcp) -> None:
    """ICP becomes cycles at the fixed price; cycles and ICP go to other accounts, for their fees."""
    before = balance(icp)

    minted = icp.run("cycles", "mint", "--icp", "5")
    wanted = icp.run("cycles", "mint", "--cycles", "1T")
    sent = icp.run("cycles", "transfer", "1T", "2vxsx-fae")

    assert minted.startswith("Minted 17_599_900_000_000 cycles")
    assert TRILLION <= amount(wanted) < TRILLION + FEE
    assert "Transferred 1_000_000_000_000 cycles to 2vxsx-fae in block" in sent
    assert balance(icp) == before + amount(minted) + amount(wanted) - TRILLION - FEE
    assert "1.50000000 ICP to 2vxsx-fae" in icp.run("token", "transfer", "1.5", "2vxsx-fae")
    assert float(icp.run("token", "balance").split()[1]) < 1_000_000 - 6.5
    assert "up to 3.00000000 ICP" in icp.run("token", "approve", "3", PROXY)
    assert icp.run("token", "allowance", PROXY) == "Allowance: 3.00000000 ICP"
    assert "Insufficient" in setting.project(icp.folder).fail("cycles", "mint", "--icp", "2000000")


@pytest.mark.slow
def test_top_up_and_delete(icp: OfficialIcp) -> None:
    """Cycles of the account go into the canister; deleting it brings most of them back."""
    icp.run("deploy")
    before = cycles_of(icp)

    icp.run("canister", "top-up", "counter", "--amount", "1T")
    topped_up = cycles_of(icp)
    account = balance(icp)
    icp.run("canister", "stop", "counter")
    icp.run("canister", "delete", "counter")

    assert topped_up == pytest.approx(before + TRILLION, rel=0.001)
    assert balance(icp) - account > topped_up - 0.1 * TRILLION


@pytest.mark.slow
def test_canisters_for_icp_and_for_cycles(icp: OfficialIcp) -> None:
    """`canister create` pays with cycles, or with ICP by way of the minting canister."""
    for options in ((), ("--with-icp", "2")):
        made = icp.run("canister", "create", "--detached", *options)
        assert re.search(r"Created canister with ID [a-z0-9-]+-cai", made), made
    assert "Insufficient cycles" in icp.fail("canister", "create", "--detached", "--cycles", "9000000T")


@pytest.mark.slow
def test_settings(icp: OfficialIcp) -> None:
    """Settings are shown, changed by hand, and brought back by the manifest."""
    icp.run("deploy")

    icp.run("canister", "settings", "update", "counter", "--freezing-threshold", "86400", "--add-environment-variable", "COLOUR=red")
    shown = icp.run("canister", "settings", "show", "counter")
    icp.run("canister", "settings", "sync", "counter")

    assert "Freezing threshold: 86_400" in shown
    assert "COLOUR: red" in shown
    assert "COLOUR: blue" in icp.run("canister", "settings", "show", "counter")


@pytest.mark.slow
def test_deploy_through_the_proxy(icp: OfficialIcp) -> None:
    """The proxy creates, controls, calls and deletes a canister, with its own cycles; who does not control it is told so."""
    icp.run("deploy", "--proxy", PROXY)
    icp.run("deploy", "--proxy", PROXY)
    status = json.loads(icp.run("canister", "status", "counter", "--json", "--proxy", PROXY))

    assert status["settings"]["controllers"] == [PROXY]
    assert icp.run("canister", "call", "counter", "inc", "()", "--proxy", PROXY, "--cycles", "1t") == "(101 : nat32)"
    assert "insufficient cycles. Available" in icp.fail(
        "canister", "call", "counter", "inc", "()", "--proxy", PROXY, "--cycles", "9000000t"
    )
    assert "(5), reject_message: IC0536" in icp.fail("canister", "call", "counter", "nothing", "()", "--proxy", PROXY)
    icp.run("canister", "stop", "counter", "--proxy", PROXY)
    account = balance(icp)
    icp.run("canister", "delete", "counter", "--proxy", PROXY)
    assert balance(icp) > account
    replace(icp, options=()).run("identity", "new", "stranger", "--storage", "plaintext")
    assert "Canister rejected the message" in icp.fail("canister", "call", PROXY, "proxy", RAW_RAND, "--identity", "stranger")


@pytest.mark.slow
def test_what_was_paid_survives_a_kill(setting: Setting, tmp_path: Path) -> None:
    """After `kill -9` the canister that the ledger paid for, its price and its block are all there, or none is."""
    home, folder = tmp_path / "network", tmp_path / "project"
    folder.mkdir()
    with running_replica(home, arguments=["--account", setting.principal]) as network:
        icp = replace(setting, network=network).project(folder)
        icp.run("canister", "create", "--detached")
        made = icp.run("canister", "create", "--detached").split()[-1]
        network.process.kill()
        network.process.wait()
    with running_replica(home) as network:
        icp = replace(setting, network=network).project(folder)

        status = json.loads(icp.run("canister", "status", made, "--json"))

        assert status["id"] == made
        assert balance(icp) == 1000 * TRILLION - 2 * (2 * TRILLION + FEE)
