"""The funds of the user's identities on an embedded network that the command line starts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.agent.identity_files import IdentityFiles
from orchestrator.core.principal import Principal
from orchestrator.protocol.keys import Identity
from orchestrator.replica.system.ids import ICP_LEDGER_ID, PROXY_ID
from tests.support.replica_client import ReplicaClient
from tests.support.system_client import SystemClient
from tests.support.workspace import Workspace, workspace

TRILLION = 10**12
MANIFEST = "networks:\n  - {name: local, mode: managed, gateway: {port: 0}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return a project whose network takes a free port."""
    with workspace(tmp_path, manifest=MANIFEST) as made:
        yield made


def funds(project: Workspace, identity: Identity) -> tuple[int, int]:
    """Return the ICP, in e8s, and the cycles of an identity on the project's network."""
    said = json.loads(project.succeed("network", "status", "--json").stdout)
    assert said["proxy_canister_id"] == str(Principal(PROXY_ID))
    with ReplicaClient(said["api_url"], bytes.fromhex(said["root_key"]), identity) as client:
        system = SystemClient(client)
        assert (identity.principal in system.controllers(Principal(PROXY_ID))) == bool(system.cycles())
        return system.balance(ICP_LEDGER_ID), system.cycles()


def test_identities_have_funds(project: Workspace) -> None:
    """Those that exist when the network starts get theirs; a later one when `network start` is run again; once each."""
    identities = IdentityFiles(Path(project.variables["ICP_HOME"]))
    early = identities.create("early")
    project.succeed("network", "start")
    late = identities.create("late")

    before = funds(project, late)
    project.succeed("network", "start")

    assert before == (0, 0)
    assert funds(project, early) == funds(project, late) == (1_000_000 * 10**8, 1_000 * TRILLION)


@pytest.mark.slow
def test_a_damaged_list_of_identities_starts_no_less(project: Workspace) -> None:
    """A network starts also where the list of identities cannot be read."""
    folder = Path(project.variables["ICP_HOME"]) / "identity"
    folder.mkdir(parents=True)
    (folder / "identity_list.json").write_text("{", encoding="utf-8")

    project.succeed("network", "start")

    assert json.loads(project.succeed("network", "status", "--json").stdout)["state"] == "running"
