"""Getting plugins ready: what is shared, and for how long."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import PluginStep
from orchestrator.engine.preparing import Preparation
from orchestrator.engine.session import Session, open_session
from orchestrator.manifest import load_project
from tests.support.components import component_that_returns_ok

pytestmark = pytest.mark.anyio
MANIFEST = """
canisters:
  - name: a
    build: {steps: [{type: pre-built, path: a.wasm}]}
    sync: {steps: [{type: plugin, path: one.wasm}, {type: plugin, path: two.wasm}, {type: plugin, path: other.wasm}]}
"""


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Open a session of a project with three plugin steps, two of which run the same component."""
    (tmp_path / "icp.yaml").write_text(MANIFEST, encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / f"{name}.wasm").write_bytes(component_that_returns_ok())
    (tmp_path / "other.wasm").write_bytes(component_that_returns_ok() + b"\x00\x02\x01x")
    return open_session(load_project(tmp_path), verb="sync", environ={})


async def test_steps_that_run_at_the_same_time_share_a_component(session: Session) -> None:
    """The bytes of one component are in memory once, however many steps run it, and no longer than the last of them."""
    preparation = Preparation()
    (canister,) = session.environment.canisters
    one, two, other = (step for step in canister.sync if isinstance(step, PluginStep))

    async with preparation.inputs(session, canister, one) as first:
        async with preparation.inputs(session, canister, two) as second, preparation.inputs(session, canister, other) as third:
            assert second.component is first.component
            assert third.component != first.component
        async with preparation.inputs(session, canister, two) as again:
            assert again.component is first.component
    async with preparation.inputs(session, canister, one) as later:
        assert later.component is not first.component
        assert later == replace(first, component=later.component)


async def test_a_cancelled_step_shares_no_more(session: Session) -> None:
    """However a step ends, its copy is given up."""
    preparation = Preparation()
    (canister,) = session.environment.canisters
    step = next(step for step in canister.sync if isinstance(step, PluginStep))

    with anyio.move_on_after(0) as scope:
        async with preparation.inputs(session, canister, step):
            await anyio.sleep_forever()
    with anyio.CancelScope() as second:
        async with preparation.inputs(session, canister, step) as inputs:
            second.cancel()
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    async with preparation.inputs(session, canister, step) as later:
        assert later.component is not inputs.component
