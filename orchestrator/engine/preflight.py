"""Looks at plugin steps before anything is sent: a step that could never start must not leave a half-done deployment.

Steps behind a script step of the same canister are left alone, because the script may make what they need;
so are components that have to be downloaded.
"""

from collections.abc import Iterator, Sequence

import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.plugins import load_inputs
from orchestrator.engine.session import Session
from orchestrator.engine.tasks import run_all
from orchestrator.errors import PluginRefusedError

__all__ = ["check_component", "check_plugins"]


async def check_plugins(session: Session, canisters: Sequence[Canister]) -> None:
    """Read what every plugin step declares and look at its component; raises all that is refused, each with its place."""

    async def check(canister: Canister) -> None:
        for step in _ready_steps(canister):
            inputs = await load_inputs(session, canister, step)
            await anyio.to_thread.run_sync(check_component, step, inputs.component)

    await run_all(canisters, check)


def check_component(step: PluginStep, component: bytes) -> None:
    """Refuse bytes that are no plugin for this host, at the step's place in the manifest."""
    from orchestrator.sandbox.component import inspect_component

    try:
        inspect_component(component)
    except PluginRefusedError as error:
        raise PluginRefusedError(error.summary, slug=error.slug, detail=error.detail, span=step.span, hint=error.hint) from error


def _ready_steps(canister: Canister) -> Iterator[PluginStep]:
    """Yield the plugin steps whose inputs must be there before the first sync step runs."""
    for step in canister.sync:
        if not isinstance(step, PluginStep):
            return
        if step.path is not None:
            yield step
