"""`image:`: a network in a container, started, watched and stopped by the `docker` program.

What the image has to do is icp-cli's contract (commit 0335217, `docker.rs` and `containerized-networks.md`): it says that
it is ready in a file of a folder that is mounted into it, as the network launcher does.
"""

import contextlib
from dataclasses import dataclass

import anyio

from orchestrator.core.networks import Container
from orchestrator.errors import NetworkError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.announcements import Announcement, clear_announcements, load_announcement
from orchestrator.network.deletion import delete_leftover
from orchestrator.network.docker.command import LOOK_SECONDS, NETWORK_LABEL, PROJECT_LABEL, Docker, refusal, render_create
from orchestrator.network.docker.record import ContainerRecord, load_container, write_container
from orchestrator.network.processes.ports import is_free, port_taken
from orchestrator.network.runner import Found, Orphan, Place

__all__ = ["DockerRunner", "runs_in"]

PULL_SECONDS = 1800.0
"""How long fetching an image may take."""
STOP_SECONDS = 10
"""How long a container may take to end by itself, then Docker kills it."""
LOG_LINES = 50
POLL_SECONDS = 0.05
SHORT_ID = 12
"""How many digits of a container's id people see in `docker ps`."""
_OPEN_MODE = 0o777


@dataclass(frozen=True, slots=True)
class DockerRunner:
    """Runs networks in containers: a new one for every start, as icp-cli does."""

    async def find(self, place: Place) -> Found | None:
        """Return the container that was written down; it lives if Docker says so."""
        record = _load_own(place)
        if record is None:
            return None
        docker = Docker.find(place)
        return Found(
            alive=docker is not None and await runs_in(docker, record.container),
            access=record.access(place.network),
            container=record.container,
            listens=f"{record.address}:{record.port}" if place.network.port not in {0, record.port} else None,
        )

    async def find_orphan(self, place: Place) -> Orphan | None:
        """Return a container with our labels that runs and is not written down."""
        docker = Docker.find(place)
        containers = () if docker is None else await _list(docker, place, "ps")
        return Orphan(container=containers[0]) if containers else None

    async def launch(self, place: Place) -> NetworkAccess:
        """Fetch the image if need be, start a container of it, and wait for what it says."""
        container = _container_of(place)
        docker = Docker.require(place)
        await _fetch_image(docker, container)
        _require_ports(place, container)
        status = place.files.announcements
        clear_announcements(status)
        if container.user is not None:
            status.chmod(_OPEN_MODE)  # whoever the container's user is has to write there
        created = await docker.require_success(*render_create(place, container, status), what="create the container")
        identity = created.splitlines()[-1].strip()
        ready = False
        try:
            record = await _start(docker, place, container, identity)
            write_container(place.files.container, record)
            ready = True
        finally:
            if not ready:
                with anyio.CancelScope(shield=True), contextlib.suppress(NetworkError):  # why it did not start says more
                    await _stop(docker, identity, remove=container.remove)
        return record.access(place.network)

    async def end(self, place: Place, found: Found) -> None:
        """Stop the container, delete it if that was asked for, and forget it."""
        record = load_container(place.files.container)
        docker = Docker.find(place)
        if docker is not None and found.container is not None:
            await _stop(docker, found.container, remove=record is not None and record.remove)
        delete_leftover(place.files.container)

    async def end_orphan(self, place: Place) -> Orphan | None:
        """Stop a container with our labels that is not written down."""
        orphan = await self.find_orphan(place)
        docker = Docker.find(place)
        if orphan is not None and orphan.container is not None and docker is not None:
            await _stop(docker, orphan.container, remove=_container_of(place).remove)
        return orphan

    async def clear(self, place: Place) -> None:
        """Delete all containers that this network ever had; volumes are not ours to delete."""
        docker = Docker.find(place)
        for identity in () if docker is None else await _list(docker, place, "ps", "--all"):
            if docker is not None:
                await docker.require_success("rm", "--force", identity, what="delete a container")


def _container_of(place: Place) -> Container:
    if place.network.container is None:
        raise NetworkError(f"network `{place.network.name}` has no container", slug="network/launcher", span=place.network.span)
    return place.network.container


def _load_own(place: Place) -> ContainerRecord | None:
    record = load_container(place.files.container)
    return record if record is not None and record.is_of(place.project_dir) else None


async def runs_in(docker: Docker, container: str) -> bool:
    """Tell whether a container runs; without a daemon none does."""
    try:
        facts = await docker.inspect(container)
    except NetworkError:
        return False
    state = facts.get("State") if facts is not None else None
    return isinstance(state, dict) and state.get("Running") is True


async def _list(docker: Docker, place: Place, *words: str) -> tuple[str, ...]:
    """Return the ids of this network's containers; without a daemon there are none."""
    labels = (f"label={PROJECT_LABEL}={place.project_dir}", f"label={NETWORK_LABEL}={place.network.name}")
    filters = (word for label in labels for word in ("--filter", label))
    try:
        done = await docker.run(*words, "--quiet", "--no-trunc", *filters, seconds=LOOK_SECONDS)
    except NetworkError:
        return ()
    return tuple(done.stdout.split()) if done.status == 0 else ()


async def _fetch_image(docker: Docker, container: Container) -> None:
    known = await docker.run("image", "inspect", "--format", "{{.Id}}", container.image)
    if known.status == 0:
        return
    platform = ("--platform", container.platform) if container.platform else ()
    hint = f"check the image's name and version; `docker pull {container.image}` shows how far it gets"
    words = ("pull", "--quiet", *platform, container.image)
    await docker.require_success(*words, what="fetch the image", hint=hint, seconds=PULL_SECONDS)


def _require_ports(place: Place, container: Container) -> None:
    for mapping in container.ports:
        address, _, port = mapping.rpartition(":")[0].rpartition(":")
        if port != "0" and not is_free(address.strip("[]") or "127.0.0.1", int(port)):
            inside = mapping.rpartition(":")[2]
            other = f'image: {container.image}\n    port-mapping: ["0:{inside}"]'
            raise port_taken(place.settings.user.ports, int(port), place.network.name, other=other)


async def _start(docker: Docker, place: Place, container: Container, identity: str) -> ContainerRecord:
    await docker.require_success("start", identity, what="start the container")
    said = await _wait_announcement(docker, place, identity)
    address, port = await _find_port(docker, identity, said.gateway_port)
    return ContainerRecord(
        project=str(place.project_dir),
        network=place.network.name,
        container=identity,
        address=address,
        port=port,
        root_key=said.root_key,
        remove=container.remove,
        effective_canister_id=said.effective_canister_id,
    )


async def _wait_announcement(docker: Docker, place: Place, identity: str) -> Announcement:
    """Return what the network says once it is ready; raises `NetworkError` when its container ends or time is up."""
    statuses: list[str] = []
    said: Announcement | None = None
    failure: NetworkError | None = None

    async def watch() -> None:
        try:
            done = await docker.run("wait", identity, seconds=place.start_seconds)
        except NetworkError as error:
            statuses.append(error.summary)
        else:
            statuses.append(done.stdout.strip() or "unknown")

    with anyio.move_on_after(place.start_seconds):
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            try:
                while said is None and not statuses:
                    said = load_announcement(place.files.announcements)
                    await anyio.sleep(POLL_SECONDS)
            except NetworkError as error:
                failure = error
            group.cancel_scope.cancel()
    if said is not None:
        return said
    raise failure or await _ended(docker, place, identity, statuses)


async def _ended(docker: Docker, place: Place, identity: str, statuses: list[str]) -> NetworkError:
    """Return the error for a container that is not ready, with the end of what it printed."""
    short = identity[:SHORT_ID]
    done = await docker.run("logs", "--tail", str(LOG_LINES), identity)
    tail = "\n".join(filter(None, (done.stdout.strip(), done.stderr.strip())))
    how = f"container {short} ended with status {statuses[0]}" if statuses else f"container {short} was not ready in time"
    return NetworkError(
        f"the `{place.network.name}` network ended while it started"
        if statuses
        else f"the `{place.network.name}` network did not start in time",
        slug="network/start-failed" if statuses else "network/start-timeout",
        detail=f"{how}; the end of its output:\n{tail}" if tail else f"{how}; it printed nothing",
        hint="with `rm-on-exit: true` it is gone" if _container_of(place).remove else f"see all of it with `docker logs {short}`",
    )


async def _find_port(docker: Docker, identity: str, inside: int) -> tuple[str, int]:
    """Return the address and port of this machine that lead to a port of the container."""
    facts = await docker.inspect(identity) or {}
    settings = facts.get("NetworkSettings")
    ports = settings.get("Ports") if isinstance(settings, dict) else None
    bindings = ports.get(f"{inside}/tcp") if isinstance(ports, dict) else None
    first = bindings[0] if isinstance(bindings, list) and bindings else None
    if isinstance(first, dict) and str(first.get("HostPort", "")).isdecimal():
        return str(first.get("HostIp") or "127.0.0.1"), int(first["HostPort"])
    raise NetworkError(
        "the container's gateway cannot be reached",
        slug="network/port-unmapped",
        detail=f"it listens on port {inside} of the container, and no port of this machine leads there",
        hint=f'add it to `port-mapping`: "8000:{inside}"',
    )


async def _stop(docker: Docker, identity: str, *, remove: bool) -> None:
    """Stop a container; raises `NetworkError` for one that runs on. One that is gone is as it should be."""
    words, seconds = ("stop", "-t", str(STOP_SECONDS), identity), STOP_SECONDS * 3
    done = await docker.run(*words, seconds=seconds)
    if done.status != 0 and await runs_in(docker, identity):
        hint = f"`docker kill {identity[:SHORT_ID]}` ends it; then run this again"
        raise refusal(words, done, "stop the container", hint=hint, seconds=seconds)
    if remove:
        await docker.run("rm", "--force", identity)
