"""Which project's network has which port: one small file per port in the user's cache, to name the neighbour.

A port is given by the operating system, not by these files; they only make the message better.
"""

import errno
import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError, Span, StoreError
from orchestrator.network.deletion import delete_leftover
from orchestrator.network.processes.process import is_alive
from orchestrator.store.json_file import load_object, write_json

__all__ = [
    "PortOwner",
    "address_unavailable",
    "find_owner",
    "is_free",
    "load_owner",
    "port_forbidden",
    "port_taken",
    "release_port",
    "require_free",
    "require_unowned",
    "write_owner",
]

_UNPRIVILEGED_PORT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOwner:
    """A network that has a port: `project` is the project's folder."""

    project: str
    network: str
    pid: int
    birth: str


def write_owner(ports: Path, port: int, owner: PortOwner) -> None:
    """Say that `owner` has `port`."""
    write_json(_path(ports, port), {"project": owner.project, "network": owner.network, "pid": owner.pid, "birth": owner.birth})


def load_owner(ports: Path, port: int) -> PortOwner | None:
    """Return the network that has `port`, if one of ours that still runs has said so."""
    try:
        document = load_object(_path(ports, port), hint="delete the file") or {}
    except StoreError:
        return None
    project, network, pid, birth = (document.get(key) for key in ("project", "network", "pid", "birth"))
    if not (isinstance(project, str) and isinstance(network, str) and isinstance(pid, int) and isinstance(birth, str)):
        return None
    return PortOwner(project=project, network=network, pid=pid, birth=birth) if is_alive(pid, birth) else None


def find_owner(ports: Path, project_dir: Path, network: str) -> tuple[int, PortOwner] | None:
    """Return the port and the process of a project's network that runs, and delete what is said about dead ones.

    This finds a process whose own files are gone.
    """
    for path in sorted(ports.glob("*.json")):
        if not path.stem.isdecimal():
            continue
        owner = load_owner(ports, int(path.stem))
        if owner is None:
            delete_leftover(path)
        elif owner.network == network and _is_same(Path(owner.project), project_dir):
            return int(path.stem), owner
    return None


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def release_port(ports: Path, port: int, pid: int) -> None:
    """Forget the owner of `port`, if it is the process `pid`."""
    path = _path(ports, port)
    try:
        document = load_object(path, hint="delete the file") or {}
    except StoreError:
        return
    if document.get("pid") == pid:
        delete_leftover(path)


def is_free(bind: str, port: int) -> bool:
    """Tell whether nobody listens on a port of this machine; one that cannot be asked about counts as free."""
    return _try_bind(bind, port) != errno.EADDRINUSE


def require_free(ports: Path, network: ManagedNetwork) -> None:
    """Raise `NetworkError` when a network cannot listen where it is to; what cannot be found out counts as possible."""
    if network.port:
        require_unowned(ports, network.port, network.name)
    match _try_bind(network.bind, network.port):
        case errno.EADDRINUSE:
            raise port_taken(ports, network.port, network.name)
        case errno.EADDRNOTAVAIL:
            raise address_unavailable(network.bind, network.name, span=network.span)
        case errno.EACCES:
            raise port_forbidden(network.bind, network.port, network.name, span=network.span)


def _try_bind(bind: str, port: int) -> int | None:
    """Return why nobody can listen there, as the system numbers it, or `None`."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((bind, port))
        except OSError as error:
            return error.errno
    return None


def require_unowned(ports: Path, port: int, network: str) -> None:
    """Raise `NetworkError` when another network of ours has the port."""
    if port and load_owner(ports, port) is not None:
        raise port_taken(ports, port, network)


def address_unavailable(bind: str, network: str, *, span: Span | None = None) -> NetworkError:
    """Return the error for an address that this machine does not have."""
    return NetworkError(
        f"network `{network}` cannot listen on {bind}: this machine does not have that address",
        slug="network/address-unavailable",
        span=span,
        hint=f"write another `bind` in icp.yaml (127.0.0.1 is this machine only, 0.0.0.0 is all that it has):\n"
        f"networks:\n  - name: {network}\n    mode: managed\n    gateway: {{ bind: 127.0.0.1 }}",
    )


def port_forbidden(bind: str, port: int, network: str, *, span: Span | None = None) -> NetworkError:
    """Return the error for a port that the user may not listen on."""
    return NetworkError(
        f"network `{network}` may not listen on port {port}",
        slug="network/port-forbidden",
        detail=f"the system does not let this user listen on port {port} of {bind}",
        span=span,
        hint=f"write a port from {_UNPRIVILEGED_PORT} on in icp.yaml (0 takes a free one):\n"
        f"networks:\n  - name: {network}\n    mode: managed\n    gateway: {{ port: 0 }}",
    )


def port_taken(ports: Path, port: int, network: str, *, other: str = "gateway: { port: 0 }") -> NetworkError:
    """Return the error that says who has the port, and what to do; `other` is how a manifest asks for a free one."""
    owner = load_owner(ports, port)
    elsewhere = (
        f"or give network `{network}` another port in icp.yaml (0 takes a free one):\n"
        f"networks:\n  - name: {network}\n    mode: managed\n    {other}"
    )
    if owner is not None:
        detail = f"the `{owner.network}` network of the project at `{owner.project}` has it (process {owner.pid})"
        stop = shlex.join(("orchestrator", "network", "stop", owner.network, "--project", owner.project))
        hint = f"run `{stop}`, {elsewhere}"
    else:
        detail = "another program has it"
        hint = f"stop that program, {elsewhere}"
    return NetworkError(f"port {port} is in use", slug="network/port-taken", detail=detail, hint=hint)


def _path(ports: Path, port: int) -> Path:
    return ports / f"{port}.json"
