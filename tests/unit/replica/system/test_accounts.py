"""Accounts as bytes: keys of tables, and the ICP ledger's identifiers."""

import pytest

from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.replica.system.accounts import account_key, account_of_key, identifier, is_identifier, principal_subaccount

ANONYMOUS_IDENTIFIER = "1c7a48ba6a562aa9eaa2481a9049cdf0433b9738c992d698c31d8abf89cadc79"
"""What every tool shows for the anonymous principal's default account."""


def test_an_identifier_that_is_known() -> None:
    """The identifier of the anonymous account is the one that the mainnet's ledger has."""
    assert identifier(ANONYMOUS.raw).hex() == ANONYMOUS_IDENTIFIER
    assert identifier(ANONYMOUS.raw, bytes(32)) == identifier(ANONYMOUS.raw)
    assert identifier(ANONYMOUS.raw, b"\x01" * 32) != identifier(ANONYMOUS.raw)


@pytest.mark.parametrize("data", [b"", bytes(32), bytes.fromhex(ANONYMOUS_IDENTIFIER)[:-1], bytes.fromhex(ANONYMOUS_IDENTIFIER) + b"\x00"])
def test_what_is_no_identifier(data: bytes) -> None:
    """A wrong length or checksum is noticed."""
    assert not is_identifier(data)
    assert is_identifier(bytes.fromhex(ANONYMOUS_IDENTIFIER))


@pytest.mark.parametrize("subaccount", [None, b"\x05" * 32])
def test_a_key_is_its_account(subaccount: bytes | None) -> None:
    """A key gives its account back; the subaccount of zeros is none."""
    owner = Principal(b"\x07" * 10)

    assert account_of_key(account_key(owner.raw, subaccount)) == {"owner": owner, "subaccount": subaccount}
    assert account_of_key(account_key(owner.raw, bytes(32))) == {"owner": owner, "subaccount": None}


def test_the_subaccount_of_a_principal() -> None:
    """A principal's subaccount is its length, its bytes and zeros."""
    assert principal_subaccount(b"\x07\x08") == b"\x02\x07\x08" + bytes(29)
