"""Commands that only look use what nobody has pinned, say so, and write nothing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, Environment, PrebuiltStep, RecipeReference
from orchestrator.engine.authoring.recipe_addresses import load_recipe
from orchestrator.engine.building import wanted_module
from orchestrator.engine.pins import Pinned, Pinning, open_lock_file, tell_warnings
from orchestrator.engine.recipes import expand_recipes
from orchestrator.engine.session import Session
from orchestrator.engine.showing import expand_project
from orchestrator.engine.sources import load_remote
from orchestrator.engine.validating import validate_project
from orchestrator.errors import BuildError, Diagnostic, RecipeError, StoreError
from orchestrator.events import Warned
from orchestrator.manifest import Reading
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import served_cache
from tests.support.projects import LOCAL, Recording, make_project, memory_session
from tests.support.recipe_server import recipe_server

pytestmark = pytest.mark.anyio
TEMPLATE = b"build: { steps: [{ type: script, command: 'true' }] }\n"
SHA256 = hashlib.sha256(TEMPLATE).hexdigest()
URL = "https://me:hunter2@recipes.test/a.hbs"


@pytest.fixture
def recording() -> Recording:
    """Return an empty recording."""
    return Recording()


@pytest.fixture
def session(tmp_path: Path, network: MemoryNetwork, recording: Recording) -> Session:
    """Return a session of a project with a recipe of another machine, and with a protected environment."""

    async def serve(_url: str) -> bytes:
        return TEMPLATE

    canister = Canister(name="api", directory=tmp_path, recipe=RecipeReference(address=URL))
    project = make_project(tmp_path, [canister])
    production = Environment(name="production", network=LOCAL, canisters=(canister,), protected=True)
    project = replace(project, environments={**project.environments, "production": production})
    return replace(memory_session(project, network, recording), packages=served_cache(tmp_path / "packages", serve))


def test_files_are_shared(session: Session) -> None:
    """The lock file that these tests look for is the one that commands write."""
    assert open_lock_file(session.layout).path == session.layout.recipe_lock


async def test_showing_pins_nothing(session: Session, recording: Recording) -> None:
    """All environments are shown, the protected one, too; one warning says that the recipe is not pinned and what pins it."""
    shown = await expand_project(session, session.project)

    assert [canister.expanded is None for canister in shown.environments["production"].canisters] == [True]
    assert all(canister.build for environment in shown.environments.values() for canister in environment.canisters)
    (warning,) = recording.of("warning")
    assert isinstance(warning, Warned)
    assert warning.summary == "the recipe `https://***@recipes.test/a.hbs` is not pinned; it runs 1 command of its own on this machine"
    assert "recipe lock" in str(warning.hint)
    assert not session.layout.recipe_lock.exists()
    assert not session.layout.cache.exists()


async def test_showing_uses_the_pin(session: Session, recording: Recording) -> None:
    """What is pinned is compared, and nothing is said."""
    open_lock_file(session.layout).put("recipes", URL, SHA256)
    await expand_project(session, session.project)
    assert recording.of("warning") == []

    open_lock_file(session.layout).put("recipes", URL, "0" * 64)
    with pytest.raises(Exception, match="is not the one that was pinned"):
        await expand_project(session, session.project)


async def test_showing_may_be_locked(session: Session) -> None:
    """With `--locked` what is not pinned is refused, as everywhere."""
    with pytest.raises(StoreError) as caught:
        await expand_project(replace(session, locked=True), session.project)

    assert caught.value.slug == "pins/not-locked"


async def test_validating_tells_what_a_protected_environment_refuses(session: Session) -> None:
    """Another environment that would pin the recipe does not hide that; nothing is written."""
    reading = Reading(project=session.project, errors=(), complete=True)
    found = await validate_project(session, tuple(session.project.environments.values()), reading=reading)

    assert {each.slug for each in found.problems} == {"recipe/unpinned", "pins/not-locked"}
    assert not session.layout.recipe_lock.exists()


async def test_a_contradiction_stays_as_it_is(session: Session) -> None:
    """The manifest's hash counts, which is told once; the lock file is left for somebody to change."""
    file = open_lock_file(session.layout)
    file.put("recipes", URL, "0" * 64)
    before = file.path.read_bytes()
    told: list[Diagnostic] = []
    pins = Pinning(file, tell=told.append, writes=False)

    what = Pinned(kind="recipes", address=URL, stated=SHA256)

    found = [await pins.wanted(what) for _ in range(2)]
    for _ in range(2):
        await pins.follow(what)

    assert found == [SHA256, SHA256]
    assert [(each.slug, "recipe lock" in str(each.hint)) for each in told] == [("pins/contradiction", True)]
    assert file.path.read_bytes() == before


async def test_a_hash_that_no_bytes_have_is_not_pinned(session: Session, recording: Recording) -> None:
    """A `sha256` that is mistyped fails, and leaves the lock file as it was; nothing says that it has been changed."""
    file = open_lock_file(session.layout)
    file.put("recipes", URL, SHA256)
    before = file.path.read_bytes()
    (canister,) = session.project.environments["production"].canisters
    mistyped = replace(canister, recipe=RecipeReference(address=URL, sha256="0" * 64))

    with pytest.raises(RecipeError) as caught:
        await expand_recipes(session, [mistyped])

    assert caught.value.slug == "recipe/checksum"
    assert recording.of("warning") == []
    assert file.path.read_bytes() == before


async def test_a_module_of_other_bytes_is_not_pinned(session: Session, recording: Recording) -> None:
    """The same holds for a pre-built module."""
    file = open_lock_file(session.layout)
    file.put("modules", URL, SHA256)
    before = file.path.read_bytes()
    (canister,) = session.project.environments["production"].canisters
    step = PrebuiltStep(url=URL, sha256="0" * 64)
    pins = Pinning(file, tell=tell_warnings(recording))

    with pytest.raises(BuildError) as caught:
        await load_remote(session, step, wanted_module(canister), pins)

    assert caught.value.slug == "build/checksum"
    assert recording.of("warning") == []
    assert file.path.read_bytes() == before


@pytest.mark.parametrize("inside", [True, False], ids=["project", "nowhere"])
async def test_recipes_that_are_named(session: Session, tmp_path: Path, *, inside: bool) -> None:
    """In a project a recipe that it has not pinned is a warning; the recipe's name holds no secrets; nothing is written."""
    with recipe_server({"/a.hbs?t=hunter2": TEMPLATE}) as server:
        url = f"{server.url}/a.hbs?t=hunter2".replace("http://", "http://me:hunter2@")
        environ = {"ORCHESTRATOR_HOME": str(tmp_path / "home")}
        project = session.project if inside else None
        found = await load_recipe(url, tmp_path, project=project, environ=environ, offline=False)

    assert [each.slug for each in found.warnings] == (["recipe/unpinned"] if inside else [])
    assert "hunter2" not in found.name + "".join(f"{each.summary}{each.hint}" for each in found.warnings)
    assert not session.layout.recipe_lock.exists()
