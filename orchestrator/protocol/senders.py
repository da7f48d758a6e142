"""Everybody who may send a request: the signatures of keys, of authenticators of the web, and of canisters.

Source: the interface specification, section "Signatures".
"""

from collections.abc import Iterable

from orchestrator.protocol.canister_signature import CanisterKey, verify_canister_signature
from orchestrator.protocol.der import COSE_OID, unwrap_key
from orchestrator.protocol.keys import verify_signature
from orchestrator.protocol.webauthn import verify_assertion

__all__ = ["verify_sender_signature"]


def verify_sender_signature(public_key_der: bytes, message: bytes, signature: bytes, *, root_keys: Iterable[bytes] = ()) -> None:
    """Return if a signature of a message is valid, in whichever scheme the key is of; raise `SignatureError` if not.

    `message` carries its domain separator. `root_keys` are the DER-encoded root keys of the networks whose
    canisters' signatures are accepted.
    """
    cose = unwrap_key(COSE_OID, public_key_der)
    if cose is not None:
        verify_assertion(cose, message, signature)
        return
    canister = CanisterKey.from_der(public_key_der)
    if canister is not None:
        verify_canister_signature(canister, message, signature, root_keys=root_keys)
        return
    verify_signature(public_key_der, message, signature)
