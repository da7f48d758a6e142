"""Names of canisters as host names, on networks whose launcher can route them.

A launcher that can says `custom-domains` among its `supported_features`, and reads `custom-domains.txt` beside its status
file, a line `<host>:<canister id>` each. Source: icp-cli (commit 0335217), `custom_domains.rs`; launcher 12.0.0 does not yet.
"""

from collections.abc import Mapping

from orchestrator.core.hosts import friendly_hosts
from orchestrator.core.principal import Principal
from orchestrator.errors import NetworkError
from orchestrator.network.announcements import NAMES_NAME, load_announcement
from orchestrator.store.atomic import PUBLIC_MODE, write_atomic
from orchestrator.store.layout import NetworkFiles

__all__ = ["write_names"]

FEATURE = "custom-domains"
_DOMAIN = "localhost"


def write_names(files: NetworkFiles, environment: str, names: Mapping[str, Principal]) -> bool:
    """Write the names of an environment's canisters, all of them; return whether the network's launcher routes them."""
    try:
        said = load_announcement(files.announcements)
    except NetworkError:
        return False
    if said is None or FEATURE not in said.features:
        return False
    path = files.announcements / NAMES_NAME
    ending = f".{environment.lower()}.{_DOMAIN}"
    try:
        present = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        present = []
    kept = [line for line in present if not line.partition(":")[0].endswith(ending)]
    hosts = friendly_hosts(environment, names)
    lines = [*kept, *(f"{host}.{_DOMAIN}:{names[name]}" for name, host in hosts.items())]
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode(), PUBLIC_MODE)
    return True
