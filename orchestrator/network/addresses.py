"""Addresses that networks listen on, and the URLs that they are reached at from this machine."""

__all__ = ["is_local", "render_url", "to_reach"]

_REACHED_AT = {"0.0.0.0": "127.0.0.1", "127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::": "::1", "::1": "::1"}  # noqa: S104  # compared with, never bound


def is_local(bind: str) -> bool:
    """Tell whether what listens on this address is reached on this machine as `localhost`."""
    return bind in _REACHED_AT


def to_reach(bind: str) -> str:
    """Return the address to connect to for one that is listened on."""
    return _REACHED_AT.get(bind, bind)


def render_url(host: str, port: int) -> str:
    """Return the URL of a port; IPv6 addresses get their brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
