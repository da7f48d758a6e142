"""Installing a module: a running canister is stopped for it, and started again whatever happens."""

from dataclasses import dataclass
from shlex import quote

import anyio

from orchestrator.core.diff import argument_hash
from orchestrator.core.principal import Principal
from orchestrator.engine.ports import InstallMode, NetworkPort
from orchestrator.engine.run import Run
from orchestrator.errors import OrchestratorError
from orchestrator.events import Warned
from orchestrator.store import InstallRecord

__all__ = ["RESTART_SECONDS", "Installation", "apply_install"]

# How long an interrupted or failed upgrade goes on trying to start the canister that it stopped.
RESTART_SECONDS = 30.0
_PERSISTENCE_SECTION = "enhanced-orthogonal-persistence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One install: `module_hash` names the stored module, `previous` is the hash of the installed one, both hex."""

    canister: str
    canister_id: Principal
    mode: InstallMode
    module_hash: str
    argument: bytes
    previous: str | None
    running: bool


async def apply_install(run: Run, installation: Installation) -> None:
    """Stop (if it runs), install, start; then keep what was installed, which is what "unchanged" means next time."""
    wasm = await anyio.to_thread.run_sync(run.stores.artifacts.load, installation.module_hash)
    keep = await _keeps_memory(run, installation)
    facts = {
        "canister_id": str(installation.canister_id),
        "module_hash": installation.module_hash,
        "argument_hash": argument_hash(installation.argument),
        "previous_module_hash": installation.previous,
    }
    restart = installation.running and installation.mode != "install"
    with run.recorder.operation(installation.canister, installation.mode, **facts) as operation:
        port = run.port(operation)
        installed = False
        try:
            if restart:
                await port.stop(installation.canister_id)
            await port.install(installation.canister_id, wasm, installation.argument, installation.mode, keep_memory=keep)
            _keep_record(run, installation)
            installed = True
        finally:
            if restart and not installed:
                await _restart(run, port, installation)
        if restart:
            await port.start(installation.canister_id)


async def _keeps_memory(run: Run, installation: Installation) -> bool:
    """Return whether the installed module keeps its main memory over upgrades: the network then wants that said."""
    if installation.mode != "upgrade":
        return False
    return await run.connection.reader.metadata(installation.canister_id, _PERSISTENCE_SECTION) is not None


def _keep_record(run: Run, installation: Installation) -> None:
    record = InstallRecord(
        canister_id=str(installation.canister_id),
        module_hash=installation.module_hash,
        argument_hash=argument_hash(installation.argument),
    )
    run.stores.records.write(installation.canister, record)
    if installation.mode != "upgrade":
        run.stores.sync_records.forget(installation.canister)


async def _restart(run: Run, port: NetworkPort, installation: Installation) -> None:
    """Start the canister again although its upgrade failed or was interrupted."""
    try:
        with anyio.fail_after(RESTART_SECONDS, shield=True):
            await port.start(installation.canister_id)
    except (OrchestratorError, TimeoutError) as error:
        run.session.emit(
            Warned(
                slug="deploy/left-stopped",
                summary=f"canister `{installation.canister}` could not be started after its upgrade failed",
                canister=installation.canister,
                hint=f"run `orchestrator canister start {quote(installation.canister)} --env {run.session.environment.name}` ({error})",
            )
        )
