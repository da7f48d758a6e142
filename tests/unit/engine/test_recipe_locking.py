"""What `recipe lock` finds in a project, and what it refuses."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import BuildStep, Canister, Environment, PluginStep, PrebuiltStep, RecipeReference
from orchestrator.engine.building import build_canisters
from orchestrator.engine.pins import open_lock_file
from orchestrator.engine.recipe_locking import lock_recipes
from orchestrator.engine.session import Session
from orchestrator.errors import BuildError, OrchestratorError, StoreError, UsageError
from orchestrator.store import Layout
from orchestrator.store.download import DownloadError
from orchestrator.store.lock_file import LockFile
from orchestrator.store.lock_report import PinChange
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import served_cache
from tests.support.projects import LOCAL, Recording, make_project, make_wasm, memory_session

pytestmark = pytest.mark.anyio
A, B = "a" * 64, "b" * 64
URL = "https://files.test/x.wasm"
MODULE = make_wasm("far")
TEMPLATE = f"""\
build: {{ steps: [{{ type: pre-built, url: "https://files.test/{{{{ file }}}}" }}] }}
sync: {{ steps: [{{ type: plugin, url: "https://files.test/p.wasm", sha256: {A} }}] }}
"""


class Files:
    """What is served, by the end of its URL; what is not there is not found."""

    def __init__(self) -> None:
        """Serve a recipe and a module."""
        self.files = {"r.hbs": TEMPLATE.encode(), "x.wasm": MODULE, "y.wasm": MODULE}
        self.asked: list[str] = []

    async def fetch(self, url: str) -> bytes:
        """Answer a download."""
        self.asked.append(url)
        found = self.files.get(url.rpartition("/")[2])
        if found is None:
            raise DownloadError("gone", detail="the server answered 404 Not Found")
        return found


def opened(directory: Path, canisters: Sequence[Canister], files: Files, *environments: Environment) -> Session:
    """Return a session of a project; further environments are added to its own."""
    project = make_project(directory, canisters)
    project = replace(project, environments={**project.environments, **{each.name: each for each in environments}})
    return replace(memory_session(project, MemoryNetwork(), Recording()), packages=served_cache(directory / "packages", files.fetch))


def made(directory: Path, name: str, *build: BuildStep) -> Canister:
    """Return a canister of build steps."""
    return Canister(name=name, directory=directory, build=build)


def cooked(directory: Path, name: str, file: str = "x.wasm") -> Canister:
    """Return a canister of the recipe."""
    return Canister(
        name=name, directory=directory, recipe=RecipeReference(address="https://files.test/r.hbs", configuration={"file": file})
    )


async def test_recipes_modules_and_plugins_are_pinned(tmp_path: Path) -> None:
    """What stands in the manifest and what recipes make is found; what states its hash is not downloaded for it."""
    files = Files()
    stated = made(tmp_path, "stated", PrebuiltStep(url="https://files.test/z.wasm", sha256=B))
    session = opened(tmp_path, [cooked(tmp_path, "api"), stated], files)

    report = await lock_recipes(session)

    pins = open_lock_file(session.layout).load()
    assert pins.modules == {URL: hashlib.sha256(MODULE).hexdigest(), "https://files.test/z.wasm": B}
    assert pins.plugins == {"https://files.test/p.wasm": A}
    assert pins.recipes == {"https://files.test/r.hbs": hashlib.sha256(TEMPLATE.encode()).hexdigest()}
    assert sorted(files.asked) == ["https://files.test/r.hbs", URL]
    assert (report.pins, len(report.changes), report.written) == (4, 4, True)
    assert isinstance(session.emit, Recording)
    assert session.emit.of("warning") == []


async def test_all_environments_count(tmp_path: Path) -> None:
    """What only another, protected environment uses is pinned, too; one environment alone leaves the others' pins."""
    files, local = Files(), cooked(tmp_path, "api")
    session = opened(tmp_path, [local], files)
    network = session.environment.network
    production = Environment(name="production", network=network, canisters=(cooked(tmp_path, "api", "y.wasm"),), protected=True)
    session = opened(tmp_path, [local], files, production)

    await lock_recipes(session, environment="local")
    assert list(open_lock_file(session.layout).load().modules) == [URL]
    await lock_recipes(session)
    both = open_lock_file(session.layout).load()
    await lock_recipes(session, environment="local")

    assert list(both.modules) == [URL, "https://files.test/y.wasm"]
    assert open_lock_file(session.layout).load() == both


class Busy(Files):
    """Files whose server is slow: each time one is asked for, another command pins something."""

    def __init__(self, file: LockFile, pins: int) -> None:
        """Let others change a lock file so many times."""
        super().__init__()
        self.lock = file
        self.left = pins

    async def fetch(self, url: str) -> bytes:
        """Answer when the others are done."""
        if self.left:
            self.left -= 1
            self.lock.add("recipes", f"https://files.test/{self.left}.hbs", B)
        return await super().fetch(url)


async def test_what_others_pin_meanwhile_is_no_hindrance(tmp_path: Path) -> None:
    """The file is put together anew, without downloading anything twice; what nothing uses is removed, whoever pinned it."""
    file = open_lock_file(Layout(tmp_path))
    files = Busy(file, 2)

    report = await lock_recipes(opened(tmp_path, [cooked(tmp_path, "api")], files))

    assert report.written
    assert files.asked == ["https://files.test/r.hbs", URL]
    assert list(file.load().recipes) == ["https://files.test/r.hbs"]


async def test_what_cannot_be_had_is_told_once(tmp_path: Path) -> None:
    """Two environments with the same canister have one problem."""
    canister = made(tmp_path, "api", PrebuiltStep(url="https://files.test/gone.wasm"))
    staging = Environment(name="staging", network=LOCAL, canisters=(canister,))

    with pytest.raises(OrchestratorError) as caught:
        await lock_recipes(opened(tmp_path, [canister], Files(), staging))

    assert caught.value.slug == "build/download"
    assert len(caught.value.diagnostics) == 1


async def test_a_locked_machine_writes_nothing(tmp_path: Path) -> None:
    """Where the environment says that no pin may change, none is written; a check, and a file that is up to date, are fine."""
    session = replace(opened(tmp_path, [cooked(tmp_path, "api")], Files()), locked=True)

    with pytest.raises(StoreError) as caught:
        await lock_recipes(session)
    assert (caught.value.slug, session.layout.recipe_lock.exists()) == ("pins/not-locked", False)
    assert "--check" in str(caught.value.hint)
    assert (await lock_recipes(session, check=True)).changes
    await lock_recipes(replace(session, locked=False))
    assert (await lock_recipes(session)).changes == ()


async def test_a_check_writes_nothing(tmp_path: Path) -> None:
    """The changes are the same, and the file stays away."""
    session = opened(tmp_path, [made(tmp_path, "a", PrebuiltStep(url=URL))], Files())

    report = await lock_recipes(session, check=True)

    change = PinChange(kind="modules", address=URL, before=None, after=hashlib.sha256(MODULE).hexdigest())
    assert (report.changes, report.written) == ((change,), False)
    assert not session.layout.recipe_lock.exists()


async def test_a_project_has_one_hash_for_an_address(tmp_path: Path) -> None:
    """Two steps that pin an address to different hashes cannot both be right."""
    steps = [PrebuiltStep(url=URL, sha256=sha256) for sha256 in (A, B)]
    session = opened(tmp_path, [made(tmp_path, name, step) for name, step in zip("ab", steps, strict=True)], Files())

    with pytest.raises(StoreError) as caught:
        await lock_recipes(session)

    assert caught.value.slug == "pins/contradiction"
    assert not session.layout.recipe_lock.exists()


async def test_a_manifest_corrects_the_file(tmp_path: Path) -> None:
    """A stale pin follows the manifest's hash."""
    session = opened(tmp_path, [Canister(name="a", directory=tmp_path, sync=(PluginStep(url=URL, sha256=B.upper()),))], Files())
    open_lock_file(session.layout).put("plugins", URL, A)

    report = await lock_recipes(session)

    assert report.changes == (PinChange(kind="plugins", address=URL, before=A, after=B),)


async def test_what_is_no_module_is_refused(tmp_path: Path) -> None:
    """A page that says that something is missing is not pinned as a module; everything that is wrong is told."""
    files = Files()
    files.files["x.wasm"] = b"<html>"
    canisters = [made(tmp_path, "a", PrebuiltStep(url=URL)), made(tmp_path, "b", PrebuiltStep(url="https://files.test/gone.wasm"))]
    session = opened(tmp_path, canisters, files)

    with pytest.raises(OrchestratorError) as caught:
        await lock_recipes(session)

    assert {each.slug for each in caught.value.diagnostics} == {"build/not-wasm", "build/download"}
    with pytest.raises(BuildError):
        await lock_recipes(opened(tmp_path, canisters[:1], files))
    assert not session.layout.recipe_lock.exists()


async def test_the_command_of_the_hint_upgrades(tmp_path: Path) -> None:
    """What the error of changed bytes says to run works, though the address has secrets that it does not show."""
    files, address = Files(), "https://me:hunter2@files.test/x.wasm?key=hunter2&as=/x.wasm"
    canisters = [made(tmp_path, "a", PrebuiltStep(url=address))]
    await lock_recipes(opened(tmp_path, canisters, files))
    files.files["x.wasm"] = newer = make_wasm("newer")
    elsewhere = replace(opened(tmp_path, canisters, files), packages=served_cache(tmp_path / "elsewhere", files.fetch))

    with pytest.raises(BuildError) as caught:
        await build_canisters(elsewhere, canisters)
    command = shlex.split(str(caught.value.hint).rpartition(" run `")[2].rstrip("`"))
    report = await lock_recipes(elsewhere, upgrade=command[4:])

    assert command[:4] == ["orchestrator", "recipe", "lock", "--upgrade"]
    assert "hunter2" not in str(caught.value.hint)
    assert [change.after for change in report.changes] == [hashlib.sha256(newer).hexdigest()]


async def test_an_upgrade_of_what_is_not_there(tmp_path: Path) -> None:
    """An address that nothing uses may be misspelt."""
    session = opened(tmp_path, [made(tmp_path, "a", PrebuiltStep(url=URL))], Files())

    with pytest.raises(UsageError) as caught:
        await lock_recipes(session, upgrade=["https://files.test/X.wasm"])

    assert URL in str(caught.value.detail)
