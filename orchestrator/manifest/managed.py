"""Managed networks that are a program on this machine: which one, where it listens, and what it is asked for."""

import re
from typing import get_args

from orchestrator.core.networks import Features, SubnetKind
from orchestrator.core.project import Launcher, ManagedNetwork
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode
from orchestrator.manifest.fields import check_keys, read_choice, read_flag, read_integer, read_items, read_mapping, read_text, read_texts
from orchestrator.manifest.problems import Problems

__all__ = ["LAUNCHER_KEYS", "MAX_PORT", "WRITTEN_LAUNCHERS", "read_program", "refuse_features"]

WRITTEN_LAUNCHERS: tuple[Launcher, ...] = ("embedded", "pocket-ic", "dfx")
"""What a manifest may say; `docker` is said by `image`."""
_FEATURE_KEYS = ("ii", "nns", "subnets", "bitcoind-addr", "dogecoind-addr", "version")
LAUNCHER_KEYS = ("gateway", "artificial-delay-ms", *_FEATURE_KEYS)
"""Keys of networks that are programs; those from an image have none of them."""
MAX_PORT = 65_535
_HONOURED: dict[Launcher, tuple[str, ...]] = {
    "embedded": (),
    "pocket-ic": _FEATURE_KEYS,
    "dfx": ("ii", "nns", "bitcoind-addr", "dogecoind-addr"),
}
_SUBNETS: tuple[SubnetKind, ...] = get_args(SubnetKind)
_DEFAULT_PORT = 8000
_DEFAULT_BIND = "127.0.0.1"
_LOCAL_BINDS = frozenset({"127.0.0.1", "0.0.0.0", "::1", "::"})  # noqa: S104  compared with, not bound to
_ADDRESS = re.compile(r"(?:[^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")


def read_program(mapping: MappingNode, name: str, launcher: Launcher, problems: Problems) -> ManagedNetwork:
    """Read a network that is run by a program of this machine."""
    refuse_features(mapping, launcher, problems)
    gateway = read_mapping(mapping.get("gateway"), "`gateway`", problems)
    bind, port, domains = _DEFAULT_BIND, None, tuple[str, ...]()
    if gateway is not None:
        check_keys(gateway, ("bind", "port", "domains"), "`gateway`", problems, severity="warning")
        bind = _read_bind(gateway.get("bind"), problems)
        port = read_integer(gateway.get("port"), "`port`", problems, maximum=MAX_PORT)
        domains = _domains(bind, read_texts(gateway.get("domains"), "`domains`", problems) or ())
    if port is None:
        port = 0 if launcher == "dfx" else _DEFAULT_PORT
    return ManagedNetwork(
        name=name,
        launcher=launcher,
        bind=bind,
        port=port,
        domains=domains,
        artificial_delay_ms=read_integer(mapping.get("artificial-delay-ms"), "`artificial-delay-ms`", problems) or 0,
        features=_read_features(mapping, problems),
        span=mapping.span,
    )


def refuse_features(mapping: MappingNode, launcher: Launcher, problems: Problems) -> None:
    """Note what the launcher cannot do, and name the one that can."""
    what = "the embedded network" if launcher == "embedded" else f"the launcher `{launcher}`"
    for key in _FEATURE_KEYS:
        entry = mapping.entry(key)
        if entry is None or key in _HONOURED[launcher] or _asks_for_nothing(entry.value):
            continue
        problems.error(
            "launcher-lacks",
            f"{what} has no `{key}`",
            entry.key.span,
            hint="write `launcher: pocket-ic` beside it for a network that has it, or remove the key",
        )


def _read_features(mapping: MappingNode, problems: Problems) -> Features:
    version = read_text(mapping.get("version"), "`version`", problems)
    return Features(
        ii=read_flag(mapping.get("ii"), "`ii`", problems) or False,
        nns=read_flag(mapping.get("nns"), "`nns`", problems) or False,
        subnets=_read_subnets(mapping.get("subnets"), problems),
        bitcoind_addresses=_read_addresses(mapping.get("bitcoind-addr"), "`bitcoind-addr`", problems),
        dogecoind_addresses=_read_addresses(mapping.get("dogecoind-addr"), "`dogecoind-addr`", problems),
        version=version.removeprefix("v") if version and version != "latest" else None,
    )


def _read_subnets(node: Node | None, problems: Problems) -> tuple[SubnetKind, ...]:
    items = () if _is_null(node) else read_items(node, "`subnets`", problems) or ()
    kinds = (read_choice(item, "a subnet", _SUBNETS, problems) for item in items)
    return tuple(kind for kind in kinds if kind is not None)


def _read_addresses(node: Node | None, what: str, problems: Problems) -> tuple[str, ...]:
    items = () if _is_null(node) else read_items(node, what, problems) or ()
    addresses = []
    for item in items:
        text = read_text(item, f"an address of {what}", problems)
        if text is None:
            continue
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found[1]) > MAX_PORT:
            problems.error("invalid-address", f"`{text}` is not the address of a node", item.span, hint="write it like `127.0.0.1:18444`")
        addresses.append(text)
    return tuple(addresses)


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


def _is_null(node: Node | None) -> bool:
    return node is None or (isinstance(node, ScalarNode) and node.value is None)


def _asks_for_nothing(node: Node) -> bool:
    if isinstance(node, SequenceNode):
        return not node.items
    return isinstance(node, ScalarNode) and (node.value is None or node.value is False)
