"""How a network is reached, and the one root key that is built in."""

from dataclasses import dataclass
from typing import Literal

from orchestrator.core.project import Launcher

__all__ = ["MAINNET_ROOT_KEY", "NetworkAccess", "NetworkReport", "NetworkState"]

NetworkState = Literal["running", "stopped", "unresponsive", "orphaned", "connected"]

MAINNET_ROOT_KEY = bytes.fromhex(
    "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100"
    "814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14"
    "fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db96d65b9bb4cb71"
    "7112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae"
)
"""The Internet Computer's public key, DER; source: the interface specification's "Root of trust"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAccess:
    """What a client needs to talk to a network.

    `root_key` is DER. `instance_id` tells apart instances of a managed network; `managed` is true for networks that
    this tool starts. `launcher` is `None` for connected networks. `container` is the id of the container that the
    network runs in, `effective_canister_id` where canisters are created unless it matters where, and `owner` who else
    has started the network (`icp-cli`, `dfx`).
    """

    name: str
    launcher: Launcher | None
    api_url: str
    gateway_url: str | None
    root_key: bytes
    managed: bool
    instance_id: str | None = None
    pid: int | None = None
    proxy_canister_id: str | None = None
    clock_offset_ns: int = 0
    container: str | None = None
    effective_canister_id: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReport:
    """The state of a network: `access` is there when it can be talked to.

    `unresponsive` is a process that lives and does not answer, `orphaned` one whose files were deleted; `connected`
    networks are not ours to know. `pid` is the process that lives, `crashed` one that ended without saving its state.
    `listens` is the address of a running network that the project has another one for by now. `container` stands for
    `pid` where the network runs in one; `owner` is who else started it. `not_saving` is why a running network cannot
    save its state, if it cannot and says so.
    """

    name: str
    launcher: Launcher | None
    state: NetworkState
    access: NetworkAccess | None
    pid: int | None = None
    crashed: int | None = None
    listens: str | None = None
    container: str | None = None
    owner: str | None = None
    not_saving: str | None = None
