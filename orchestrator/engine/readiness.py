"""Waiting until a canister answers queries: elsewhere than here, nodes learn of a start or an install one by one."""

import anyio

from orchestrator.core.principal import Principal
from orchestrator.engine.arguments import EMPTY_ARGUMENTS
from orchestrator.engine.run import Run
from orchestrator.errors import AgentError, DeployError, RejectError
from orchestrator.events import Waiting

__all__ = ["PROBE_SECONDS", "READY_SECONDS", "wait_ready"]

READY_SECONDS = 30.0
"""How long a canister may take to answer."""
PROBE_SECONDS = 0.5
"""The time between two probes; two in a row must succeed, because different nodes answer."""
_IN_A_ROW = 2
_PROBE = "<orchestrator readiness probe>"
_STOPPED_CODES = frozenset({"IC0508", "IC0509"})


async def wait_ready(run: Run, canister: str, canister_id: Principal) -> None:
    """Wait until queries reach a running canister; returns at once where the network is ours. Raises `DeployError`."""
    if run.connection.managed:
        return
    started, good = anyio.current_time(), 0
    while good < _IN_A_ROW:
        waited = anyio.current_time() - started
        if waited > READY_SECONDS:
            raise DeployError(
                f"canister `{canister}` ({canister_id}) does not answer queries",
                slug="sync/not-ready",
                detail=f"it was started {READY_SECONDS:.0f} s ago",
                hint="run the deploy again: what is done stays done",
            )
        good = good + 1 if await _answers(run, canister_id) else 0
        if good == 0:
            run.session.emit(Waiting(what="it to answer queries", seconds=waited, canister=canister))
        if good < _IN_A_ROW:
            await run.session.sleep(PROBE_SECONDS)


async def _answers(run: Run, canister_id: Principal) -> bool:
    """Return whether a query reaches the canister: a reject for any reason but its being stopped means yes."""
    try:
        await run.connection.reader.query(canister_id, _PROBE, EMPTY_ARGUMENTS)
    except RejectError as error:
        if error.error_code is not None:
            return error.error_code not in _STOPPED_CODES
        return not any(text in error.message for text in ("is stopped", "is stopping"))
    except AgentError:
        return False
    return True
