"""`launcher: dfx`: the local network of dfx, started by us, by hand, or for another project.

It is found by the files that dfx writes, so that a network that runs already is simply used. dfx has one local network
per user, or per project with one in its `dfx.json`; whatever it is called in our manifest, it is that one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import AgentError, NetworkError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.deletion import delete_folder
from orchestrator.network.dfx.files import DfxNetwork, find_dfx_network
from orchestrator.network.processes.commands import Finished, find_program, run_command
from orchestrator.network.processes.logs import describe_with_tail
from orchestrator.network.processes.ports import is_free, port_taken
from orchestrator.network.processes.process import end_process, load_birth
from orchestrator.network.root_key import fetch_root_key
from orchestrator.network.runner import Found, Orphan, Place
from orchestrator.store.atomic import make_directory

__all__ = ["DfxRunner"]

DFX_STOP_SECONDS = 40.0
"""How long `dfx stop` may take; it waits 30 s for its processes itself."""
POLL_SECONDS = 0.05
_ADDRESS = "127.0.0.1"
_OWNER = "dfx"
_INSTALL = 'sh -ci "$(curl -fsSL https://internetcomputer.org/install.sh)"'


@dataclass(frozen=True, slots=True)
class DfxRunner:
    """Runs networks by `dfx start` and `dfx stop`."""

    async def find(self, place: Place) -> Found | None:
        """Return the network that dfx says is running; it is asked for its root key, and may not answer."""
        network = _network_of(place)
        pid, port = network.load_pid(), network.load_port()
        if pid is None:
            return None
        wanted = place.network.port
        return Found(
            alive=True,
            access=None if port is None else await _ask(place, network, pid, port),
            pid=pid,
            listens=f"{_ADDRESS}:{port}" if port and wanted not in {0, port} else None,
            owner=_OWNER,
        )

    async def find_orphan(self, place: Place) -> Orphan | None:  # noqa: ARG002  # dfx keeps no other traces
        """Return nothing."""
        return None

    async def launch(self, place: Place) -> NetworkAccess:
        """Run `dfx start --background`, which returns when the network is healthy."""
        network, files, settings = place.network, place.files, place.settings
        program = _require_dfx(place)
        if network.port and not is_free(network.bind, network.port):
            raise port_taken(settings.user.ports, network.port, network.name)
        make_directory(files.directory)
        command = (str(program), "start", "--background", *render_options(network))
        try:
            done = await run_command(
                command, environ=settings.environ, directory=place.project_dir, seconds=place.start_seconds, log=files.log
            )
        except OSError as error:
            raise _unstartable(place, program, error) from error
        if done.status != 0:
            raise _failed(place, done)
        found = await self.find(place)
        if found is None or found.access is None:
            raise _silent(place)
        return found.access

    async def end(self, place: Place, found: Found) -> None:
        """Run `dfx stop`; what it leaves, or what runs without a dfx on PATH, is ended by signals."""
        birth = load_birth(found.pid) if found.pid is not None else None
        program = find_program("dfx", place.settings.environ)
        if program is not None:
            await _stop(place, program)
        if found.pid is not None and birth is not None:
            await end_process(found.pid, birth, seconds=place.settings.stop_seconds)

    async def end_orphan(self, place: Place) -> Orphan | None:  # noqa: ARG002  # dfx keeps no other traces
        """Return nothing."""
        return None

    async def clear(self, place: Place) -> None:
        """Delete what `dfx start --clean` deletes: all that dfx has about the network."""
        delete_folder(_network_of(place).directory)


def render_options(network: ManagedNetwork) -> tuple[str, ...]:
    """Return the options of `dfx start` for what a network asks for; what it does not ask for is dfx's to decide."""
    features = network.features
    host = f"[{network.bind}]:{network.port}" if ":" in network.bind else f"{network.bind}:{network.port}"
    delay = network.artificial_delay_ms
    return (
        *_repeated("--host", (host,) if network.port or network.bind != _ADDRESS else ()),
        *_repeated("--artificial-delay", (str(delay),) if delay else ()),
        *_repeated("--domain", network.domains if network.domains != ("localhost",) else ()),
        *(("--system-canisters",) if features.ii or features.nns else ()),
        *_repeated("--bitcoin-node", features.bitcoind_addresses),
        *_repeated("--dogecoin-node", features.dogecoind_addresses),
    )


def _repeated(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))


def _network_of(place: Place) -> DfxNetwork:
    return find_dfx_network(place.project_dir, place.settings.environ)


async def _ask(place: Place, network: DfxNetwork, pid: int, port: int) -> NetworkAccess | None:
    """Return how to reach the network, with the root key that it tells; `None` when it does not answer in time."""
    api_url = f"http://{_ADDRESS}:{port}"
    root_key: bytes | None = None
    with anyio.move_on_after(place.settings.answer_seconds):
        try:
            root_key = await fetch_root_key(api_url, place.network)
        except AgentError:
            return None
    if root_key is None:
        return None
    domain = place.network.domains[0] if place.network.domains else "localhost"
    return NetworkAccess(
        name=place.network.name,
        launcher=place.network.launcher,
        api_url=api_url,
        gateway_url=f"http://{domain}:{port}",
        root_key=root_key,
        managed=True,
        instance_id=network.load_instance(root_key),
        pid=pid,
        effective_canister_id=network.load_effective_canister_id(),
        owner=_OWNER,
    )


def _require_dfx(place: Place) -> Path:
    program = find_program("dfx", place.settings.environ)
    if program is None:
        raise NetworkError(
            f"network `{place.network.name}` needs dfx, which is not installed",
            slug="network/launcher-missing",
            detail="`dfx` is not on PATH",
            span=place.network.span,
            hint=f"run `{_INSTALL}`, or see https://internetcomputer.org/docs/building-apps/getting-started/install",
        )
    return program


async def _stop(place: Place, program: Path) -> None:
    environ: Mapping[str, str] = place.settings.environ
    try:
        await run_command((str(program), "stop"), environ=environ, directory=place.project_dir, seconds=DFX_STOP_SECONDS)
    except OSError as error:
        raise _unstartable(place, program, error) from error


def _unstartable(place: Place, program: Path, error: OSError) -> NetworkError:
    return NetworkError(
        f"`{program}` cannot be run",
        slug="network/start-failed",
        detail=error.strerror or str(error),
        span=place.network.span,
        hint=f"`{program} --version` shows whether it works; `{_INSTALL}` installs it anew",
    )


def _failed(place: Place, done: Finished) -> NetworkError:
    log = place.files.log
    how = f"ended with status {done.status}" if done.status is not None else f"was not done after {place.start_seconds:g} s"
    return NetworkError(
        f"dfx did not start the `{place.network.name}` network",
        slug="network/start-failed" if done.status is not None else "network/start-timeout",
        detail=describe_with_tail(f"`dfx start --background` {how}", log),
        hint=f"see the whole log in `{log}`, or run `dfx start` to watch it",
    )


def _silent(place: Place) -> NetworkError:
    directory = _network_of(place).directory
    return NetworkError(
        f"dfx says that it started the `{place.network.name}` network, which does not answer",
        slug="network/unresponsive",
        detail=f"dfx describes it in `{directory}`",
        hint="run `dfx ping`, and `dfx start` to watch it",
    )
