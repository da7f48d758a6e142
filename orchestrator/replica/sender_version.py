"""Whether a canister that calls the management canister tells its own version rightly.

Source: the IC interface specification, section "Message execution", `validate_sender_canister_version`.
"""

from collections.abc import Sequence
from typing import cast

from orchestrator.candid import decode
from orchestrator.candid.types import NAT64, Opt, record
from orchestrator.errors import CandidError
from orchestrator.replica.vm.interface import OutgoingCall, Trap

__all__ = ["wrong_sender_version"]

_FIELD = "sender_canister_version"
_PART = record({_FIELD: Opt(NAT64)})
"""What is looked at of an argument; Candid passes over the rest."""
_CHECKED = frozenset(
    {
        "create_canister",
        "install_chunked_code",
        "install_code",
        "load_canister_snapshot",
        "provisional_create_canister_with_cycles",
        "take_canister_snapshot",
        "uninstall_code",
        "update_settings",
    }
)
_ENGINE_ERROR = "IC0521"


def wrong_sender_version(calls: Sequence[OutgoingCall], version: int) -> Trap | None:
    """Return the trap of a message that sends calls with another version than its canister's, or None."""
    for call in calls:
        said = _said(call) if not call.callee and call.method in _CHECKED else None
        if said is not None and said != version:
            return Trap(
                "Canister encountered a Wasm engine error: Failed to apply system changes: Management canister call payload includes "
                f"sender canister version {said} that does not match the actual sender canister version {version}.",
                _ENGINE_ERROR,
            )
    return None


def _said(call: OutgoingCall) -> int | None:
    """Return the version that a call tells; what does not decode is rejected when it arrives."""
    try:
        values = decode(call.arg, [_PART])
    except CandidError:
        return None
    return cast("dict[str, int | None]", values[0])[_FIELD]
