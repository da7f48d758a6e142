"""The interfaces of the system canisters are those of the mainnet's, as DFINITY publishes them."""

from pathlib import Path

import pytest

from orchestrator.candid import is_subtype, load_interface, parse_interface
from orchestrator.candid.interfaces import load_interface_text
from tests.support.candid_oracle import ask

pytestmark = pytest.mark.npm
PUBLISHED = {
    "cycles_ledger": "cycles-ledger/cycles-ledger.did",
    "cycles_minting": "cmc/cmc.did",
    "icp_ledger": "ledger-icp/ledger.did",
}
NOT_HERE = {
    "cycles_ledger": {"http_request"},
    "cycles_minting": set(),
    "icp_ledger": {"icrc21_canister_call_consent_message", "query_encoded_blocks"},
}
"""What the documentation says is not there."""
NEWER = {"cycles_ledger": {"icrc10_supported_standards"}, "cycles_minting": set(), "icp_ledger": set()}
"""What the canister on the mainnet has, and the published file does not."""


def published(modules: Path, name: str) -> str:
    """Return the published interface."""
    return (modules / "@icp-sdk" / "canisters" / "declarations" / PUBLISHED[name]).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PUBLISHED)
def test_methods_have_the_published_types(npm_modules: Path, name: str) -> None:
    """Each method's type is a subtype of the published one, and the other way round: both decode what the other encodes."""
    ours, theirs = load_interface(name).service, parse_interface(published(npm_modules, name)).service
    assert ours is not None
    assert theirs is not None

    problems = [
        (method, problem)
        for method, signature in theirs.methods.items()
        if method in ours.methods
        for problem in (is_subtype(ours.methods[method], signature), is_subtype(signature, ours.methods[method]))
        if problem is not None
    ]

    assert problems == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_didc_sees_the_same_methods(npm_modules: Path, name: str) -> None:
    """The Rust implementation reads our files, and finds all methods but those that are documented to be absent."""
    ours, theirs = ask(
        npm_modules, [{"ask": "methods", "idl": load_interface_text(name)}, {"ask": "methods", "idl": published(npm_modules, name)}]
    )

    assert (ours.error, theirs.error) == (None, None)
    assert set(theirs.ok) - set(ours.ok) == NOT_HERE[name]
    assert set(ours.ok) - set(theirs.ok) == NEWER[name]
