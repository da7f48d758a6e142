"""What a remote recipe reaches is shown in the plan, and needs a yes."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.plan import Plan, plan_from_json, plan_to_json
from orchestrator.core.principal import ANONYMOUS
from orchestrator.core.project import Canister, RecipeReference
from orchestrator.core.recipe_use import Reach, RecipeUse
from orchestrator.engine.agreements import describe_uses, remember_agreements
from orchestrator.engine.consent import require_consent
from orchestrator.engine.recipes import expand_recipes
from orchestrator.engine.session import Session
from orchestrator.engine.verbs import apply, deploy, plan, sync
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
    - { type: plugin, path: plugin.wasm, proxy: none }
"""
REACHING = (
    HARMLESS
    + """\
    - { type: plugin, path: plugin.wasm, name: pay, proxy: aaaaa-aa }
    - { type: script, command: "echo syncing" }
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


async def yes(_plan: Plan) -> bool:
    """Agree to everything."""
    return True


async def test_a_plan_shows_what_a_remote_recipe_reaches(tmp_path: Path, network: MemoryNetwork) -> None:
    """The plan names recipe, step and proxy, also when it is saved, without secrets; its digest is about them."""
    result = await plan(opened(tmp_path, network, REACHING))
    text = render_changes(result.environment, result.digest, result.changes, recipes=result.recipes)
    other = await plan(opened(tmp_path, network, REACHING.replace("aaaaa-aa", str(ANONYMOUS)), address="https://recipes.test/c.hbs"))
    harmless = await plan(opened(tmp_path, network, HARMLESS, address="https://recipes.test/b.hbs"))

    (use,) = result.recipes
    component = hashlib.sha256(component_that_returns_ok()).hexdigest()
    assert use.reaches == (Reach(step=2, name="pay", proxy="aaaaa-aa", component=component),)
    assert (use.build_commands, use.sync_commands) == (2, 1)
    assert plan_from_json(plan_to_json(result)) == result
    assert "  api: https://***@recipes.test/a.hbs (SHA-256 " in text
    assert "runs 2 commands to build and 1 command to sync on this machine" in text
    assert "! sync step 2 `pay` sends its update calls through the proxy `aaaaa-aa`" in text
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
        assert "sync step 2: the proxy `aaaaa-aa`" in str(deployed.value.detail)
        assert "hunter2" not in str(deployed.value.detail)


async def test_a_yes_is_enough(tmp_path: Path, network: MemoryNetwork) -> None:
    """Whoever agrees has seen the plan, and is asked once."""
    proposed = await plan(opened(tmp_path, network, REACHING))
    asked: list[Plan] = []

    async def note(shown: Plan) -> bool:
        asked.append(shown)
        return True

    await require_consent(proposed, note)

    assert asked == [proposed]


async def uses_of(session: Session) -> tuple[RecipeUse, ...]:
    """Return what the recipes of a session's canisters do when every step runs."""
    canisters = await expand_recipes(session, session.environment.canisters)
    return await describe_uses(session, canisters, {each.name: range(1, len(each.sync) + 1) for each in canisters})


async def agreed(session: Session) -> list[str | None]:
    """Return the days on which somebody agreed to what the recipes of a session reach."""
    return [reach.agreed for use in await uses_of(session) for reach in use.reaches]


async def test_what_was_agreed_to_is_not_asked_again(tmp_path: Path, network: MemoryNetwork) -> None:
    """The plan says when somebody agreed, needs nobody's yes any more, and is the same plan; the file holds no secrets."""
    session = opened(tmp_path, network, REACHING)
    before = await plan(session)
    await remember_agreements(session, before.recipes)

    after = await plan(session)

    await require_consent(after, None)
    assert after.digest == before.digest, "a consent is not a part of the plan"
    today = session.now().date().isoformat()
    text = render_changes(after.environment, after.digest, after.changes, recipes=after.recipes)
    assert f"~ sync step 2 `pay` sends its update calls through the proxy `aaaaa-aa` (agreed on {today})" in text
    kept = json.loads(session.files.agreements.read_text())
    assert [each["recipe"] for each in kept["agreements"]] == ["https://***@recipes.test/a.hbs"]


@pytest.mark.slow
async def test_deployments_ask_once(tmp_path: Path, network: MemoryNetwork) -> None:
    """A no is not remembered, a yes is: then deploy and sync go on with nobody there."""
    session = opened(tmp_path, network, REACHING)
    with pytest.raises(ConsentError):
        await deploy(session, consent=no)
    assert await agreed(session) == [None]

    await deploy(session, consent=yes)
    await sync(session)
    again = await deploy(session)

    assert again.reaching == ()


@pytest.mark.slow
async def test_a_sync_or_a_saved_plan_is_a_consent(tmp_path: Path, network: MemoryNetwork) -> None:
    """Whoever applies a plan has agreed to it; a yes to `sync` counts for deployments, too."""
    session = opened(tmp_path, network, REACHING)
    await apply(session, await plan(session))
    assert await agreed(session) != [None]
    session.files.agreements.unlink()

    await sync(session, consent=yes)

    assert await agreed(session) != [None]


@pytest.mark.parametrize("change", ["template", "plugin", "network"])
async def test_what_changes_is_asked_about_again(tmp_path: Path, network: MemoryNetwork, change: str) -> None:
    """Other bytes of the recipe or of the plugin, and another network, need another yes."""
    session = opened(tmp_path, network, REACHING)
    await remember_agreements(session, await uses_of(session))
    assert None not in await agreed(session)
    if change == "template":
        session = opened(tmp_path, network, REACHING + "# changed\n", address="https://recipes.test/b.hbs")
    elif change == "plugin":
        (tmp_path / "plugin.wasm").write_bytes(component_that_returns_ok() + b"\0\1\0")
    else:
        other = replace(session.environment, network=replace(session.environment.network, name="other"))
        session = replace(session, environment=other)

    assert await agreed(session) == [None]


async def test_an_address_that_changes_is_the_same_recipe(tmp_path: Path, network: MemoryNetwork) -> None:
    """It is the bytes that were agreed to, wherever they come from."""
    session = opened(tmp_path, network, REACHING)
    await remember_agreements(session, await uses_of(session))

    assert await agreed(opened(tmp_path, network, REACHING, address="https://recipes.test/moved.hbs")) != [None]


async def test_a_plugin_that_a_script_makes_is_asked_about_each_time(tmp_path: Path, network: MemoryNetwork) -> None:
    """Nobody knows yet what it will be, so nobody can have agreed to it."""
    template = REACHING.replace("    - { type: plugin, path: plugin.wasm, proxy: none }\n", '    - { type: script, command: "true" }\n')
    session = opened(tmp_path, network, template)

    await remember_agreements(session, await uses_of(session))

    assert await agreed(session) == [None]
    assert not session.files.agreements.exists()


@pytest.mark.parametrize(("template", "address"), [(HARMLESS, URL), (REACHING, "./local.hbs")], ids=["harmless", "local"])
async def test_what_reaches_nobody_is_not_asked_about(tmp_path: Path, network: MemoryNetwork, template: str, address: str) -> None:
    """Steps that name nobody, and recipes of the project itself, need no consent."""
    result = await plan(opened(tmp_path, network, template, address=address))

    assert result.reaching == ()
    await require_consent(result, None)
