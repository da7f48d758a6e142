"""The built-in root key."""

from orchestrator.network.access import MAINNET_ROOT_KEY
from orchestrator.protocol import bls


def test_mainnet_key_is_a_bls_public_key() -> None:
    """The built-in key is DER of 96 bytes that begin and end as the published key does."""
    key = bls.der_decode(MAINNET_ROOT_KEY)

    assert len(key) == 96
    assert key.hex().startswith("814c0e6ec71fab58")
    assert key.hex().endswith("91a0baaae")
