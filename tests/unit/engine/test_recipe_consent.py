"""What a remote recipe reaches is shown in the plan, and needs a yes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.plan import Plan, plan_from_json, plan_to_json
from orchestrator.core.principal import ANONYMOUS
from orchestrator.core.project import Canister, RecipeReference
from orchestrator.core.recipe_use import Reach
from orchestrator.engine.consent import require_consent
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import deploy, plan, sync
from orchestrator.errors import ConsentError
from orchestrator.ui.plans import render_changes
from tests.support.components import component_that_returns_ok
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import served_cache
from tests.support.projects import Recording, make_project, make_wasm, memory_session

pytestmark = pytest.mark.anyio
HARMLESS = """\
build:
  steps:
    - { type: script, commands: ["echo building", 'cp a.wasm "$ICP_WASM_OUTPUT_PATH"'] }
sync:
  steps:
    - { type: script, command: "echo syncing" }
    - { type: plugin, path: plugin.wasm, proxy: none }
"""
REACHING = (
    HARMLESS
    + """\
    - { type: plugin, path: plugin.wasm, name: pay, proxy: aaaaa-aa }
"""
)
URL = "https://me:hunter2@recipes.test/a.hbs"


def opened(directory: Path, network: MemoryNetwork, template: str, *, address: str = URL) -> Session:
    """Return a session of a project whose canister has a recipe."""

    async def serve(_url: str) -> bytes:
        return template.encode()

    (directory / "a.wasm").write_bytes(make_wasm("a"))
    (directory / "plugin.wasm").write_bytes(component_that_returns_ok())
    (directory / "local.hbs").write_text(template)
    canister = Canister(name="api", directory=directory, recipe=RecipeReference(address=address))
    session = memory_session(make_project(directory, [canister]), network, Recording())
    return replace(session, packages=served_cache(directory / "packages", serve))


async def no(_plan: Plan) -> bool:
    """Agree to nothing."""
    return False


async def test_a_plan_shows_what_a_remote_recipe_reaches(tmp_path: Path, network: MemoryNetwork) -> None:
    """The plan names recipe, step and proxy, also when it is saved, without secrets; its digest is about them."""
    result = await plan(opened(tmp_path, network, REACHING))
    text = render_changes(result.environment, result.digest, result.changes, recipes=result.recipes)
    other = await plan(opened(tmp_path, network, REACHING.replace("aaaaa-aa", str(ANONYMOUS)), address="https://recipes.test/c.hbs"))
    harmless = await plan(opened(tmp_path, network, HARMLESS, address="https://recipes.test/b.hbs"))

    (use,) = result.recipes
    assert use.reaches == (Reach(step=3, name="pay", proxy="aaaaa-aa"),)
    assert (use.build_commands, use.sync_commands) == (2, 1)
    assert plan_from_json(plan_to_json(result)) == result
    assert "  api: https://***@recipes.test/a.hbs (SHA-256 " in text
    assert "runs 2 commands to build and 1 command to sync on this machine" in text
    assert "! sync step 3 `pay` sends its update calls through the proxy `aaaaa-aa`" in text
    assert harmless.reaching == ()
    assert result.digest != other.digest


@pytest.mark.parametrize("consent", [None, no], ids=["nobody", "declined"])
async def test_without_consent_nothing_is_sent(tmp_path: Path, network: MemoryNetwork, consent: Callable[[Plan], object] | None) -> None:
    """Neither deploy nor sync go on when nobody agrees."""
    session = opened(tmp_path, network, REACHING)

    with pytest.raises(ConsentError) as deployed:
        await deploy(session, consent=consent)  # type: ignore[arg-type]  # one of the two above
    with pytest.raises(ConsentError) as synced:
        await sync(session, consent=consent)  # type: ignore[arg-type]  # the same

    assert network.updates == []
    expected = "deploy/recipe-consent" if consent is None else "deploy/declined"
    assert {deployed.value.slug, synced.value.slug} == {expected}
    if consent is None:
        assert "sync step 3: the proxy `aaaaa-aa`" in str(deployed.value.detail)
        assert "hunter2" not in str(deployed.value.detail)


async def test_a_yes_is_enough(tmp_path: Path, network: MemoryNetwork) -> None:
    """Whoever agrees has seen the plan, and is asked once."""
    proposed = await plan(opened(tmp_path, network, REACHING))
    asked: list[Plan] = []

    async def yes(shown: Plan) -> bool:
        asked.append(shown)
        return True

    await require_consent(proposed, yes)

    assert asked == [proposed]


@pytest.mark.parametrize(("template", "address"), [(HARMLESS, URL), (REACHING, "./local.hbs")], ids=["harmless", "local"])
async def test_what_reaches_nobody_is_not_asked_about(tmp_path: Path, network: MemoryNetwork, template: str, address: str) -> None:
    """Steps that name nobody, and recipes of the project itself, need no consent."""
    result = await plan(opened(tmp_path, network, template, address=address))

    assert result.reaching == ()
    await require_consent(result, None)
