"""The PocketIC server: its options, and the requests that make an instance with subnets, features and a gateway.

Source: dfinity/ic, `rs/pocket_ic_server` and `packages/pocket-ic/src/common/rest.rs` of server 10.0.0 (commit 00b4dfc).
Servers as of 13 want `cloud_engine` and the `cost_schedule` of subnets as well (npm `@dfinity/pic` 0.23.0 sends them); older
ones pass over what they do not know. One server process runs one instance. It makes a checkpoint of the state when it is
asked to end (SIGTERM).
"""

import base64
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.core.networks import SubnetKind
from orchestrator.core.principal import Principal
from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.descriptor import Descriptor
from orchestrator.network.pocket_ic.instances import ensure_instance
from orchestrator.network.pocket_ic.json_client import JsonAnswer, request_json
from orchestrator.network.processes.starting import started_program
from orchestrator.network.root_key import fetch_root_key
from orchestrator.network.runner import Place
from orchestrator.store.atomic import make_directory, remove_file

__all__ = ["OLDEST_SERVER", "TIME_TO_LIVE_SECONDS", "render_instance", "start_server"]

OLDEST_SERVER = "10.0.0"
"""The first server whose instances come with a gateway, features and their own clock."""
TIME_TO_LIVE_SECONDS = 30 * 24 * 3600
"""How long a server that nobody talks to goes on; what is stopped properly does not wait for it."""
_DEFAULT = "DefaultConfig"
_SUBNET = {"state_config": "New", "instruction_config": "Production", "cost_schedule": "Normal"}
_SINGLE: dict[SubnetKind, str] = {"nns": "nns", "sns": "sns", "fiduciary": "fiduciary", "bitcoin": "bitcoin"}
_MANY: dict[SubnetKind, str] = {"application": "application", "system": "system", "verified-application": "verified_application"}
_ALWAYS = ("cycles_minting", "icp_token", "cycles_token", "registry")
_GOVERNANCE = ("nns_governance", "nns_ui", "sns", "canister_migration")


async def start_server(place: Place, path: Path) -> Descriptor:
    """Start the server at `path`, make an instance, and describe it once its gateway answers."""
    files, network = place.files, place.network
    make_directory(files.program_state)
    port_file = files.directory / "pocket-ic-port"
    remove_file(port_file)
    instance = ensure_instance(files)
    config = render_instance(network, files.program_state)
    command = (str(path), "--ttl", str(TIME_TO_LIVE_SECONDS), "--port-file", str(port_file), "--log-levels", "error")
    async with started_program(place, command) as program:
        port = await program.wait_for(lambda: _load_port(port_file))
        created = await program.work(lambda: _create(place, port, config))
        gateway = _gateway_port(created, network)
        descriptor = Descriptor(
            network=network.name,
            project=str(place.project_dir),
            pid=program.pid,
            birth=program.birth,
            bind=network.bind,
            port=gateway,
            root_key="",
            instance_id=instance,
            control_token="",
            effective_canister_id=_effective_id(created),
            launcher=network.launcher,
        )
        return await program.work(lambda: _with_root_key(descriptor, network))


async def _with_root_key(descriptor: Descriptor, network: ManagedNetwork) -> Descriptor:
    return replace(descriptor, root_key=(await fetch_root_key(descriptor.access(network).api_url, network)).hex())


def render_instance(network: ManagedNetwork, state: Path) -> Mapping[str, object]:
    """Return the request for an instance that is what the launcher would make of the same network."""
    features = network.features
    nodes = {"bitcoind_addr": features.bitcoind_addresses, "dogecoind_addr": features.dogecoind_addresses}
    return {
        "subnet_config_set": _render_subnets(network),
        "http_gateway_config": {
            "ip_addr": network.bind,
            "port": network.port or None,
            "domains": list(network.domains) or ["localhost"],
            "https_config": None,
        },
        "state_dir": str(state),
        "icp_features": _render_features(network),
        "incomplete_state": "Enabled",
        "initial_time": {"AutoProgress": {"artificial_delay_ms": network.artificial_delay_ms or None}},
        **{key: [_resolve(address, network) for address in addresses] for key, addresses in nodes.items() if addresses},
    }


def _render_subnets(network: ManagedNetwork) -> dict[str, object]:
    features = network.features
    nodes = bool(features.bitcoind_addresses or features.dogecoind_addresses)
    wanted: list[SubnetKind] = [*(features.subnets or ("application",)), "nns"]
    wanted += ["bitcoin"] if nodes else []
    wanted += ["sns"] if features.nns else []
    subnets: dict[str, object] = {key: [_SUBNET] * wanted.count(kind) for kind, key in _MANY.items()}
    subnets |= {key: _SUBNET if kind in wanted else None for kind, key in _SINGLE.items()}
    return {**subnets, "ii": _SUBNET if _wants_identity(network) else None, "cloud_engine": []}


def _wants_identity(network: ManagedNetwork) -> bool:
    """Tell whether the subnet of Internet Identity is needed: it has the keys for signing Bitcoin transactions too."""
    features = network.features
    return features.ii or features.nns or bool(features.bitcoind_addresses or features.dogecoind_addresses)


def _render_features(network: ManagedNetwork) -> dict[str, str]:
    features = network.features
    names = [
        *_ALWAYS,
        *(("ii",) if _wants_identity(network) else ()),
        *(_GOVERNANCE if features.nns else ()),
        *(("bitcoin",) if features.bitcoind_addresses else ()),
        *(("dogecoin",) if features.dogecoind_addresses else ()),
    ]
    return dict.fromkeys(names, _DEFAULT)


def _resolve(address: str, network: ManagedNetwork) -> str:
    """Return a node's address in numbers, which is all that the server takes."""
    host, _, port = address.rpartition(":")
    try:
        family, _, _, _, found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        number = str(found[0])
    except OSError as error:
        raise NetworkError(
            f"the node `{address}` of network `{network.name}` cannot be found",
            slug="network/node-address",
            detail=error.strerror or str(error),
            span=network.span,
            hint="write the address of a machine that can be reached from here",
        ) from error
    return f"[{number}]:{port}" if family == socket.AF_INET6 else f"{number}:{port}"


def _load_port(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii")
    except OSError:
        return None
    return int(text) if text.endswith("\n") and text.strip().isdecimal() else None


async def _create(place: Place, port: int, config: Mapping[str, object]) -> JsonAnswer:
    try:
        _, answer = await request_json(port, "POST", "/instances", config, seconds=place.start_seconds)
    except (OSError, ValueError) as error:
        raise _refused(place, str(error)) from error
    created = answer.get("Created")
    if isinstance(created, dict):
        return created
    failure = answer.get("Error", answer)
    message = failure.get("message") if isinstance(failure, dict) else None
    raise _refused(place, str(message or answer))


def _refused(place: Place, detail: str) -> NetworkError:
    return NetworkError(
        f"PocketIC could not make the `{place.network.name}` network",
        slug="network/start-failed",
        detail=detail,
        hint=f"see its log in `{place.files.log}`; if its state is damaged, run `orchestrator network reset {place.network.name}`",
    )


def _gateway_port(created: JsonAnswer, network: ManagedNetwork) -> int:
    info = created.get("http_gateway_info")
    port = info.get("port") if isinstance(info, dict) else None
    if isinstance(port, int):
        return port
    raise NetworkError(
        "this PocketIC server is too old",
        slug="network/launcher-version",
        detail="it makes instances without a gateway",
        span=network.span,
        hint=f"install version {OLDEST_SERVER} or later",
    )


def _effective_id(created: JsonAnswer) -> str | None:
    topology = created.get("topology")
    record = topology.get("default_effective_canister_id") if isinstance(topology, dict) else None
    text = record.get("canister_id") if isinstance(record, dict) else None
    return str(Principal(base64.b64decode(text))) if isinstance(text, str) else None
