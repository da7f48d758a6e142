"""Networks: managed (the tool starts them) and connected (they exist)."""

import re
from typing import Literal

from orchestrator.core.project import ConnectedNetwork, ManagedNetwork, Network
from orchestrator.core.redaction import redact_url
from orchestrator.documents import MappingNode
from orchestrator.manifest.containers import CONTAINER_KEYS, read_container
from orchestrator.manifest.fields import check_keys, read_choice, read_text
from orchestrator.manifest.managed import LAUNCHER_KEYS, WRITTEN_LAUNCHERS, read_program
from orchestrator.manifest.problems import Problems

__all__ = ["IMPLICIT_NETWORKS", "MAINNET", "read_network"]

MAINNET = "ic"
"""The name of the mainnet, which cannot be redefined."""
IMPLICIT_NETWORKS: tuple[Network, ...] = (
    ManagedNetwork(name="local"),
    ConnectedNetwork(name=MAINNET, api_url="https://icp-api.io", gateway_url="https://icp.net", root_key="mainnet"),
)
"""The networks of every project; `local` may be redefined, `MAINNET` may not."""

_MODES: tuple[Literal["managed", "connected"], ...] = ("managed", "connected")
_ROOT_KEY_BYTES = 133
_HOST = re.compile(
    r"https?://+(?:[^/?#\\@]*@)?(?:[^\s/?#\\@:<>\[\]^|%]+|\[[0-9a-f:.]+\])"
    r"(?::0*(?:[0-9]{0,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(?:[/?#\\]|\Z)",
    re.IGNORECASE,
)
"""The start of a URL up to its path."""
_ROOT_KEY_WORDS: tuple[Literal["mainnet", "fetch"], ...] = ("mainnet", "fetch")
_MANAGED_KEYS = ("name", "mode", "launcher", *LAUNCHER_KEYS, *CONTAINER_KEYS)
_CONNECTED_KEYS = ("name", "mode", "url", "api-url", "http-gateway-url", "root-key")


def read_network(mapping: MappingNode, name: str, problems: Problems) -> Network | None:
    """Read one network; its name was checked by the caller."""
    mode_node = mapping.get("mode")
    if mode_node is None:
        problems.error("missing-key", f"network `{name}` has no `mode`", mapping.span, hint="add `mode: managed` or `mode: connected`")
        return None
    mode = read_choice(mode_node, "`mode`", _MODES, problems)
    if mode is None:
        return None
    return _read_managed(mapping, name, problems) if mode == "managed" else _read_connected(mapping, name, problems)


def _read_managed(mapping: MappingNode, name: str, problems: Problems) -> ManagedNetwork | None:
    check_keys(mapping, _MANAGED_KEYS, f"the managed network `{name}`", problems, severity="warning")
    launcher = read_choice(mapping.get("launcher"), "`launcher`", WRITTEN_LAUNCHERS, problems)
    image = read_text(mapping.get("image"), "`image`", problems)
    if image is not None:
        _tell_what_is_ignored(mapping, LAUNCHER_KEYS, "beside `image`", problems)
        if (entry := mapping.entry("launcher")) is not None:
            problems.error(
                "contradiction",
                f"network `{name}` has both an `image` and a `launcher`",
                entry.key.span,
                detail="a container runs by itself",
                hint="remove one of them",
            )
        return read_container(mapping, name, image, problems)
    _tell_what_is_ignored(mapping, CONTAINER_KEYS, "without `image`", problems)
    return read_program(mapping, name, launcher or "embedded", problems)


def _tell_what_is_ignored(mapping: MappingNode, keys: tuple[str, ...], where: str, problems: Problems) -> None:
    for key in keys:
        if key != "image" and (entry := mapping.entry(key)) is not None:
            problems.warn("ignored-key", f"the key `{key}` has no effect {where}", entry.key.span, hint="remove it")


def _read_connected(mapping: MappingNode, name: str, problems: Problems) -> ConnectedNetwork | None:
    check_keys(mapping, _CONNECTED_KEYS, f"the connected network `{name}`", problems, severity="warning")
    both = _read_url(mapping, "url", problems)
    api, gateway = _read_url(mapping, "api-url", problems), _read_url(mapping, "http-gateway-url", problems)
    if mapping.get("api-url") is not None:
        _tell_what_is_ignored(mapping, ("url",), "beside `api-url`", problems)
    elif mapping.get("url") is not None:
        _tell_what_is_ignored(mapping, ("http-gateway-url",), "without `api-url`", problems)
        api, gateway = both, both
    else:
        problems.error(
            "missing-key",
            f"the connected network `{name}` has no `url`",
            mapping.span,
            hint="add `url:`, or `api-url:` and `http-gateway-url:`",
        )
    root_key = _read_root_key(mapping, name, problems)
    if api is None or root_key is None:
        return None
    return ConnectedNetwork(name=name, api_url=api, gateway_url=gateway, root_key=root_key, span=mapping.span)


def _read_url(mapping: MappingNode, key: str, problems: Problems) -> str | None:
    node = mapping.get(key)
    text = read_text(node, f"`{key}`", problems)
    if text is None or node is None:
        return None
    if not text.lower().startswith(("https://", "http://")):
        problems.error(
            "invalid-url",
            f"`{key}` must start with `https://` or `http://`",
            node.span,
            hint=_write_https(key, text),
        )
        return None
    if not _HOST.match(text):
        detail = "after `//` come the host and, if need be, `:` with a port up to 65535"
        problems.error("invalid-url", f"`{key}` names no host that can be reached", node.span, detail=detail)
        return None
    return text.rstrip("/")


def _write_https(key: str, text: str) -> str:
    url = redact_url(f"https://{text.rpartition('://')[2]}")
    return f"write `{key}: {url}`"


def _read_root_key(mapping: MappingNode, name: str, problems: Problems) -> Literal["mainnet", "fetch"] | bytes | None:
    node = mapping.get("root-key")
    if node is None:
        problems.error(
            "missing-key",
            f"the connected network `{name}` has no `root-key`",
            mapping.span,
            detail="without it nothing that the network says can be verified",
            hint="add `root-key: mainnet`, `root-key: fetch` (test networks only), or the key in hex",
        )
        return None
    text = read_text(node, "`root-key`", problems)
    if text is None:
        return None
    for word in _ROOT_KEY_WORDS:
        if text == word:
            return word
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) == _ROOT_KEY_BYTES:
        return key
    problems.error(
        "invalid-root-key",
        "`root-key` is not a root key",
        node.span,
        detail=f"it is `mainnet`, `fetch`, or {_ROOT_KEY_BYTES * 2} hex digits",
        hint="write `root-key: mainnet` for the mainnet, or `root-key: fetch` for a network of your own that only you can reach",
    )
    return None
