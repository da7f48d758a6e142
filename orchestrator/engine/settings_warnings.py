"""What of a canister's settings a plan cannot bring about, told once per plan."""

from orchestrator.core.diff import Desired, DesiredCanister
from orchestrator.core.observed import Observed, ObservedSettings
from orchestrator.core.settings import SettingsUpdate, plan_settings
from orchestrator.engine.session import Session
from orchestrator.events import Warned

__all__ = ["warn_of_settings"]


def warn_of_settings(session: Session, desired: Desired, observed: Observed) -> None:
    """Name controllers that stay although the manifest leaves them out, and settings that the network does not have."""
    for canister in desired.canisters:
        present = observed.canisters.get(canister.name)
        born = ObservedSettings(controllers=frozenset({desired.manager} if desired.manager is not None else ()))
        update = plan_settings(
            canister.settings,
            present.settings if present is not None else born,
            ids=observed.ids,
            variables={},
            manager=desired.manager,
            fresh=present is None,
        )
        _warn(session, canister, update)


def _warn(session: Session, canister: DesiredCanister, update: SettingsUpdate) -> None:
    if update.kept is not None:
        session.emit(
            Warned(
                slug="deploy/own-controller",
                summary=f"{update.kept} stays a controller of canister `{canister.name}`, though its `controllers` leave it out",
                canister=canister.name,
                hint=f"add {update.kept} to `controllers`; or deploy as another controller, which then removes it",
            )
        )
    for name in update.unknown:
        session.emit(
            Warned(
                slug="deploy/unknown-setting",
                summary=f"network `{session.environment.network.name}` does not tell `{name}` of canister `{canister.name}`: it is left out",
                canister=canister.name,
            )
        )
