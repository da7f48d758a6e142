"""Whether a new module can serve the callers of the old one: Candid's subtyping on the two `candid:service` sections."""

from orchestrator import candid
from orchestrator.errors import CandidError

__all__ = ["describe_break"]


def describe_break(new: bytes, old: bytes) -> str | None:
    """Return what the new interface breaks, `None` when nothing, or when one of the texts is not an interface."""
    try:
        wanted = candid.parse_interface(new.decode()).service
        present = candid.parse_interface(old.decode()).service
    except (CandidError, UnicodeDecodeError):
        # A section that does not parse promises nothing that could be broken.
        return None
    if wanted is None or present is None:
        return None
    mismatch = candid.is_subtype(wanted, present)
    return None if mismatch is None else str(mismatch)
