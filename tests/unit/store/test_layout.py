"""The layout of a project's files."""

from pathlib import Path

import pytest

from orchestrator.core.project import ConnectedNetwork, Environment, ManagedNetwork, Network
from orchestrator.errors import StoreError
from orchestrator.store import Layout

PROJECT = Path("/project")


def environment(network: Network, name: str = "staging") -> Environment:
    """Return an environment without canisters on `network`."""
    return Environment(name=name, network=network, canisters=())


def relative(path: Path) -> str:
    """Return `path` as seen from the project."""
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize(
    ("network", "ids", "records", "runs"),
    [
        (
            ConnectedNetwork(name="ic", api_url="https://icp-api.io"),
            ".icp/data/mappings/staging.ids.json",
            ".orchestrator/data/environments/staging/records.json",
            ".orchestrator/data/environments/staging/runs",
        ),
        (
            ManagedNetwork(name="local", launcher="pocket-ic"),
            ".icp/cache/mappings/staging.ids.json",
            ".orchestrator/cache/environments/staging/records.json",
            ".orchestrator/cache/environments/staging/runs",
        ),
        (
            ManagedNetwork(name="local"),
            ".orchestrator/cache/networks/local/ids/staging.json",
            ".orchestrator/cache/networks/local/records/staging.json",
            ".orchestrator/cache/environments/staging/runs",
        ),
    ],
)
def test_files_of_an_environment_follow_its_network(network: Network, ids: str, records: str, runs: str) -> None:
    """Connected networks keep files to commit, managed ones files to ignore, the embedded one with its state."""
    files = Layout(PROJECT).environment(environment(network))

    assert relative(files.ids) == ids
    assert relative(files.records) == records
    assert relative(files.runs) == runs
    assert files.agreements == files.runs.parent / "agreements.json"


def test_network_files_are_below_the_network() -> None:
    """Everything of a network is in one folder, so that resetting it is deleting that folder's content."""
    files = Layout(PROJECT).network("local")

    paths = [files.descriptor, files.status, files.log, files.lock, files.state, files.ids, files.records]

    assert relative(files.directory) == ".orchestrator/cache/networks/local"
    assert all(path.parent == files.directory for path in paths)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "..\\x", "nul\0"])
def test_names_that_leave_their_folder_are_refused(name: str) -> None:
    """No name of a network, environment or run leads out of its folder."""
    layout = Layout(PROJECT)

    with pytest.raises(StoreError, match="cannot be a file name"):
        layout.network(name)
    with pytest.raises(StoreError, match="cannot be a file name"):
        layout.environment(environment(ManagedNetwork(name="local"), name))
    with pytest.raises(StoreError, match="cannot be a file name"):
        layout.log(name)


def test_project_files() -> None:
    """The project-wide files are where the documentation says."""
    layout = Layout(PROJECT)

    assert relative(layout.recipe_lock) == "orchestrator.lock"
    assert relative(layout.log("r1")) == ".orchestrator/cache/logs/r1.log"
    assert relative(layout.artifacts) == ".orchestrator/cache/artifacts"
