"""Senders without plain keys, as @icp-sdk/core signs for them: passkeys, sessions, and users of canisters that sign."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.node_driver import run_driver
from tests.support.signing_canister import signing_canister

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def seen(npm_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the driver once against a fresh network and return what it saw."""
    return run_driver("icp_sdk_senders.mjs", npm_modules, tmp_path_factory.mktemp("replica"), signing_canister())


@pytest.mark.parametrize("sender", ["passkey", "windowsHello", "session", "secondSession", "canister"])
def test_the_canister_sees_who_was_meant(seen: dict[str, Any], sender: str) -> None:
    """Calls and queries of every kind of identity arrive with that identity's principal."""
    assert seen["seen"][sender] == [seen["meant"][sender]] * 2


def test_what_a_canister_says_of_its_user_arrives(seen: dict[str, Any]) -> None:
    """The sender's attributes reach the callee with the canister that signed them."""
    assert seen["seen"]["described"] == [seen["meant"]["described"] + seen["described"]] * 2
