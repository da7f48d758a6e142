"""What is known about a network that runs in a container: written by whoever started it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import StoreError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.addresses import is_local, render_url, to_reach
from orchestrator.store.atomic import PRIVATE_MODE
from orchestrator.store.json_file import load_object, write_json

__all__ = ["ContainerRecord", "load_container", "write_container"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRecord:
    """A container: its full id, and the address and port of this machine that lead to its gateway; `root_key` is DER in hex."""

    project: str
    network: str
    container: str
    address: str
    port: int
    root_key: str
    remove: bool
    effective_canister_id: str | None = None

    def is_of(self, project_dir: Path) -> bool:
        """Tell whether it is about the project in this folder, and not about one that this is a copy of."""
        started_in = Path(self.project)
        return not started_in.exists() or started_in.samefile(project_dir)

    def access(self, network: ManagedNetwork) -> NetworkAccess:
        """Return how to reach it; every container is an instance of its own."""
        domain = "localhost" if is_local(self.address) else self.address
        return NetworkAccess(
            name=self.network,
            launcher=network.launcher,
            api_url=render_url(to_reach(self.address), self.port),
            gateway_url=render_url(domain, self.port),
            root_key=bytes.fromhex(self.root_key),
            managed=True,
            instance_id=self.container,
            container=self.container,
            effective_canister_id=self.effective_canister_id,
        )


def write_container(path: Path, record: ContainerRecord) -> None:
    """Write the record."""
    write_json(path, {"v": _FORMAT, **asdict(record)}, PRIVATE_MODE)


def load_container(path: Path) -> ContainerRecord | None:
    """Read a record, or `None` when there is none; a damaged one is a `StoreError` with a hint."""
    hint = "delete the file; `docker ps` tells whether the container still runs"
    document = load_object(path, hint=hint)
    if document is None:
        return None
    effective = document.get("effective_canister_id")
    try:
        texts = {name: _text(document[name]) for name in ("project", "network", "container", "address")}
        return ContainerRecord(
            **texts,
            root_key=bytes.fromhex(_text(document["root_key"])).hex(),
            port=int(_text(str(document["port"]))),
            remove=document["remove"] is True,
            effective_canister_id=effective if isinstance(effective, str) else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"`{path}` is damaged", slug="store/damaged", detail=f"a field is absent or odd: {error}", hint=hint) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
