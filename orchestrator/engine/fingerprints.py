"""Whether a sync step has anything to do: a hash over all that it could see, compared with its last success."""

import hashlib
import json
from pathlib import Path

import anyio.to_thread

from orchestrator.core.observed import ObservedCanister
from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.plugins import PluginInputs, load_inputs
from orchestrator.engine.ports import Connection
from orchestrator.engine.routing import route_step
from orchestrator.engine.session import Session
from orchestrator.engine.stores import Stores

__all__ = ["due_steps", "fingerprint", "step_key"]

_DOMAIN = "icp-orchestrator sync step 1"
_KEYS = ("dirs", "files", "name", "proxy", "timeout", "compute", "memory", "max_cycles")


def step_key(index: int, step: PluginStep) -> str:
    """Return what a step's record is kept under: its own name, or its number (from 1)."""
    return f"name:{step.name}" if step.name else f"index:{index}"


async def due_steps(
    session: Session,
    connection: Connection | None,
    stores: Stores | None,
    canister: Canister,
    present: ObservedCanister | None,
    artifact: str | None,
    *,
    everything: bool,
) -> tuple[int, ...]:
    """Return the numbers (from 1) of the sync steps that a deploy must run.

    A step with `run: changed` need not run when its fingerprint is that of its last success. `artifact` is the module
    that is installed when the step runs, in hex, if the deploy brings one.
    """
    if everything or connection is None or stores is None or present is None:
        return tuple(range(1, len(canister.sync) + 1))
    known = stores.sync_records.load(canister.name)
    due: list[int] = []
    for index, step in enumerate(canister.sync, 1):
        if isinstance(step, PluginStep) and step.run == "changed" and (last := known.get(step_key(index, step))) is not None:
            inputs = await load_inputs(session, canister, step)
            proxy = route_step(session, stores.ids.load(), step)
            current = await fingerprint(connection, step, inputs, present.id, artifact or present.module_hash, proxy)
            if current == last:
                continue
        due.append(index)
    return tuple(due)


async def fingerprint(
    connection: Connection, step: PluginStep, inputs: PluginInputs, canister_id: Principal, module_hash: str | None, proxy: Principal | None
) -> str:
    """Hash component, keys, declared contents, canister, module, identity and proxy; lower-case hex."""
    contents = await anyio.to_thread.run_sync(_hash_contents, inputs)
    document = {
        "domain": _DOMAIN,
        "component": inputs.sha256,
        "keys": {key: _plain(getattr(step, key)) for key in _KEYS},
        "contents": contents,
        "canister_id": str(canister_id),
        "instance_id": connection.instance_id,
        "module_hash": module_hash,
        "identity": str(connection.identity),
        "proxy": str(proxy) if proxy is not None else None,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _hash_contents(inputs: PluginInputs) -> list[list[str]]:
    """List every declared file as (entry, path below it, hash), sorted."""
    rows = [["file", file.name, hashlib.sha256(file.content.encode()).hexdigest()] for file in inputs.files]
    for directory in inputs.directories:
        found = sorted(directory.host.rglob("*"))
        rows += [[directory.guest, path.relative_to(directory.host).as_posix(), _hash_file(path)] for path in found]
    return rows


def _hash_file(path: Path) -> str:
    """Hash a file's bytes; a link is its target's text, a folder is only there."""
    if path.is_symlink():
        return f"link:{path.readlink()}"
    if not path.is_file():
        return "folder"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
