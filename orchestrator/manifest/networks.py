"""Networks: managed (the tool starts them) and connected (they exist)."""

from typing import Literal

from orchestrator.core.project import ConnectedNetwork, Launcher, ManagedNetwork, Network
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode
from orchestrator.manifest.fields import check_keys, read_choice, read_integer, read_mapping, read_text, read_texts
from orchestrator.manifest.problems import Problems

__all__ = ["IMPLICIT_NETWORKS", "read_network"]

IMPLICIT_NETWORKS: tuple[Network, ...] = (
    ManagedNetwork(name="local"),
    ConnectedNetwork(name="ic", api_url="https://icp-api.io", gateway_url="https://icp.net", root_key="mainnet"),
)
"""The networks of every project; `local` may be redefined, `ic` may not."""

_MODES: tuple[Literal["managed", "connected"], ...] = ("managed", "connected")
_LAUNCHERS: tuple[Launcher, ...] = ("embedded", "pocket-ic", "dfx")
_MAX_PORT = 65_535
_DEFAULT_PORT = 8000
_DEFAULT_BIND = "127.0.0.1"
_LOCAL_BINDS = frozenset({"127.0.0.1", "0.0.0.0", "::1", "::"})  # noqa: S104  compared with, not bound to
_ROOT_KEY_BYTES = 133
_ROOT_KEY_WORDS: tuple[Literal["mainnet", "fetch"], ...] = ("mainnet", "fetch")
_LAUNCHER_KEYS = ("ii", "nns", "subnets", "bitcoind-addr", "dogecoind-addr", "version")
_MANAGED_KEYS = ("name", "mode", "launcher", "gateway", "artificial-delay-ms", *_LAUNCHER_KEYS, "image")
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


def _read_managed(mapping: MappingNode, name: str, problems: Problems) -> ManagedNetwork:
    check_keys(mapping, _MANAGED_KEYS, f"the managed network `{name}`", problems, severity="warning")
    launcher = read_choice(mapping.get("launcher"), "`launcher`", _LAUNCHERS, problems) or "embedded"
    _refuse_what_the_launcher_lacks(mapping, launcher, problems)
    gateway = read_mapping(mapping.get("gateway"), "`gateway`", problems)
    bind, port, domains = _DEFAULT_BIND, None, tuple[str, ...]()
    if gateway is not None:
        check_keys(gateway, ("bind", "port", "domains"), "`gateway`", problems, severity="warning")
        bind = _read_bind(gateway.get("bind"), problems)
        port = read_integer(gateway.get("port"), "`port`", problems, maximum=_MAX_PORT)
        domains = _domains(bind, read_texts(gateway.get("domains"), "`domains`", problems) or ())
    return ManagedNetwork(
        name=name,
        launcher=launcher,
        bind=bind,
        port=port if port is not None else _DEFAULT_PORT,
        domains=domains,
        artificial_delay_ms=read_integer(mapping.get("artificial-delay-ms"), "`artificial-delay-ms`", problems) or 0,
        span=mapping.span,
    )


def _read_bind(node: Node | None, problems: Problems) -> str:
    text = read_text(node, "`bind`", problems)
    if text is None or node is None or text in _LOCAL_BINDS:
        return text or _DEFAULT_BIND
    from ipaddress import ip_address  # rarely needed, and slow to import

    try:
        ip_address(text)
    except ValueError:
        problems.error("invalid-address", f"`bind` must be an IP address, not `{text}`", node.span, hint="write `bind: 127.0.0.1`")
    return text


def _domains(bind: str, written: tuple[str, ...]) -> tuple[str, ...]:
    """Put `localhost` first where the gateway listens on this machine."""
    if bind not in _LOCAL_BINDS:
        return written
    return tuple(dict.fromkeys(("localhost", *written)))


def _refuse_what_the_launcher_lacks(mapping: MappingNode, launcher: Launcher, problems: Problems) -> None:
    if (image := mapping.entry("image")) is not None:
        problems.error(
            "not-supported",
            "networks from a container `image` are not supported",
            image.key.span,
            hint="remove `image` for the embedded network, or use `mode: connected` with the `url` of a network that runs",
        )
    for key in _LAUNCHER_KEYS:
        entry = mapping.entry(key)
        if entry is None or _asks_for_nothing(entry.value):
            continue
        if launcher == "embedded":
            problems.error(
                "launcher-lacks",
                f"the embedded network has no `{key}`",
                entry.key.span,
                hint="remove the key, or start a network that has it yourself, and describe it with `mode: connected`",
            )
        else:
            problems.warn("not-supported", f"the key `{key}` of a network has no effect yet", entry.key.span)


def _asks_for_nothing(node: Node) -> bool:
    if isinstance(node, SequenceNode):
        return not node.items
    return isinstance(node, ScalarNode) and (node.value is None or node.value is False)


def _read_connected(mapping: MappingNode, name: str, problems: Problems) -> ConnectedNetwork | None:
    check_keys(mapping, _CONNECTED_KEYS, f"the connected network `{name}`", problems, severity="warning")
    both = _read_url(mapping, "url", problems)
    api, gateway = _read_url(mapping, "api-url", problems), _read_url(mapping, "http-gateway-url", problems)
    has_url = mapping.get("url") is not None or mapping.get("api-url") is not None
    if not has_url:
        problems.error(
            "missing-key",
            f"the connected network `{name}` has no `url`",
            mapping.span,
            hint="add `url:`, or `api-url:` and `http-gateway-url:`",
        )
    root_key = _read_root_key(mapping, name, problems)
    api = api or both
    if api is None or root_key is None:
        return None
    return ConnectedNetwork(name=name, api_url=api, gateway_url=gateway or both, root_key=root_key, span=mapping.span)


def _read_url(mapping: MappingNode, key: str, problems: Problems) -> str | None:
    node = mapping.get(key)
    text = read_text(node, f"`{key}`", problems)
    if text is None or node is None:
        return None
    if not text.startswith(("https://", "http://")):
        problems.error("invalid-url", f"`{key}` must start with `https://` or `http://`", node.span, hint=f"write `{key}: https://{text}`")
        return None
    return text.rstrip("/")


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
    )
    return None
