"""The management canister and the system canisters as @icp-sdk/canisters sees them, with the checks that it makes."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.protocol.keys import Ed25519Identity
from tests.support.replica_modules import counter
from tests.support.replica_process import running_replica

DRIVER = Path(__file__).parent.parent / "support" / "icp_sdk_canisters.mjs"
SEED = bytes(range(32))
DRIVER_LIMIT_SECONDS = 120

pytestmark = [pytest.mark.npm, pytest.mark.slow]


@pytest.fixture(scope="module")
def seen(npm_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the driver once against a fresh network that knows its identity, and return what it saw."""
    directory = tmp_path_factory.mktemp("replica")
    wasm = directory / "counter.wasm"
    wasm.write_bytes(counter())
    account = str(Ed25519Identity.from_seed(SEED).principal)
    with running_replica(directory, arguments=["--account", account]) as replica:
        command = ["node", str(DRIVER), str(npm_modules), replica.url, replica.root_key.hex(), SEED.hex(), str(wasm)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DRIVER_LIMIT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_management_client_understands_every_answer(seen: dict[str, Any]) -> None:
    """Settings, status (also as a query), chunks and snapshots arrive as they were given."""
    management = seen["management"]
    assert management["status"] == ["running", 2, "100", [{"name": "A", "value": "1"}]]
    assert management["hash"] == [hashlib.sha256(counter()).hexdigest()] * 2
    assert (management["stored"], management["snapshotModule"], management["snapshots"], management["logs"]) == (2, True, 1, 0)


def test_the_management_client_is_told_what_is_wrong(seen: dict[str, Any]) -> None:
    """A wrong hash, a stranger and a canister that is gone are refused with the reference's codes."""
    management = seen["management"]
    assert "does not match" in management["wrongHash"]
    assert "IC0512" in management["stranger"]
    assert "IC0301" in management["deleted"]


@pytest.mark.parametrize(("ledger", "symbol"), [("cycles", "TCYCLES"), ("icp", "ICP")])
def test_ledgers_keep_to_icrc(seen: dict[str, Any], ledger: str, symbol: str) -> None:
    """Transfers and allowances move what they say, and each thing that can be wrong has its own error."""
    told = seen[ledger]
    assert (told["symbol"], told["block"]) == (symbol, "bigint")
    assert (told["mine"], told["theirs"], told["allowance"]) == (str(10**9 + 5), str(10**9 + 5), "0")
    errors = [told[name] for name in ("duplicate", "badFee", "tooOld", "future", "tooMuch", "overAllowance")]
    assert errors == ["Duplicate", "BadFee", "TooOld", "CreatedInFuture", "InsufficientFunds", "InsufficientAllowance"]


def test_icp_buys_cycles_and_canisters(seen: dict[str, Any]) -> None:
    """What is paid for is made once, however often it is asked for; balances follow."""
    told = seen["cmc"]
    assert told["subnets"] == 1
    assert [told[name] for name in ("balance", "rate", "again", "toppedUp", "minted", "created")] == [True] * 6
    assert "not found" in told["unknownBlock"]
