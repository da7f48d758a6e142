"""Networks as `project show` has them."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from orchestrator.core.networks import Container
from orchestrator.core.project import ConnectedNetwork, ManagedNetwork, Network
from orchestrator.core.units import Amount
from orchestrator.ui.yaml_text import Tagged

__all__ = ["show_network"]

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def show_network(network: Network) -> dict[str, object]:
    """Return a network's name and configuration."""
    if isinstance(network, ConnectedNetwork):
        configuration = _connected(network)
    else:
        configuration = _managed(network) if network.container is None else _container(network.container)
    return {"name": network.name, "configuration": configuration}


def _connected(network: ConnectedNetwork) -> dict[str, object]:
    key = network.root_key
    return {
        "mode": "connected",
        "api-url": _url(network.api_url),
        "http-gateway-url": _url(network.gateway_url),
        "root-key": key if isinstance(key, str) else key.hex(),
    }


def _managed(network: ManagedNetwork) -> dict[str, object]:
    features = network.features
    shown: dict[str, object] = {
        "mode": "managed",
        "gateway": {
            "bind": network.bind,
            "port": Tagged(tag="Fixed", value=network.port) if network.port else "Random",
            "domains": list(network.domains),
        },
        "artificial_delay_ms": Amount(network.artificial_delay_ms) if network.artificial_delay_ms else None,
        "ii": features.ii,
        "nns": features.nns,
        "subnets": list(features.subnets) or None,
        "bitcoind_addr": list(features.bitcoind_addresses) or None,
        "dogecoind_addr": list(features.dogecoind_addresses) or None,
        "version": f"v{features.version}" if features.version else None,
    }
    return shown if network.launcher == "embedded" else {**shown, "launcher": network.launcher}


def _container(container: Container) -> dict[str, object]:
    return {
        "mode": "managed",
        "image": container.image,
        "port_mapping": list(container.ports),
        "rm_on_exit": container.remove,
        "args": list(container.arguments),
        "entrypoint": list(container.entrypoint) or None,
        "environment": list(container.environment),
        "volumes": list(container.volumes),
        "platform": container.platform,
        "user": container.user,
        "shm_size": Amount(container.shm_size) if container.shm_size is not None else None,
        "status_dir": container.status_directory,
        "mounts": list(container.mounts),
        "extra_hosts": list(container.extra_hosts),
    }


def _url(text: str | None) -> str | None:
    """Return a URL as icp-cli writes it: host in small letters, no port that goes without saying, a path."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return text
    user, at, host = parts.netloc.rpartition("@")
    if port is not None and port == _DEFAULT_PORTS.get(parts.scheme):
        host = host.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host.lower()}", path=parts.path or "/"))
