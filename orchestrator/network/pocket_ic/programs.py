"""Where the programs of PocketIC are: the network launcher of icp-cli, or the PocketIC server itself.

Looked for in this order: the path in `ICP_CLI_NETWORK_LAUNCHER_PATH`, the path in `POCKET_IC_BIN`, the launcher and the
server on PATH, the launchers that icp-cli has downloaded.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.processes.commands import find_program

__all__ = ["LAUNCHER_NAME", "LAUNCHER_VARIABLE", "SERVER_NAMES", "SERVER_VARIABLE", "PocketIc", "find_pocket_ic"]

LAUNCHER_VARIABLE = "ICP_CLI_NETWORK_LAUNCHER_PATH"
SERVER_VARIABLE = "POCKET_IC_BIN"
LAUNCHER_NAME = "icp-cli-network-launcher"
SERVER_NAMES = ("pocket-ic", "pocket-ic-server")
"""The server refuses to run under any other name."""
VERSION_SECONDS = 10.0
"""How long a program may take to tell its version."""
_RELEASES = "https://github.com/dfinity/icp-cli-network-launcher/releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class PocketIc:
    """A program that runs PocketIC, and how it was found."""

    kind: Literal["launcher", "server"]
    path: Path
    source: str


def find_pocket_ic(network: ManagedNetwork, environ: Mapping[str, str]) -> PocketIc:
    """Return what runs PocketIC on this machine, in the version that the network asks for.

    Raises `NetworkError`: nothing is installed, a variable leads nowhere, or no version fits.
    """
    wanted = network.features.version
    candidates = tuple(_candidates(environ))
    if not candidates:
        raise _missing(network)
    if wanted is None:
        return candidates[0]
    versions = {candidate: _load_version(candidate, environ) for candidate in candidates}
    for candidate, version in versions.items():
        if version == wanted:
            return candidate
    raise _other_version(network, wanted, {candidate.path: version for candidate, version in versions.items()})


def _candidates(environ: Mapping[str, str]) -> Iterator[PocketIc]:
    if given := environ.get(LAUNCHER_VARIABLE):
        yield PocketIc(kind="launcher", path=_require_executable(given, LAUNCHER_VARIABLE), source=LAUNCHER_VARIABLE)
    if given := environ.get(SERVER_VARIABLE):
        path = _require_executable(given, SERVER_VARIABLE)
        if path.name not in SERVER_NAMES:
            raise _misnamed(path)
        yield PocketIc(kind="server", path=path, source=SERVER_VARIABLE)
    if found := find_program(LAUNCHER_NAME, environ):
        yield PocketIc(kind="launcher", path=found, source="PATH")
    for name in SERVER_NAMES:
        if found := find_program(name, environ):
            yield PocketIc(kind="server", path=found, source="PATH")
    for path in _downloaded(environ):
        yield PocketIc(kind="launcher", path=path, source="icp-cli's downloads")


def _downloaded(environ: Mapping[str, str]) -> list[Path]:
    """Return the launchers that icp-cli has downloaded, the newest first."""
    from orchestrator.agent.identities import icp_data_directory

    folder = icp_data_directory(environ, Path(environ["HOME"]) if environ.get("HOME") else None) / "pkg" / "network-launcher"
    found = [path for path in folder.glob(f"v*/{LAUNCHER_NAME}") if os.access(path, os.X_OK)]
    return sorted(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.parent.name)], reverse=True)


def _require_executable(text: str, variable: str) -> Path:
    path = Path(text)
    if path.is_file() and os.access(path, os.X_OK):
        return path.absolute()
    raise NetworkError(
        f"`{text}` is not a program",
        slug="network/launcher-missing",
        detail=f"the environment variable {variable} says that it is",
        hint=f"correct {variable}, or unset it to have the program looked for on PATH",
    )


def _load_version(program: PocketIc, environ: Mapping[str, str]) -> str | None:
    """Return what a program says its version is; `None` when it says nothing of use."""
    try:
        done = subprocess.run(
            [program.path, "--version"], capture_output=True, text=True, check=False, timeout=VERSION_SECONDS, env=dict(environ)
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    return words[-1].removeprefix("v") if done.returncode == 0 and words else None


def _missing(network: ManagedNetwork) -> NetworkError:
    release = f"/tag/v{network.features.version}" if network.features.version else "/latest"
    return NetworkError(
        f"network `{network.name}` needs PocketIC, which is not installed",
        slug="network/launcher-missing",
        detail=f"neither `{LAUNCHER_NAME}` nor `{SERVER_NAMES[0]}` is on PATH, and icp-cli has not downloaded the former",
        span=network.span,
        hint=f"unpack the archive for this machine from {_RELEASES}{release} (PocketIC is in it), and put its folder on PATH or the "
        f"program's path into {LAUNCHER_VARIABLE}; or have icp-cli fetch it: `npm install --global @icp-sdk/icp-cli && icp network update`",
    )


def _misnamed(path: Path) -> NetworkError:
    names = " or ".join(f"`{name}`" for name in SERVER_NAMES)
    return NetworkError(
        f"the PocketIC server must be called {names}, not `{path.name}`",
        slug="network/launcher-missing",
        detail="it refuses to run under another name",
        hint=f"rename the file, and {SERVER_VARIABLE} with it",
    )


def _other_version(network: ManagedNetwork, wanted: str, found: Mapping[Path, str | None]) -> NetworkError:
    present = "\n".join(f"{path}: {version or 'does not tell its version'}" for path, version in found.items())
    return NetworkError(
        f"network `{network.name}` asks for version {wanted} of PocketIC, which is not installed",
        slug="network/launcher-version",
        detail=f"there is\n{present}",
        span=network.span,
        hint=f"get it from {_RELEASES}/tag/v{wanted}, or write another `version`",
    )
