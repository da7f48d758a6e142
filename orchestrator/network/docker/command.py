"""The `docker` program: what it is asked for, and what its refusals mean."""

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.core.networks import Container
from orchestrator.errors import NetworkError
from orchestrator.network.processes.commands import Finished, find_program, run_command
from orchestrator.network.runner import Place

__all__ = ["LOOK_SECONDS", "NETWORK_LABEL", "PROJECT_LABEL", "Docker", "refusal", "render_create"]

PROJECT_LABEL = "org.icp-orchestrator.project"
NETWORK_LABEL = "org.icp-orchestrator.network"
INTERFACE_VARIABLE = "ICP_CLI_NETWORK_LAUNCHER_INTERFACE_VERSION=1.0.0"
"""What icp-cli tells images, so that they know what is expected of them."""
ASK_SECONDS = 60.0
"""How long a request to Docker may take that neither fetches an image nor waits for a container."""
LOOK_SECONDS = 10.0
"""How long Docker may take to say what there is; after that a command that only looks goes on without it."""
_NO_DAEMON = ("Cannot connect to the Docker daemon", "error during connect", "permission denied while trying to connect")
_ARCHITECTURES = {"aarch64": "linux/arm64", "arm64": "linux/arm64"}
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """The docker client on the PATH of a place."""

    program: Path
    environ: Mapping[str, str]
    directory: Path

    @classmethod
    def find(cls, place: Place) -> Self | None:
        """Return the client, if there is one."""
        program = find_program("docker", place.settings.environ)
        return None if program is None else cls(program=program, environ=place.settings.environ, directory=place.project_dir)

    @classmethod
    def require(cls, place: Place) -> Self:
        """Return the client, or raise `NetworkError` with where to get it."""
        found = cls.find(place)
        if found is None:
            raise NetworkError(
                f"network `{place.network.name}` needs Docker, which is not installed",
                slug="network/launcher-missing",
                detail="`docker` is not on PATH",
                span=place.network.span,
                hint="install it as https://docs.docker.com/get-docker/ says, or use `launcher: pocket-ic` instead of `image`",
            )
        return found

    async def run(self, *words: str, seconds: float = ASK_SECONDS) -> Finished:
        """Run `docker` with these words; raises `NetworkError` when there is no daemon to talk to."""
        try:
            done = await run_command((str(self.program), *words), environ=self.environ, directory=self.directory, seconds=seconds)
        except OSError as error:
            raise NetworkError(
                f"`{self.program}` cannot be run",
                slug="network/docker-failed",
                detail=error.strerror or str(error),
                hint="`docker info` shows whether it works; install it anew as https://docs.docker.com/get-docker/ says",
            ) from error
        if done.status != 0 and any(sign in done.stderr for sign in _NO_DAEMON):
            raise NetworkError(
                "Docker is installed, but does not run",
                slug="network/docker-daemon",
                detail=done.tail,
                hint="start Docker Desktop, or run `sudo systemctl start docker`; `docker info` tells whether it runs",
            )
        return done

    async def require_success(self, *words: str, what: str, hint: str | None = None, seconds: float = ASK_SECONDS) -> str:
        """Run `docker` and return what it prints; raises `NetworkError` that says what failed."""
        done = await self.run(*words, seconds=seconds)
        if done.status != 0:
            raise refusal(words, done, what, hint=hint, seconds=seconds)
        return done.stdout.strip()

    async def inspect(self, container: str) -> Mapping[str, object] | None:
        """Return what Docker knows about a container, or `None` when there is none of that id."""
        done = await self.run("inspect", "--type", "container", container, seconds=LOOK_SECONDS)
        if done.status != 0:
            return None
        try:
            found = json.loads(done.stdout)
        except ValueError:
            return None
        first = found[0] if isinstance(found, list) and found else None
        return first if isinstance(first, dict) else None


def refusal(words: Sequence[str], done: Finished, what: str, *, hint: str | None, seconds: float) -> NetworkError:
    """Return the error for something that Docker could not do."""
    how = done.tail or (f"no answer within {seconds:g} s" if done.status is None else f"it ended with status {done.status}")
    return NetworkError(f"Docker could not {what}", slug="network/docker-failed", detail=f"`docker {words[0]}`: {how}", hint=hint)


def render_create(place: Place, container: Container, status: Path) -> tuple[str, ...]:
    """Return the words of `docker create` for a network; `status` is this machine's folder for what it says of itself.

    Raises `NetworkError` for a mount that is not there.
    """
    entrypoint, arguments = container.entrypoint[:1], (*container.entrypoint[1:], *container.arguments)
    mounts = [_render_mount(place, text) for text in container.mounts]
    mounts.append(_fields("type=bind", f"source={status}", f"target={container.status_directory}"))
    options = {
        "--label": (f"{PROJECT_LABEL}={place.project_dir}", f"{NETWORK_LABEL}={place.network.name}"),
        "--platform": (container.platform or _ARCHITECTURES.get(platform.machine(), "linux/amd64"),),
        "--publish": tuple(_render_port(text) for text in container.ports),
        "--env": (*container.environment, INTERFACE_VARIABLE),
        "--mount": tuple(mounts),
        "--volume": container.volumes,
        "--add-host": container.extra_hosts,
        "--user": (container.user,) if container.user else (),
        "--shm-size": (str(container.shm_size),) if container.shm_size else (),
        "--entrypoint": entrypoint,
    }
    words = (word for option, values in options.items() for value in values for word in (option, value))
    return ("create", *words, container.image, *arguments)


def _render_port(text: str) -> str:
    """Return a mapping for `--publish`: this machine only, unless it says otherwise; any port for 0."""
    address, _, rest = text.rpartition(":")[0].rpartition(":")
    inside = text.rpartition(":")[2]
    return f"{address or _LOOPBACK}:{'' if rest == '0' else rest}:{inside}/tcp"


def _render_mount(place: Place, text: str) -> str:
    source, _, rest = text.partition(":")
    target, _, flag = rest.partition(":")
    path = place.project_dir / source
    if not path.exists():
        raise NetworkError(
            f"`{source}` cannot be mounted into network `{place.network.name}`",
            slug="network/mount-missing",
            detail=f"there is no `{path}`",
            span=place.network.span,
            hint="make it, or correct `mounts`",
        )
    return _fields("type=bind", f"source={path.resolve()}", f"target={target}", *(("readonly",) if flag == "ro" else ()))


def _fields(*fields: str) -> str:
    """Return fields as Docker reads them: as one line of CSV, so that commas in paths are no separators."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
