"""What is known about a running managed network: written by whoever started it, read by everyone else."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import StoreError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.addresses import is_local, render_url, to_reach
from orchestrator.network.processes.process import is_alive
from orchestrator.store.atomic import PRIVATE_MODE
from orchestrator.store.json_file import load_object, write_json

__all__ = ["Descriptor", "load_descriptor", "write_descriptor"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A running network: `birth` tells its process from a later one with the same pid; `root_key` is DER hex.

    `control_port` is the control channel's, `clock_offset_ns` how far the network's clock is ahead of the machine's.
    """

    network: str
    project: str
    pid: int
    birth: str
    bind: str
    port: int
    root_key: str
    instance_id: str
    control_token: str = field(repr=False)
    control_port: int | None = None
    clock_offset_ns: int = 0
    proxy_canister_id: str | None = None
    effective_canister_id: str | None = None
    launcher: str = "embedded"

    def is_alive(self) -> bool:
        """Tell whether the described process still runs."""
        return is_alive(self.pid, self.birth)

    def is_of(self, project_dir: Path) -> bool:
        """Tell whether it describes the network of the project in this folder.

        One that was copied, with the rest of a project's cache, describes the original's. A project that was moved
        takes its network along.
        """
        started_in = Path(self.project)
        return not started_in.exists() or started_in.samefile(project_dir)

    @property
    def listens_on(self) -> str:
        """Return address and port as people write them."""
        return f"[{self.bind}]:{self.port}" if ":" in self.bind else f"{self.bind}:{self.port}"

    def listens_as(self, network: ManagedNetwork) -> bool:
        """Tell whether it listens where the project wants it by now; any port does for 0."""
        return self.bind == network.bind and network.port in {0, self.port}

    def access(self, network: ManagedNetwork) -> NetworkAccess:
        """Return how to reach it."""
        domain = network.domains[0] if network.domains else "localhost" if is_local(self.bind) else self.bind
        return NetworkAccess(
            name=self.network,
            launcher=network.launcher,
            api_url=render_url(to_reach(self.bind), self.port),
            gateway_url=render_url(domain, self.port),
            root_key=bytes.fromhex(self.root_key),
            managed=True,
            instance_id=self.instance_id,
            pid=self.pid,
            clock_offset_ns=self.clock_offset_ns,
            proxy_canister_id=self.proxy_canister_id,
            effective_canister_id=self.effective_canister_id,
        )


def write_descriptor(path: Path, descriptor: Descriptor) -> None:
    """Write the descriptor for its owner's eyes only: it holds the control token."""
    write_json(path, {"v": _FORMAT, **asdict(descriptor)}, PRIVATE_MODE)


def load_descriptor(path: Path) -> Descriptor | None:
    """Read a descriptor, or `None` when there is none; a damaged one is a `StoreError` with a hint."""
    hint = "delete the file; if the network still runs, end its process"
    document = load_object(path, hint=hint)
    if document is None:
        return None
    try:
        return parse_descriptor(document)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"`{path}` is damaged", slug="store/damaged", detail=f"a field is absent or odd: {error}", hint=hint) from error


def parse_descriptor(document: Mapping[str, object]) -> Descriptor:
    """Turn a document into a descriptor; `KeyError`, `TypeError` or `ValueError` when it is none."""
    proxy, effective = document.get("proxy_canister_id"), document.get("effective_canister_id")
    texts = {name: _text(document, name) for name in ("network", "project", "birth", "bind", "instance_id", "control_token")}
    return Descriptor(
        **texts,
        root_key=bytes.fromhex(_text(document, "root_key")).hex(),
        pid=_number(document, "pid"),
        port=_number(document, "port"),
        control_port=None if document.get("control_port") is None else _number(document, "control_port"),
        clock_offset_ns=_number(document, "clock_offset_ns") if document.get("clock_offset_ns") else 0,
        proxy_canister_id=proxy if isinstance(proxy, str) else None,
        effective_canister_id=effective if isinstance(effective, str) else None,
        launcher=str(document.get("launcher", "embedded")),
    )


def _text(document: Mapping[str, object], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"`{name}` is not a text")
    return value


def _number(document: Mapping[str, object], name: str) -> int:
    value = document[name]
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise TypeError(f"`{name}` is not a positive number")
    return value
