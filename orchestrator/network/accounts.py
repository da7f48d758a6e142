"""Whom a new network gives ICP and cycles: the principals of the user's identities, as icp-cli does."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import IdentityError

__all__ = ["load_accounts"]


def load_accounts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the principals of the identities in icp-cli's folder, in the order of their names.

    Without a folder, or with a damaged one, there are none: a network starts without identities too.
    """
    from orchestrator.agent.identities import IdentityStore, icp_data_directory  # it imports cryptography

    home = environ.get("HOME")
    try:
        records = IdentityStore(icp_data_directory(environ, Path(home) if home else None)).load_records()
    except IdentityError:
        return ()
    return tuple(str(record.principal) for record in records if record.principal is not None and record.kind != "anonymous")
