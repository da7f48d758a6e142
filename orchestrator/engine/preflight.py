"""Looks at plugin steps before anything is sent: a step that could never start must not leave a half-done deployment.

Every component is looked at, downloaded ones as well, and each but once. What steps behind a script step of the same
canister take from the project is left alone, because the script may make it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import anyio
import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.declarations import find_private, plugin_steps
from orchestrator.engine.declared_forms import check_forms, read_interface
from orchestrator.engine.plugins import at_place, collecting, combined, load_component, load_declared, step_limits
from orchestrator.engine.session import Session
from orchestrator.engine.tasks import run_all
from orchestrator.errors import OrchestratorError, PluginRefusedError

__all__ = ["check_plugins"]


async def check_plugins(session: Session, canisters: Sequence[Canister]) -> None:
    """Read what every plugin step declares and look at its component; raises all that is refused, each with its place.

    In a strict session, what would be warned of is refused.
    """
    checks = _Checks(session)
    await run_all(canisters, checks.check)


class _Checks:
    """The checks of one run: a component that several steps have is looked at once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._verdicts: dict[bytes, PluginRefusedError | str | None] = {}
        self._looking = anyio.Lock()

    async def check(self, canister: Canister) -> None:
        """Check all plugin steps of a canister; raises one error with everything that is refused."""
        refused: list[OrchestratorError] = []
        for step, made_before in plugin_steps(canister):
            with collecting(refused):
                step_limits(self._session, step)
            if made_before or step.path is None:
                await self._check_component(canister, step, refused)
            if made_before:
                directories, _ = await anyio.to_thread.run_sync(load_declared, canister, step, refused, self._session.project.directory)
                if self._session.strict:
                    found = await anyio.to_thread.run_sync(find_private, step, directories)
                    refused += [PluginRefusedError(each.summary, diagnostics=[replace(each, severity="error")]) for each in found]
        if refused:
            raise combined(canister, refused)

    async def _check_component(self, canister: Canister, step: PluginStep, refused: list[OrchestratorError]) -> None:
        async with self._session.limiter:  # so that there are not too many downloads, and components in memory, at once
            component = await load_component(self._session, canister, step, refused)
            if component is None:
                return
            async with self._looking:
                digest = await anyio.to_thread.run_sync(lambda: hashlib.sha256(component).digest())
                if digest not in self._verdicts:
                    self._verdicts[digest] = await anyio.to_thread.run_sync(_verdict, component)
        verdict = self._verdicts[digest]
        if isinstance(verdict, PluginRefusedError):
            refused.append(at_place(verdict, step.span))
            return
        with collecting(refused, step.span):
            check_forms(step, verdict)


def _verdict(component: bytes) -> PluginRefusedError | str | None:
    """Return why a component is refused, or the version of its interface, if it can be told."""
    try:
        return read_interface(component)
    except PluginRefusedError as error:
        return error
