"""Whom a new network gives ICP and cycles: the principals of the user's identities, as icp-cli does."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.errors import IdentityError, NetworkError
from orchestrator.network.control import request_control
from orchestrator.network.descriptor import load_descriptor
from orchestrator.store.layout import Layout

__all__ = ["ACCOUNTS_SECONDS", "load_accounts", "tell_accounts"]

ACCOUNTS_SECONDS = 5.0
"""How long a network may take to give accounts their funds."""


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


async def tell_accounts(project_dir: Path, network: str, principals: Iterable[str]) -> bool:
    """Tell a network that runs of principals; return whether those have their funds, and the proxy, from now on.

    A network that is not embedded, or does not answer in time, makes that False.
    Raises `StoreError` when the network's descriptor cannot be read.
    """
    descriptor = load_descriptor(Layout(project_dir).network(network).descriptor)
    if descriptor is None or descriptor.control_port is None:
        return False
    try:
        await request_control(descriptor, "/accounts", {"principals": list(principals)}, seconds=ACCOUNTS_SECONDS)
    except NetworkError:
        return False
    return True
