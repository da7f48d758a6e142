"""icp-cli's network launcher: its options, and the file in which it says that it is ready.

Source: dfinity/icp-cli-network-launcher 12.0.0 (commit c93143f), `src/main.rs`, and what icp-cli (commit 0335217) passes
to it, `crates/icp/src/network/managed/launcher.rs`. It keeps PocketIC's state in a folder, deletes the instance on
SIGTERM, which saves it, and passes over options of a newer interface with a warning.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.descriptor import Descriptor
from orchestrator.network.instances import ensure_instance
from orchestrator.network.runner import Place
from orchestrator.network.starting import started_program
from orchestrator.store.atomic import make_directory

__all__ = [
    "INTERFACE_VERSION",
    "NAMES_NAME",
    "Announcement",
    "clear_announcements",
    "load_announcement",
    "render_options",
    "start_launcher",
]

INTERFACE_VERSION = "1.1.0"
STATUS_NAME = "status.json"
NAMES_NAME = "custom-domains.txt"
MAX_STATUS_BYTES = 1024 * 1024
_STATUS_VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a launcher says once its network answers; `root_key` is DER in hex, `features` what it can do besides."""

    gateway_port: int
    root_key: str
    effective_canister_id: str | None = None
    features: tuple[str, ...] = ()


async def start_launcher(place: Place, path: Path) -> Descriptor:
    """Start the launcher at `path` and describe its network once that is ready."""
    files, network = place.files, place.network
    make_directory(files.program_state)
    clear_announcements(files.announcements)
    instance = ensure_instance(files)
    command = (str(path), *_own_options(place), *render_options(network))
    async with started_program(place, command) as program:
        said = await program.wait_for(lambda: load_announcement(files.announcements))
    return Descriptor(
        network=network.name,
        project=str(place.project_dir),
        pid=program.pid,
        birth=program.birth,
        bind=network.bind,
        port=said.gateway_port,
        root_key=said.root_key,
        instance_id=instance,
        control_token="",
        effective_canister_id=said.effective_canister_id,
        launcher=network.launcher,
    )


def _own_options(place: Place) -> tuple[str, ...]:
    files, network = place.files, place.network
    port = ("--gateway-port", str(network.port)) if network.port else ()
    options = ("--interface-version", INTERFACE_VERSION, "--state-dir", str(files.program_state), "--bind", network.bind, *port)
    return (*options, "--status-dir", str(files.announcements))


def render_options(network: ManagedNetwork) -> tuple[str, ...]:
    """Return the options for what a network asks for, in the order that icp-cli gives them in."""
    features = network.features
    return (
        *(("--ii",) if features.ii else ()),
        *(("--nns",) if features.nns else ()),
        *((f"--artificial-delay-ms={network.artificial_delay_ms}",) if network.artificial_delay_ms else ()),
        *(f"--subnet={kind}" for kind in features.subnets),
        *(f"--bitcoind-addr={address}" for address in features.bitcoind_addresses),
        *(f"--dogecoind-addr={address}" for address in features.dogecoind_addresses),
        *(f"--domain={domain}" for domain in network.domains or (network.bind,)),
    )


def clear_announcements(directory: Path) -> None:
    """Make the folder in which a launcher says that it is ready, without what an earlier one said or was told."""
    make_directory(directory)
    for name in (STATUS_NAME, NAMES_NAME):
        (directory / name).unlink(missing_ok=True)


def load_announcement(directory: Path) -> Announcement | None:
    """Read what a launcher has said in `directory`, or `None` before it has finished its line.

    Raises `NetworkError` when it makes no sense.
    """
    path = directory / STATUS_NAME
    try:
        with path.open("rb") as file:
            text = file.read(MAX_STATUS_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    if not text.endswith("\n"):
        return None
    try:
        return _parse(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError(
            "the network's launcher says something that makes no sense",
            slug="network/launcher-status",
            detail=f"`{path}`: {error}",
            hint="use a launcher of the interface 1, such as icp-cli-network-launcher 12.0.0",
        ) from error


def _parse(document: object) -> Announcement:
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    if document.get("v") != _STATUS_VERSION:
        raise ValueError(f'its version `v` is {document.get("v")!r}, not "{_STATUS_VERSION}"')
    port, key, canister = document["gateway_port"], document["root_key"], document.get("default_effective_canister_id")
    if not isinstance(port, int) or not isinstance(key, str) or not isinstance(canister, str | None):
        raise TypeError("a field is of the wrong type")
    features = document.get("supported_features")
    return Announcement(
        gateway_port=port,
        root_key=bytes.fromhex(key).hex(),
        effective_canister_id=canister,
        features=tuple(str(feature) for feature in features) if isinstance(features, list) else (),
    )
