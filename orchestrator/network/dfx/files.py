"""What `dfx` writes about its local network, and where.

Source: dfinity/sdk, dfx 0.32.0 (commit 0f64459): `local_server_descriptor.rs`, `provider.rs`, `directories.rs`,
`replica_config.rs` of dfx-core. A project whose `dfx.json` (in its folder or one above) describes a network `local` has
that network's files in `.dfx/network/local` beside it; everybody else shares one network, in the user's data folder.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.network.processes.age import started_before
from orchestrator.network.processes.process import load_birth

__all__ = ["DfxNetwork", "find_dfx_network"]

_NETWORK = "local"
_INSTANCE_DIGITS = 32
_MAX_DIGITS = 10
_MAX_CONFIG_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DfxNetwork:
    """The local network that dfx would use in a project: `shared` with all projects of the user, or the project's."""

    directory: Path
    shared: bool

    def load_pid(self) -> int | None:
        """Return the process of `dfx start` that still runs; one that was born after dfx wrote is another program's."""
        path = self.directory / "pid"
        pid = _load_number(path)
        if pid is None or load_birth(pid) is None:
            return None
        try:
            return pid if started_before(pid, path.stat().st_mtime) else None
        except OSError:
            return None

    def load_port(self) -> int | None:
        """Return the port of its gateway; dfx empties the file until it knows."""
        return _load_number(self.directory / "webserver-port")

    def load_instance(self, root_key: bytes) -> str:
        """Return a text that is the same as long as the network keeps its state: dfx renames a network that starts anew."""
        try:
            name = (self.directory / "network-id").read_bytes()
        except OSError:
            name = b""
        return hashlib.sha256(name + root_key).hexdigest()[:_INSTANCE_DIGITS]

    def load_effective_canister_id(self) -> str | None:
        """Return where dfx has canisters created."""
        document = _load_object(self.directory / "replica-effective-config.json")
        text = document.get("effective_canister_id")
        return text if isinstance(text, str) else None


def find_dfx_network(project_dir: Path, environ: Mapping[str, str], platform: str = sys.platform) -> DfxNetwork:
    """Return the network that `dfx start` in this folder is about, whether it was ever started or not."""
    folder = project_dir.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / "dfx.json").is_file():
            networks = _load_object(candidate / "dfx.json").get("networks")
            if isinstance(networks, dict) and _NETWORK in networks:
                return DfxNetwork(directory=candidate / ".dfx" / "network" / _NETWORK, shared=False)
            break
    return DfxNetwork(directory=_shared_data(environ, platform) / "network" / _NETWORK, shared=True)


def _shared_data(environ: Mapping[str, str], platform: str) -> Path:
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    if platform == "darwin":
        return home / "Library" / "Application Support" / "org.dfinity.dfx"
    chosen = environ.get("XDG_DATA_HOME", "")
    return (Path(chosen) if Path(chosen).is_absolute() else home / ".local" / "share") / "dfx"


def _load_number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS and int(text) > 0 else None


def _load_object(path: Path) -> Mapping[str, object]:
    """Return the JSON object in a file of dfx; one that cannot be read says nothing."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MAX_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
