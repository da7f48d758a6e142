"""What a managed network can be asked for beyond its address: features of real replicas, and a container to run in."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["NO_FEATURES", "STATUS_DIRECTORY", "Container", "Features", "SubnetKind"]

SubnetKind = Literal["application", "system", "verified-application", "bitcoin", "fiduciary", "nns", "sns"]
STATUS_DIRECTORY = "/app/status"
"""Where a container describes its network unless told otherwise: that of the network launcher's image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What PocketIC has and the embedded network has not; nothing of it by default.

    `ii` is Internet Identity, `nns` the governance system with it. Addresses are `host:port` texts of nodes that run
    already. `version` is that of the program, without a leading `v`.
    """

    ii: bool = False
    nns: bool = False
    subnets: tuple[SubnetKind, ...] = ()
    bitcoind_addresses: tuple[str, ...] = ()
    dogecoind_addresses: tuple[str, ...] = ()
    version: str | None = None


NO_FEATURES = Features()


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A network from a container image, with the words of `docker run`; texts are as written.

    `ports` are `[address:]host:container`, `mounts` `host:container[:ro|rw]` (a relative host path starts from the
    project's folder), `volumes` `name:container[:options]`. `status_directory` is where the network describes itself
    in the container; `shm_size` is bytes. `remove` deletes the container once it is stopped.
    """

    image: str
    ports: tuple[str, ...]
    remove: bool = False
    arguments: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    platform: str | None = None
    user: str | None = None
    shm_size: int | None = None
    status_directory: str = STATUS_DIRECTORY
