"""The embedded network as @dfinity/agent 3 sees it: the predecessor of @icp-sdk/core, which most frontends still have."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.replica_client import ReplicaClient
from tests.support.replica_modules import counter

DRIVER = Path(__file__).parent.parent / "support" / "dfinity_agent.mjs"
DRIVER_LIMIT_SECONDS = 120

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def seen(npm_modules: Path, network: ReplicaClient) -> dict[str, Any]:
    """Run the driver once and return what it saw."""
    canister = network.create()
    network.install(canister, counter())
    url = str(network.http.base_url).rstrip("/")
    command = ["node", str(DRIVER), str(npm_modules), url, network.root_key.hex(), str(canister)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DRIVER_LIMIT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_calls_and_queries_are_accepted(seen: dict[str, Any]) -> None:
    """Certificates and signatures verify in the older versions of the interface, also when the agent fetches the key."""
    assert seen["values"] == [100, 101, 101]
    assert seen["fetched"] == 103
    assert set(seen["asked"]) >= {"v2 query", "v3 call"}


def test_rejects_arrive(seen: dict[str, Any]) -> None:
    """Traps and missing methods are told with their codes."""
    assert "IC0503" in seen["trapped"]
    assert "IC0536" in seen["missing"]


def test_the_state_is_read(seen: dict[str, Any]) -> None:
    """Time, interface and subnet are certified."""
    assert seen["status"] == [True, True, True]


def test_another_root_key_is_refused(seen: dict[str, Any]) -> None:
    """The agent does not believe a network whose key it does not know."""
    assert seen["wrongKey"] is not None
