"""Whether a sync step has anything to do: a hash over all that it could see, compared with its last success."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import anyio.to_thread

from orchestrator.core.observed import ObservedCanister
from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep, ScriptStep, SyncStep
from orchestrator.engine.contents import hash_folder
from orchestrator.engine.plugins import PluginInputs, load_inputs
from orchestrator.engine.ports import Connection
from orchestrator.engine.routing import proxy_canister, route_step
from orchestrator.engine.session import Session
from orchestrator.engine.stores import Stores

__all__ = ["ScriptView", "StepView", "describe_due", "due_steps", "fingerprint", "fingerprint_script", "step_key"]

_DOMAIN = "icp-orchestrator sync step 2"
_SCRIPT_DOMAIN = "icp-orchestrator sync script 1"
_KEYS = ("dirs", "files", "dir_keys", "file_keys", "fields", "canisters", "name", "proxy", "timeout", "compute", "memory", "max_cycles")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """What a step can see besides its session: `module_hash` (hex) is the installed module's, `proxy` its updates' way.

    `canister_ids` are those of the environment.
    """

    step: PluginStep
    inputs: PluginInputs
    canister_id: Principal
    module_hash: str | None
    proxy: Principal | None
    canister_ids: Mapping[str, Principal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptView:
    """What a script is told; which files it reads nobody knows. `module_hash` (hex) is the installed module's."""

    step: ScriptStep
    canister_id: Principal
    module_hash: str | None
    canister_ids: Mapping[str, Principal]


def step_key(index: int, step: SyncStep) -> str:
    """Return what a step's record is kept under: its own name, or its number (from 1)."""
    return f"name:{step.name}" if isinstance(step, PluginStep) and step.name else f"index:{index}"


async def due_steps(
    session: Session,
    connection: Connection | None,
    stores: Stores | None,
    canister: Canister,
    present: ObservedCanister | None,
    artifact: str | None,
    *,
    everything: str | None,
    creating: bool,
) -> dict[int, str]:
    """Return the numbers (from 1) of the sync steps that a deploy must run, and why; `everything` is why all must.

    A step with `run: changed` need not run when its fingerprint is that of its last success. `artifact` is the module
    that is installed when the step runs, in hex, if the deploy brings one; when it is `creating` canisters of the
    environment, what is told their ids has not seen them.
    """
    if everything is not None or connection is None or stores is None or present is None:
        return dict.fromkeys(range(1, len(canister.sync) + 1), everything or "a new canister")
    known = stores.sync_records.load(canister.name)
    due: dict[int, str] = {}
    for index, step in enumerate(canister.sync, 1):
        if step.run == "always":
            due[index] = "`run: always`"
        elif (last := known.get(step_key(index, step))) is None:
            due[index] = "no success so far"
        elif await _present(session, connection, stores, canister, step, present, artifact, creating=creating) != last:
            due[index] = "something that it sees has changed"
    return due


async def _present(
    session: Session,
    connection: Connection,
    stores: Stores,
    canister: Canister,
    step: SyncStep,
    present: ObservedCanister,
    artifact: str | None,
    *,
    creating: bool,
) -> str | None:
    """Return a step's fingerprint as it is now; `None` when it is about to be told the ids of further canisters."""
    if isinstance(step, ScriptStep):
        if creating:
            return None
        module_hash = artifact or present.module_hash
        view = ScriptView(step=step, canister_id=present.id, module_hash=module_hash, canister_ids=stores.ids.load())
        return fingerprint_script(session, connection, view)
    seen = await _view(session, stores, canister, step, present, artifact)
    if seen is None or (creating and _is_told_ids(seen.inputs)):
        return None
    return await fingerprint(session, connection, seen)


def _is_told_ids(inputs: PluginInputs) -> bool:
    """Tell whether a plugin sees the network and the ids of all canisters: those of 0.2 do."""
    return (inputs.interface or "").startswith("0.2.")


def describe_due(canister: Canister, due: Mapping[int, str]) -> str:
    """Return why these steps (numbers from 1) run; different reasons have the numbers of their steps."""
    groups: dict[str, list[int]] = {}
    for index, reason in due.items():
        groups.setdefault(reason, []).append(index)
    if len(groups) == 1:
        return next(iter(groups))
    return "; ".join(
        f"{reason} ({', '.join(_label(index, canister.sync[index - 1]) for index in group)})" for reason, group in groups.items()
    )


def _label(index: int, step: SyncStep) -> str:
    if isinstance(step, PluginStep) and (name := step.name or (step.path.name if step.path is not None else None)):
        return f"`{name}`"
    return f"step {index}"


async def _view(
    session: Session, stores: Stores, canister: Canister, step: PluginStep, present: ObservedCanister, artifact: str | None
) -> StepView | None:
    """Return what a step would see; `None` when its proxy is a canister that is still to be created."""
    ids = stores.ids.load()
    if (name := proxy_canister(session, step)) is not None and name not in ids:
        return None
    return StepView(
        step=step,
        inputs=await load_inputs(session, canister, step),
        canister_id=present.id,
        module_hash=artifact or present.module_hash,
        proxy=route_step(session, ids, step),
        canister_ids=ids,
    )


async def fingerprint(session: Session, connection: Connection, seen: StepView) -> str:
    """Hash all that a step can see, and the identity that it acts as; lower-case hex."""
    inputs, step = seen.inputs, seen.step
    contents = await _hash_contents(inputs)
    document = {
        "domain": _DOMAIN,
        "component": inputs.sha256,
        "keys": {key: _plain(getattr(step, key)) for key in _KEYS},
        "contents": contents,
        "canister_id": str(seen.canister_id),
        "instance_id": connection.instance_id,
        "module_hash": seen.module_hash,
        "identity": str(connection.identity),
        "proxy": str(seen.proxy) if seen.proxy is not None else None,
        "options": session.plugin_options,
        "network": _network(connection, seen) if _is_told_ids(inputs) else None,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def fingerprint_script(session: Session, connection: Connection, seen: ScriptView) -> str:
    """Hash all that a script is told, and the identity that the run has; lower-case hex."""
    document = {
        "domain": _SCRIPT_DOMAIN,
        "commands": list(seen.step.commands),
        "canister_id": str(seen.canister_id),
        "instance_id": connection.instance_id,
        "module_hash": seen.module_hash,
        "identity": str(connection.identity),
        "environment": [session.environment.name, session.environment.network.name],
        "canister_ids": {name: str(principal) for name, principal in seen.canister_ids.items()},
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _network(connection: Connection, seen: StepView) -> list[object]:
    """Return what plugins of 0.2 see of the network and the environment."""
    return [connection.api_url, connection.gateway_url, {name: str(principal) for name, principal in seen.canister_ids.items()}]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


async def _hash_contents(inputs: PluginInputs) -> list[list[str]]:
    """Hash every declared file, and every declared folder with all that is below it; by (entry, hash)."""
    stop = threading.Event()
    rows = [["file", file.name, hashlib.sha256(file.content.encode()).hexdigest()] for file in inputs.files]
    try:
        for directory in inputs.directories:
            hashing = partial(hash_folder, directory.host, identity=directory.inode, stop=stop)
            hashed = await anyio.to_thread.run_sync(hashing, abandon_on_cancel=True)
            rows.append(["dir", directory.guest, hashed])
    finally:
        stop.set()  # whoever was cancelled leaves no thread behind that reads on
    return rows
