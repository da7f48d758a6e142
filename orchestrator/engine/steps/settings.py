"""Bringing a canister's settings and environment variables to what the project says, in one call."""

from orchestrator.core.principal import Principal
from orchestrator.core.settings import SettingsUpdate
from orchestrator.engine.run import Run
from orchestrator.events import Warned

__all__ = ["apply_settings"]


async def apply_settings(run: Run, canister: str, canister_id: Principal, update: SettingsUpdate) -> None:
    """Send one update with everything that differs; controllers without an id yet are named in a warning."""
    for name in update.unresolved:
        run.session.emit(
            Warned(
                slug="deploy/unresolved-controller",
                summary=f"controller `{name}` of canister `{canister}` has no id in this environment yet",
                canister=canister,
                hint=f"deploy `{name}`, then deploy `{canister}` again",
            )
        )
    if update.empty:
        return
    with run.recorder.operation(canister, "settings", canister_id=str(canister_id)) as operation:
        await run.port(operation).update_settings(canister_id, update)
