"""Addresses follow the gateway, and what serves HTTP is asked for."""

import pytest

from orchestrator.core.hosts import CANDID_UI_CANISTER
from orchestrator.core.principal import Principal
from orchestrator.engine.urls import candid_url, frontend_url

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


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        ("http://localhost:8000", "http://web.local.localhost:8000/"),
        ("http://127.0.0.1:8000", "http://web.local.localhost:8000/"),
        ("http://dev.example", "http://web.local.dev.example/"),
        ("http://192.168.1.5:4943", "http://192.168.1.5:4943/?canisterId=rrkah-fqaaa-aaaaa-aaaaq-cai"),
    ],
)
def test_a_name_stands_where_the_id_would(gateway: str, expected: str) -> None:
    """A gateway that knows the name is reached by it, unless it has no sub-domains."""
    assert frontend_url(gateway, CANISTER, friendly="web.local") == expected


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        ("http://localhost:8000", "http://rrkah-fqaaa-aaaaa-aaaaq-cai.raw.localhost:8000/"),
        ("https://icp0.io", "https://rrkah-fqaaa-aaaaa-aaaaq-cai.raw.icp0.io/"),
        ("http://192.168.1.5:4943", "http://192.168.1.5:4943/?canisterId=rrkah-fqaaa-aaaaa-aaaaq-cai"),
    ],
)
def test_what_is_not_certified_is_at_the_raw_host(gateway: str, expected: str) -> None:
    """The raw host knows ids alone, so a name does not help; bare addresses have none."""
    assert frontend_url(gateway, CANISTER, friendly="web.local", certified=False) == expected


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        ("http://localhost:8000", f"http://{CANDID_UI_CANISTER}.localhost:8000/?id={CANISTER}"),
        ("https://icp0.io", f"https://{CANDID_UI_CANISTER}.icp0.io/?id={CANISTER}"),
        ("http://192.168.1.5:4943", f"http://192.168.1.5:4943/?canisterId={CANDID_UI_CANISTER}&id={CANISTER}"),
    ],
)
def test_a_backend_is_reached_through_the_candid_page(gateway: str, expected: str) -> None:
    """The page's own host comes first, then the canister that it shows."""
    assert candid_url(gateway, CANDID_UI_CANISTER, CANISTER) == expected
