"""Host names of canisters on a gateway: which names can be labels of a host, and which would collide.

Source: icp-cli's rules for friendly domains; RFC 1123 section 2.1 for the labels, with underscores allowed as there.
"""

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from orchestrator.core.principal import Principal, PrincipalError

__all__ = ["CANDID_UI_CANISTER", "MAX_LABEL_CHARACTERS", "friendly_hosts", "is_label", "is_on_this_machine"]

MAX_LABEL_CHARACTERS = 63
CANDID_UI_CANISTER = Principal.from_text("a4gq6-oaaaa-aaaab-qaa4q-cai")
"""Where the mainnet has its Candid page; gateways of embedded networks show their own one there."""

_LOOPBACK = ("127.", "::1", "localhost")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")


def is_label(text: str) -> bool:
    """Say if a text can be one label of a host name."""
    return len(text) <= MAX_LABEL_CHARACTERS and _LABEL.fullmatch(text) is not None


def is_on_this_machine(url: str) -> bool:
    """Say if a URL is one of plain http on the loopback interface: a network of some developer's."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and (host.startswith(_LOOPBACK) or host.endswith(".localhost"))


def friendly_hosts(environment: str, names: Iterable[str]) -> dict[str, str]:
    """Return `<name>.<environment>` in lower case for each canister that can be reached so.

    A name may have several labels (`core.lib`). Left out are names that are no labels, that look like a canister's id, and
    that differ in case alone: a browser could not tell those apart.
    """
    if not is_label(environment):
        return {}
    fit = [
        name for name in names if all(is_label(label) for label in name.split(".")) and not _is_principal(name.partition(".")[0].lower())
    ]
    count = Counter(name.lower() for name in fit)
    return {name: f"{name}.{environment}".lower() for name in fit if count[name.lower()] == 1}


def _is_principal(text: str) -> bool:
    try:
        Principal.from_text(text)
    except PrincipalError:
        return False
    return True
