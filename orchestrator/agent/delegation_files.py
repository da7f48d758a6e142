"""Delegation chains in files: the JSON that icp-cli and @icp-sdk/core write, every blob as hexadecimal text.

    {"publicKey": …, "delegations": [{"signature": …, "delegation": {"pubkey": …, "expiration": …, "targets": […]}}]}

`expiration` is a hexadecimal number of nanoseconds since 1970, even where all its digits are decimal ones.
"""

import json
from pathlib import Path
from typing import Any

from orchestrator.core.principal import Principal
from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import DelegatedIdentity, KeyIdentity, SignedDelegation

__all__ = ["EXPIRY_MARGIN_NS", "load_delegated", "parse_chain"]

EXPIRY_MARGIN_NS = 2 * 60 * 1_000_000_000
"""A delegation that ends sooner than this is not used any more, in nanoseconds."""

_MAX_CHAIN_BYTES = 1024 * 1024


def load_delegated(path: Path, session: KeyIdentity, *, now_ns: int) -> DelegatedIdentity:
    """Load a chain that ends at a session's key; raise `IdentityError` if it does not, or has expired."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_CHAIN_BYTES)
    except OSError as error:
        raise IdentityError(f"the delegation {path} cannot be read", slug="identity/file", detail=error.strerror or str(error)) from error
    public_key, chain = parse_chain(text)
    if not chain or chain[-1].public_key_der != session.public_key_der:
        raise IdentityError("a delegation is for another session's key", slug="identity/mismatch", detail=str(path))
    if min(link.expiration_ns for link in chain) < now_ns + EXPIRY_MARGIN_NS:
        raise IdentityError(
            "a delegation has expired, or is about to",
            slug="identity/delegation-expired",
            detail=str(path),
            hint=f"ask for a new one: `icp identity delegation request {path.stem}`",
        )
    return DelegatedIdentity(public_key_der=public_key, session=session, delegations=chain)


def parse_chain(text: str | bytes) -> tuple[bytes, tuple[SignedDelegation, ...]]:
    """Return the first signer's public key and the links of a chain; raise `IdentityError` for another text."""
    try:
        value = json.loads(text)
        return bytes.fromhex(value["publicKey"]), tuple(_parse_link(entry) for entry in value["delegations"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise IdentityError("a delegation file is malformed", slug="identity/file", detail=f"{type(error).__name__}: {error}") from error


def _parse_link(entry: dict[str, Any]) -> SignedDelegation:
    link, targets = entry["delegation"], entry["delegation"].get("targets")
    return SignedDelegation(
        public_key_der=bytes.fromhex(link["pubkey"]),
        expiration_ns=int(link["expiration"], 16),
        signature=bytes.fromhex(entry["signature"]),
        targets=None if targets is None else tuple(Principal(bytes.fromhex(target)) for target in targets),
    )
