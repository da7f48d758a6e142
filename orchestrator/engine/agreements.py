"""What remote recipes do in a run, and which of it somebody has agreed to before."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep
from orchestrator.core.recipe_use import Reach, RecipeUse, describe_use
from orchestrator.engine.declarations import plugin_steps
from orchestrator.engine.session import Session
from orchestrator.store.agreements import Agreement, AgreementStore
from orchestrator.store.download import MAX_DOWNLOAD_BYTES
from orchestrator.store.regular_file import read_regular

__all__ = ["describe_uses", "remember_agreements"]


async def describe_uses(session: Session, canisters: Sequence[Canister], due: Mapping[str, Sequence[int]]) -> tuple[RecipeUse, ...]:
    """Return what the remote recipes of expanded canisters do; `due` are the numbers (from 1) of the sync steps to run, by canister.

    Raises `StoreError` where it cannot be read what was agreed to.
    """
    found = [(canister, describe_use(canister, tuple(due[canister.name]))) for canister in canisters]
    uses = [(canister, use) for canister, use in found if use is not None]
    if not any(use.reaches for _, use in uses):
        return tuple(use for _, use in uses)
    return await anyio.to_thread.run_sync(_look_up, session, uses)


async def remember_agreements(session: Session, uses: Iterable[RecipeUse]) -> None:
    """Keep that somebody agreed to what these recipes reach, but for plugins of which nobody knows yet what they are."""
    today = session.now().date().isoformat()
    agreements = [
        _agreement(session, use, reach, reach.component, today) for use in uses for reach in use.unagreed if reach.component is not None
    ]
    if agreements:
        await anyio.to_thread.run_sync(_store(session).add, agreements)


def _look_up(session: Session, uses: Sequence[tuple[Canister, RecipeUse]]) -> tuple[RecipeUse, ...]:
    known = _store(session).load()

    def looked_up(canister: Canister, use: RecipeUse, reach: Reach) -> Reach:
        component = _component(canister, reach.step)
        agreed = None if component is None else known.get(_agreement(session, use, reach, component, ""))
        return replace(reach, component=component, agreed=agreed)

    return tuple(replace(use, reaches=tuple(looked_up(canister, use, reach) for reach in use.reaches)) for canister, use in uses)


def _component(canister: Canister, number: int) -> str | None:
    """Return the SHA-256 of a step's plugin as it will be used; `None` for a file that is not there, or that a script may make before."""
    step = canister.sync[number - 1]
    if not isinstance(step, PluginStep):
        return None
    if step.sha256 is not None:
        return step.sha256.lower()  # whatever is loaded is compared with it
    made_before = any(each is step and before for each, before in plugin_steps(canister))
    if step.path is None or not made_before:
        return None
    try:
        return hashlib.sha256(read_regular(step.path, MAX_DOWNLOAD_BYTES, follow_link=True)).hexdigest()
    except OSError:
        return None


def _agreement(session: Session, use: RecipeUse, reach: Reach, component: str, day: str) -> Agreement:
    return Agreement(
        network=session.environment.network.name,
        canister=use.canister,
        sha256=use.sha256,
        step=reach.name,
        component=component,
        proxy=reach.proxy,
        canisters=reach.canisters,
        recipe=use.recipe,
        agreed=day,
    )


def _store(session: Session) -> AgreementStore:
    return AgreementStore(path=session.files.agreements)
