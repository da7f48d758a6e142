"""The embedded network as @icp-sdk/core sees it, with the checks that it makes by default."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.support.node_driver import run_driver
from tests.support.replica_modules import INTERFACE, SECRET, counter

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def seen(npm_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the driver once against a fresh network and return what it saw."""
    return run_driver("icp_sdk_core.mjs", npm_modules, tmp_path_factory.mktemp("replica"), counter())


def test_updates_and_queries_are_accepted(seen: dict[str, Any]) -> None:
    """Certificates of updates and signatures of queries verify, and the values are the canister's."""
    assert [seen["first"], seen["incremented"], seen["second"]] == [100, 101, 101]


def test_rejects_carry_code_text_and_error_code(seen: dict[str, Any]) -> None:
    """A canister's own reject arrives with its words, a trap with the reference's code, and undoes its writes."""
    assert "no, thank you" in seen["refused"]["message"]
    assert (seen["refused"]["rejectCode"], seen["refused"]["errorCode"]) == (4, "IC0406")
    assert "out of order" in seen["trapped"]["message"]
    assert (seen["trapped"]["rejectCode"], seen["trapped"]["errorCode"]) == (5, "IC0503")
    assert seen["afterTrap"] == 101


def test_rejected_queries_are_signed(seen: dict[str, Any]) -> None:
    """A query's reject is believed, so its signature verified."""
    assert (seen["missing"]["rejectCode"], seen["missing"]["errorCode"]) == (5, "IC0536")


def test_other_kinds_of_identities_are_accepted(seen: dict[str, Any]) -> None:
    """A secp256k1 key and a delegation with a target call as the owner's Ed25519 key does."""
    assert seen["secp256k1"] == [102, 102]
    assert seen["delegation"] == [103, 103]


def test_a_delegation_for_another_canister_is_refused(seen: dict[str, Any]) -> None:
    """The targets of a delegation bind."""
    assert seen["elsewhere"] is not None


def test_only_controllers_manage(seen: dict[str, Any]) -> None:
    """A stranger cannot stop the canister, and is told why."""
    assert seen["stranger"]["errorCode"] == "IC0512"
    assert "Only controllers" in seen["stranger"]["message"]


def test_canister_status_is_certified(seen: dict[str, Any]) -> None:
    """CanisterStatus reads time, controllers, module hash, candid, private metadata and the subnet."""
    assert seen["time"] is True
    assert seen["controllers"] == [seen["owner"]]
    assert seen["moduleHash"] == hashlib.sha256(counter()).hexdigest()
    assert (seen["candid"], seen["secret"]) == (INTERFACE, SECRET)
    assert seen["subnet"] is not None
    assert seen["running"] == "running"
    assert 122_900_000_000_000 < int(seen["cycles"]) <= 123_000_000_000_000


def test_another_root_key_is_refused(seen: dict[str, Any]) -> None:
    """The same answers prove nothing to a client that trusts another key."""
    assert seen["wrongKey"] is not None
