"""Scripts for Node that talk to a fresh embedded network with a client of somebody else's, and tell what they saw."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.replica_process import running_replica

__all__ = ["run_driver"]

_TIMEOUT_SECONDS = 120


def run_driver(name: str, npm_modules: Path, directory: Path, wasm: bytes) -> dict[str, Any]:
    """Run a script of this folder against a new network, for a canister with these module bytes; returns the JSON it prints."""
    module = directory / "canister.wasm"
    module.write_bytes(wasm)
    with running_replica(directory) as replica:
        script = Path(__file__).parent / name
        command = ["node", str(script), str(npm_modules), replica.url, replica.root_key.hex(), str(module)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result
