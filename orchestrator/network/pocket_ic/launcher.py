"""icp-cli's network launcher: its options, and how it is waited for.

Source: dfinity/icp-cli-network-launcher 12.0.0 (commit c93143f), `src/main.rs`, and what icp-cli (commit 0335217) passes
to it, `crates/icp/src/network/managed/launcher.rs`. It keeps PocketIC's state in a folder, deletes the instance on
SIGTERM, which saves it, and passes over options of a newer interface with a warning.
"""

from pathlib import Path

from orchestrator.core.project import ManagedNetwork
from orchestrator.network.announcements import clear_announcements, load_announcement
from orchestrator.network.descriptor import Descriptor
from orchestrator.network.pocket_ic.instances import ensure_instance
from orchestrator.network.processes.starting import started_program
from orchestrator.network.runner import Place
from orchestrator.store.atomic import make_directory

__all__ = ["INTERFACE_VERSION", "render_options", "start_launcher"]

INTERFACE_VERSION = "1.1.0"


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
