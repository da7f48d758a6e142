"""Getting plugins ready while what precedes them runs: components are compiled, and worker processes started.

Nothing is prepared for a step that will not run, and nothing of it is needed: what fails here fails again, and is
told, when the step comes.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.plugins import PluginInputs, component_cache, load_inputs
from orchestrator.engine.session import Session
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.sandbox.pool import WorkerPool
    from orchestrator.sandbox.request import OnPhase, Phase

__all__ = ["PLUGINS_READ_AT_ONCE", "Expected", "Preparation", "plugin_steps", "prepare_plugins"]

Expected = tuple[Canister, PluginStep]


def plugin_steps(canister: Canister, due: Iterable[int]) -> list[Expected]:
    """Return a canister's plugin steps among those with these numbers (from 1)."""
    numbers = set(due)
    return [(canister, step) for index, step in enumerate(canister.sync, 1) if index in numbers and isinstance(step, PluginStep)]


class _Compilation:
    """One component on its way into the cache; `size` is set once it turns out that it has to be compiled."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.size: str | None = None

    def tell(self, phase: "Phase", detail: str) -> None:
        """Take a phase of the preparation."""
        if phase == "compiling":
            self.size = detail


PLUGINS_READ_AT_ONCE = 4
"""How many steps' components are read at once: only then it is known which are the same."""


class Preparation:
    """What is ready, or on its way; inert without a task group, as when nothing precedes the steps."""

    def __init__(self, session: Session | None = None, group: TaskGroup | None = None) -> None:
        """Take the session, and where work goes on beside what precedes the steps."""
        self._session = session
        self._group = group
        self._seen: set[tuple[str, int]] = set()
        self._running: list[_Compilation] = []
        self._compilations: dict[str, _Compilation] = {}
        self._readers = anyio.CapacityLimiter(PLUGINS_READ_AT_ONCE)
        self._copies: dict[str, tuple[bytes, int]] = {}
        self.pool: WorkerPool | None = None

    def expect(self, steps: Iterable[Expected]) -> None:
        """Begin to compile the components of these steps; those that are expected already are left alone."""
        for canister, step in steps:
            key = (canister.name, id(step))
            if self._group is not None and self._session is not None and key not in self._seen:
                self._seen.add(key)
                self._running.append(_Compilation())
                self._group.start_soon(self._compile, self._session, canister, step, self._running[-1])

    async def _compile(self, session: Session, canister: Canister, step: PluginStep, compilation: _Compilation) -> None:
        from orchestrator.sandbox.host import prepare_component

        try:
            async with self._readers:
                inputs = await load_inputs(session, canister, step)
            if inputs.sha256 in self._compilations:
                return
            self._compilations[inputs.sha256] = compilation
            await prepare_component(inputs.component, inputs.sha256, component_cache(session), on_phase=compilation.tell)
        except (OrchestratorError, OSError):
            return  # the step says it, at its place
        finally:
            compilation.done.set()

    @asynccontextmanager
    async def inputs(self, session: Session, canister: Canister, step: PluginStep) -> AsyncIterator[PluginInputs]:
        """Read what a step declares; steps that run one component at the same time share its bytes, which may be many."""
        async with self._readers:
            inputs = await load_inputs(session, canister, step)
        component, users = self._copies.get(inputs.sha256, (inputs.component, 0))
        inputs = replace(inputs, component=component)
        self._copies[inputs.sha256] = component, users + 1
        try:
            yield inputs
        finally:
            _, users = self._copies.pop(inputs.sha256)
            if users > 1:
                self._copies[inputs.sha256] = component, users - 1

    async def wait_all(self) -> None:
        """Wait until nothing is being compiled any more."""
        while running := [each for each in self._running if not each.done.is_set()]:
            await running[0].done.wait()

    async def wait_compiled(self, sha256: str, on_phase: "OnPhase") -> None:
        """Wait for a component that is being compiled, and say so; return at once for any other."""
        compilation = self._compilations.get(sha256)
        if compilation is None or compilation.done.is_set():
            return
        if compilation.size is not None:
            on_phase("compiling", compilation.size)
        await compilation.done.wait()
        on_phase("starting", "")

    @asynccontextmanager
    async def workers(self, steps: Sequence[Expected]) -> AsyncIterator[None]:
        """Keep worker processes ready inside the block, and none more than there are steps."""
        if not steps or self._group is None:
            yield
            return
        from orchestrator.sandbox.pool import WorkerPool

        async with WorkerPool(most=len(steps)) as pool:
            self.pool = pool
            try:
                yield
            finally:
                self.pool = None


@asynccontextmanager
async def prepare_plugins(session: Session) -> AsyncIterator[Preparation]:
    """Open a preparation; what is not finished when the block ends is given up."""
    group = anyio.create_task_group()
    await group.__aenter__()
    try:
        yield Preparation(session, group)
    finally:
        group.cancel_scope.cancel()
        # Not told of the block's own end: the group would wrap it.
        await group.__aexit__(None, None, None)
