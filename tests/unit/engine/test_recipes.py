"""A canister's recipe becomes its steps, wherever the template lives."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, ExpandedRecipe, PrebuiltStep, RecipeReference, ScriptStep
from orchestrator.engine.pins import open_lock_file
from orchestrator.engine.recipe_loading import RecipeLoader
from orchestrator.engine.recipes import expand_recipes, open_loader
from orchestrator.engine.session import Session
from orchestrator.errors import ManifestError, RecipeError, Span, StoreError
from orchestrator.store import PackageCache
from orchestrator.store.download import DownloadError
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import served_cache
from tests.support.projects import Recording, connected, make_project, memory_session

pytestmark = pytest.mark.anyio
TEMPLATE = """\
build:
  steps:
    - type: pre-built
      path: {{ path }}
sync:
  steps:
    - type: script
      command: echo {{ _.canister.name }}
"""
SHA256 = hashlib.sha256(TEMPLATE.encode()).hexdigest()
SPAN = Span(path=Path("icp.yaml"), line=4, column=7)


@pytest.fixture
def recording() -> Recording:
    """Return an empty recording."""
    return Recording()


@pytest.fixture
def session(tmp_path: Path, network: MemoryNetwork, recording: Recording) -> Session:
    """Return a session of an empty project, whose user has an empty home."""
    opened = memory_session(make_project(tmp_path, []), network, recording)
    return replace(opened, environ={"ORCHESTRATOR_HOME": str(tmp_path / "home")}, packages=PackageCache(tmp_path / "home"))


def canister(directory: Path, address: str, *, sha256: str | None = None) -> Canister:
    """Return a canister with a recipe and a step of its own."""
    reference = RecipeReference(address=address, sha256=sha256, configuration={"path": "a.wasm"}, span=SPAN)
    return Canister(name="api", directory=directory, recipe=reference, sync=(ScriptStep(commands=("own",)),))


def served(session: Session, server: "Server", home: str = "home") -> Session:
    """Return the same session with a server to download from; another `home` is another machine's."""
    return replace(session, packages=served_cache(session.project.directory / home, server.fetch))


class Server:
    """Serves the template, and counts."""

    def __init__(self, template: str = TEMPLATE) -> None:
        """Take what is served."""
        self.template = template
        self.asked: list[str] = []

    async def fetch(self, url: str) -> bytes:
        """Answer a download."""
        self.asked.append(url)
        if "missing" in url:
            raise DownloadError("gone", detail="the server answered 404 Not Found")
        return self.template.encode()


async def test_a_local_recipe_becomes_steps(tmp_path: Path, session: Session) -> None:
    """The template's steps come first, rendered with configuration and name; paths start from the canister."""
    (tmp_path / "recipe.hbs").write_text(TEMPLATE)

    (expanded,) = await expand_recipes(session, [canister(tmp_path, "./recipe.hbs")])

    (build,) = expanded.build
    assert isinstance(build, PrebuiltStep)
    assert build.path == tmp_path / "a.wasm"
    assert [step.commands for step in expanded.sync if isinstance(step, ScriptStep)] == [("echo api",), ("own",)]
    assert expanded.recipe is None


async def test_canisters_without_recipe_stay(tmp_path: Path, session: Session) -> None:
    """What has its own steps is left alone."""
    plain = Canister(name="plain", directory=tmp_path)

    assert await expand_recipes(session, [plain]) == (plain,)


async def test_a_registry_recipe_is_downloaded(tmp_path: Path, session: Session, recording: Recording) -> None:
    """The official registry's address is known; without a hash there is a warning that gives it."""
    server = Server()

    await expand_recipes(served(session, server), [canister(tmp_path, "@dfinity/rust@v3.2.0")])

    assert server.asked == ["https://github.com/dfinity/icp-cli-recipes/releases/download/rust-v3.2.0/recipe.hbs"]
    (warning,) = recording.of("warning")
    assert SHA256 in str(getattr(warning, "hint", None))
    assert open_lock_file(session.layout).load().recipes == {"@dfinity/rust@v3.2.0": SHA256}


async def test_the_lock_file_keeps_what_was_first_used(tmp_path: Path, session: Session, recording: Recording) -> None:
    """A recipe that the lock file knows gives no warning, and other bytes behind its address are refused."""
    server = Server()
    unpinned = canister(tmp_path, "https://recipes.test/a.hbs")
    await expand_recipes(served(session, server), [unpinned])
    recording.events.clear()

    await expand_recipes(served(session, server), [unpinned])
    assert recording.events == []
    assert len(server.asked) == 1

    with pytest.raises(RecipeError) as caught:
        await expand_recipes(served(session, Server(TEMPLATE + "# changed\n"), "another machine"), [unpinned])
    assert "recipe lock --upgrade" in str(caught.value.hint)


async def test_the_lock_file_holds_no_secrets(tmp_path: Path, session: Session, recording: Recording) -> None:
    """It is committed: passwords and tokens of addresses are not in it, and addresses that differ in them have their own pins."""
    addresses = [f"https://me:hunter2@recipes.test/a.hbs?token={token}" for token in ("hunter2", "hunter3")]
    opened = served(session, Server())
    for address in addresses:
        await expand_recipes(opened, [canister(tmp_path, address)])
    warned = len(recording.of("warning"))
    for address in addresses:
        await expand_recipes(opened, [canister(tmp_path, address)])

    assert (warned, len(recording.of("warning"))) == (2, 2)
    assert "hunter" not in session.layout.recipe_lock.read_text()
    assert len(open_lock_file(session.layout).load().recipes) == 2


async def test_pins_of_older_lock_files_count(tmp_path: Path, session: Session) -> None:
    """An address that is in the lock file as a whole is pinned."""
    address = "https://me:hunter2@recipes.test/a.hbs"
    session.layout.recipe_lock.write_text(json.dumps({"v": 1, "recipes": {address: "0" * 64}}))

    with pytest.raises(RecipeError) as caught:
        await expand_recipes(served(session, Server()), [canister(tmp_path, address)])

    assert caught.value.slug == "recipe/checksum"


async def test_a_protected_environment_wants_pins(tmp_path: Path, session: Session) -> None:
    """What is deployed to production was seen elsewhere before."""
    protected = replace(session, environment=replace(session.environment, protected=True))

    with pytest.raises(StoreError) as caught:
        await expand_recipes(served(protected, Server()), [canister(tmp_path, "https://recipes.test/a.hbs")])

    assert caught.value.slug == "pins/not-locked"


async def test_a_damaged_lock_file_is_not_ignored(tmp_path: Path, session: Session) -> None:
    """Pins that cannot be read are not taken for none."""
    session.layout.recipe_lock.write_text('{"v": 1, "recipes": []}')

    with pytest.raises(StoreError):
        await expand_recipes(served(session, Server()), [canister(tmp_path, "https://recipes.test/a.hbs")])

    assert session.layout.recipe_lock.read_text() == '{"v": 1, "recipes": []}'


async def test_a_pinned_recipe_is_fetched_once(tmp_path: Path, session: Session, recording: Recording) -> None:
    """A template with its hash needs the network only the first time."""
    server = Server()
    opened = served(session, server)
    pinned = canister(tmp_path, "https://recipes.test/a.hbs", sha256=SHA256)

    await expand_recipes(opened, [pinned])
    await expand_recipes(opened, [pinned])

    assert len(server.asked) == 1
    assert recording.of("warning") == []


async def test_a_kept_template_is_hashed_again(tmp_path: Path, session: Session) -> None:
    """A template that was changed on the disk is fetched again, and not expanded."""
    server = Server()
    opened = served(session, server)
    pinned = canister(tmp_path, "https://recipes.test/a.hbs", sha256=SHA256)
    await expand_recipes(opened, [pinned])
    kept = tmp_path / "home" / "sha256" / SHA256
    kept.write_text(TEMPLATE.replace("echo", "rm"), encoding="utf-8")

    (expanded,) = await expand_recipes(opened, [pinned])

    assert len(server.asked) == 2
    assert ScriptStep(commands=("echo api",), span=None) in [replace(step, span=None) for step in expanded.sync]


async def test_offline_a_kept_template_is_enough(tmp_path: Path, session: Session) -> None:
    """Without a connection a template that is there is used, and another one is an error that says so; nothing is asked."""
    server = Server()
    pinned = canister(tmp_path, "https://me:hunter2@recipes.test/a.hbs", sha256=SHA256)
    offline = replace(served(session, server), offline=True)

    with pytest.raises(RecipeError) as caught:
        await expand_recipes(offline, [pinned])
    assert server.asked == []
    await expand_recipes(replace(offline, offline=False), [pinned])
    await expand_recipes(offline, [pinned])

    assert len(server.asked) == 1
    assert caught.value.slug == "recipe/offline"
    assert "hunter2" not in f"{caught.value.summary}{caught.value.detail}"
    assert "is not in the package cache" in caught.value.summary


async def test_offline_what_is_not_pinned_is_not_found(tmp_path: Path, session: Session) -> None:
    """The cache knows hashes: a template that it may well have is not said to be missing there."""
    with pytest.raises(RecipeError) as caught:
        await expand_recipes(replace(served(session, Server()), offline=True), [canister(tmp_path, "https://recipes.test/a.hbs")])

    assert caught.value.slug == "recipe/offline"
    assert caught.value.summary.endswith("is not pinned, and nothing is downloaded offline")


async def test_another_template_than_the_pinned_is_refused(tmp_path: Path, session: Session) -> None:
    """A server cannot slip in other steps."""
    server = Server(TEMPLATE + "# changed\n")
    pinned = canister(tmp_path, "https://recipes.test/a.hbs", sha256=SHA256)

    with pytest.raises(RecipeError) as caught:
        await expand_recipes(served(session, server), [pinned])

    assert caught.value.slug == "recipe/checksum"


@pytest.mark.parametrize(
    ("address", "slug"),
    [
        ("@nobody/rust@v1", "recipe/unknown-registry"),
        ("https://recipes.test/missing.hbs", "recipe/download"),
        ("./nowhere.hbs", "recipe/not-found"),
    ],
)
async def test_what_cannot_be_had_is_explained(tmp_path: Path, session: Session, address: str, slug: str) -> None:
    """The error points at the recipe in the manifest."""
    with pytest.raises(RecipeError) as caught:
        await expand_recipes(served(session, Server()), [canister(tmp_path, address)])

    assert caught.value.slug == slug
    assert caught.value.span == SPAN


async def test_a_template_that_makes_no_steps_is_explained(tmp_path: Path, session: Session) -> None:
    """What renders into nothing is an error of the manifest."""
    (tmp_path / "recipe.hbs").write_text("sync: {}\n")

    with pytest.raises(ManifestError):
        await expand_recipes(session, [canister(tmp_path, "./recipe.hbs")])

    assert not (tmp_path / "home").exists()


async def test_bundled_recipes_are_told_more(tmp_path: Path, session: Session) -> None:
    """They know whether the network is managed and what the host can do; others are told what icp-cli tells them."""
    template = 'build: { steps: [{ type: script, command: "{{ _.network.managed }} {{ _.host.batch }}" }] }\n'
    (tmp_path / "bundled" / "known").mkdir(parents=True)
    (tmp_path / "bundled" / "known" / "recipe.hbs").write_text(template)
    (tmp_path / "recipe.hbs").write_text(template)
    loader = RecipeLoader(directory=tmp_path, packages=session.packages, bundled_directory=tmp_path / "bundled")
    away = replace(session, environment=replace(session.environment, network=connected()))

    (local,) = await expand_recipes(session, [canister(tmp_path, "known")], loader=loader)
    (remote,) = await expand_recipes(away, [canister(tmp_path, "known")], loader=loader)

    steps = [step for expanded in (local, remote) for step in expanded.build]
    assert [step.commands for step in steps if isinstance(step, ScriptStep)] == [("true true",), ("false true",)]
    with pytest.raises(RecipeError):
        await expand_recipes(session, [canister(tmp_path, "./recipe.hbs")], loader=loader)


async def test_many_canisters_share_a_template(tmp_path: Path, session: Session, recording: Recording) -> None:
    """A recipe is downloaded, pinned and warned about once, however many canisters use it at once, in several environments."""
    server = Server()
    opened = served(session, server)
    many = [replace(canister(tmp_path, "@dfinity/rust@v3.2.0"), name=f"c{number}") for number in range(50)]
    loader = open_loader(opened)

    first = await expand_recipes(opened, many, loader=loader)
    again = await expand_recipes(replace(opened, environment=replace(opened.environment, name="other")), many, loader=loader)

    assert first == again
    assert first[7].sync[0] is again[7].sync[0]
    assert [each.name for each in first] == [each.name for each in many]
    assert (len(server.asked), len(recording.of("warning"))) == (1, 1)


async def test_all_broken_recipes_are_told(tmp_path: Path, session: Session) -> None:
    """One error has what is wrong with every canister's recipe, in their order; the same twice is told once."""
    (tmp_path / "broken.hbs").write_text("{{#if}}")
    places = [replace(SPAN, line=line) for line in range(1, 5)]
    addresses = ["./broken.hbs", "https://recipes.test/missing.hbs", "nobody-has-this", "@nobody/x@v1"]
    canisters = [
        Canister(name=f"c{span.line}", directory=tmp_path, recipe=RecipeReference(address=address, span=span))
        for span, address in zip(places, addresses, strict=True)
    ]

    with pytest.raises(RecipeError) as caught:
        await expand_recipes(served(session, Server()), [*canisters, canisters[1]])

    assert caught.value.slug == "recipe/several"
    slugs = [each.slug for each in caught.value.diagnostics]
    assert slugs[1:] == ["recipe/download", "recipe/unknown-bundled", "recipe/unknown-registry"]


async def test_what_makes_no_steps_is_not_pinned(tmp_path: Path, session: Session) -> None:
    """A template that is broken today is not what everybody must use tomorrow."""
    server = Server("{{#if}}")
    unpinned = canister(tmp_path, "https://recipes.test/a.hbs")
    with pytest.raises(RecipeError):
        await expand_recipes(served(session, server), [unpinned])
    assert not session.layout.recipe_lock.exists()
    server.template = TEMPLATE

    await expand_recipes(served(session, server), [unpinned])

    assert open_lock_file(session.layout).load().recipes == {"https://recipes.test/a.hbs": SHA256}


async def test_what_is_expanded_says_where_it_comes_from(tmp_path: Path, session: Session) -> None:
    """An expanded canister knows its recipe, the template's hash, and which steps are the recipe's."""
    (expanded,) = await expand_recipes(served(session, Server()), [canister(tmp_path, "https://recipes.test/a.hbs")])

    assert expanded.expanded == ExpandedRecipe(address="https://recipes.test/a.hbs", sha256=SHA256, remote=True, build=1, sync=1, span=SPAN)
    assert len(expanded.sync) == 2


async def test_http_is_warned_about_on_first_use(tmp_path: Path, session: Session, recording: Recording) -> None:
    """Who is between can choose what is pinned; a stated hash, and this machine, are safe."""
    opened = served(session, Server())
    for address, sha256 in (("http://recipes.test/a.hbs", None), ("http://recipes.test/b.hbs", SHA256), ("http://localhost:1/c.hbs", None)):
        await expand_recipes(opened, [canister(tmp_path, address, sha256=sha256)])
    await expand_recipes(opened, [canister(tmp_path, "http://recipes.test/a.hbs")])

    slugs = [getattr(event, "slug", "") for event in recording.of("warning")]
    assert slugs == ["recipe/insecure", "recipe/unpinned", "recipe/unpinned"]


async def test_a_key_without_effect_is_told_once(tmp_path: Path, session: Session, recording: Recording) -> None:
    """A recipe's key that has no effect yet is one warning, however many canisters have the recipe."""
    text = "build:\n  steps:\n    - { type: script, command: 'echo {{ _.canister.name }}', inputs: [src] }\n"
    (tmp_path / "recipe.hbs").write_text(text, encoding="utf-8")
    api = canister(tmp_path, "./recipe.hbs")

    expanded = await expand_recipes(session, [api, replace(api, name="web")])

    assert [step.inputs for each in expanded for step in each.build if isinstance(step, ScriptStep)] == [("src",), ("src",)]
    assert [getattr(event, "slug", None) for event in recording.of("warning")] == ["manifest/not-supported"]
