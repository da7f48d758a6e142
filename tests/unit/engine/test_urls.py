"""Addresses follow the gateway, and what serves HTTP is asked for."""

import pytest

from orchestrator.core.principal import Principal
from orchestrator.engine.urls import frontend_url

CANISTER = Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai")


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        ("http://localhost:8000", "http://rrkah-fqaaa-aaaaa-aaaaq-cai.localhost:8000/"),
        ("http://127.0.0.1:8000", "http://rrkah-fqaaa-aaaaa-aaaaq-cai.localhost:8000/"),
        ("http://[::1]:8000", "http://rrkah-fqaaa-aaaaa-aaaaq-cai.localhost:8000/"),
        ("https://icp0.io", "https://rrkah-fqaaa-aaaaa-aaaaq-cai.icp0.io/"),
        ("http://192.168.1.5:4943", "http://192.168.1.5:4943/?canisterId=rrkah-fqaaa-aaaaa-aaaaq-cai"),
    ],
)
def test_a_canister_has_its_own_address(gateway: str, expected: str) -> None:
    """Loopback addresses count as `localhost`; other bare addresses have no sub-domains."""
    assert frontend_url(gateway, CANISTER) == expected
