"""Senders without plain keys, as @icp-sdk/core signs for them: passkeys, sessions, and users of canisters that sign."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.replica_process import running_replica
from tests.support.signing_canister import signing_canister

DRIVER = Path(__file__).parent.parent / "support" / "icp_sdk_senders.mjs"

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def seen(npm_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the driver once against a fresh network and return what it saw."""
    directory = tmp_path_factory.mktemp("replica")
    wasm = directory / "signer.wasm"
    wasm.write_bytes(signing_canister())
    with running_replica(directory) as replica:
        command = ["node", str(DRIVER), str(npm_modules), replica.url, replica.root_key.hex(), str(wasm)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("sender", ["passkey", "windowsHello", "session", "secondSession", "canister"])
def test_the_canister_sees_who_was_meant(seen: dict[str, Any], sender: str) -> None:
    """Calls and queries of every kind of identity arrive with that identity's principal."""
    assert seen["seen"][sender] == [seen["meant"][sender]] * 2


def test_what_a_canister_says_of_its_user_arrives(seen: dict[str, Any]) -> None:
    """The sender's attributes reach the callee with the canister that signed them."""
    assert seen["seen"]["described"] == [seen["meant"]["described"] + seen["described"]] * 2
