"""What servers of recipes do on bad days, and on purpose: nothing of it is pinned, kept for good, or waited for without end."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import RecipeReference
from orchestrator.engine.pins import Pinning
from orchestrator.engine.recipe_loading import LoadedRecipe, RecipeLoader
from orchestrator.engine.registries import Registries
from orchestrator.errors import RecipeError, Span
from orchestrator.recipes.local import MAX_TEMPLATE_BYTES
from orchestrator.store import PackageCache
from orchestrator.store.download import Target
from orchestrator.store.lock_file import LockFile
from tests.support.faulty_server import Answer, FaultyServer, faulty_server
from tests.support.package_caches import leftovers, make_cache

pytestmark = pytest.mark.anyio
TEMPLATE = b"build: { steps: [{ type: script, command: make }] }\n"
SHA256 = hashlib.sha256(TEMPLATE).hexdigest()
SPAN = Span(path=Path("icp.yaml"), line=3, column=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a loader keeps things."""

    home: Path
    lock: LockFile

    def loader(self, *, cache: PackageCache | None = None, seconds: float = 60.0, offline: bool = False) -> RecipeLoader:
        """Return a new loader, as another run would have."""
        registries = Registries({"acme": "https://recipes.test/{name}/{version}.hbs"})
        pins = Pinning(self.lock, tell=lambda _found: None)
        return RecipeLoader(
            directory=self.home,
            packages=cache or make_cache(self.home / "packages"),
            registries=registries,
            pins=pins,
            seconds=seconds,
            offline=offline,
        )


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty home."""
    return Place(home=tmp_path, lock=LockFile(path=tmp_path / "orchestrator.lock", guard=tmp_path / "guard"))


async def load(place: Place, server: FaultyServer, *, sha256: str | None = None) -> LoadedRecipe:
    """Load what a server has, by an address with a password."""
    address = server.url.replace("http://", "http://me:hunter2@")
    return await place.loader().load(RecipeReference(address=address, sha256=sha256, span=SPAN))


MOVED = {"Location": "file:///etc/passwd"}


@pytest.mark.parametrize(
    ("answers", "slug", "said"),
    [
        ([Answer(status=302, headers=MOVED)], "recipe/download", "neither http nor https"),
        ([Answer(status=404, body=b"<html>")], "recipe/download", "404"),
        ([Answer(status=401)], "recipe/download", "401"),
        ([Answer(status=503)], "recipe/download", "4 attempts were made"),
        ([Answer(body=b" \n")], "recipe/not-a-template", "nothing"),
        ([Answer(body=b"\xef\xbb\xbf\n<!DOCTYPE html><html>Sign in</html>")], "recipe/not-a-template", "a web page"),
        ([Answer(body=b"x", claimed=5 << 30)], "recipe/download", "larger than"),
        ([Answer(body=TEMPLATE, cut=5)], "recipe/download", "attempts were made"),
        ([Answer(body=bytes(MAX_TEMPLATE_BYTES + 1), claimed=None)], "recipe/download", "larger than"),
    ],
    ids=["to-a-file", "missing", "unauthorised", "unavailable", "nothing", "page", "gigabytes", "cut", "endless"],
)
async def test_what_is_no_template(place: Place, answers: Sequence[Answer], slug: str, said: str) -> None:
    """The error says what the server did, at the recipe's place, without the password; nothing is pinned, nothing broken is kept."""
    with faulty_server(*answers) as server, pytest.raises(RecipeError) as caught:
        await load(place, server)

    error = caught.value
    assert (error.slug, error.span) == (slug, SPAN)
    assert said in f"{error.detail}"
    assert "hunter2" not in f"{error.summary}{error.detail}{error.hint}"
    assert not place.lock.path.exists()
    if slug == "recipe/download":
        assert leftovers(place.home) == []


async def test_a_pinned_recipe_comes_whole_or_not_at_all(place: Place) -> None:
    """A download that breaks off is gone on with; other bytes than were pinned are refused, and the right ones taken later."""
    half = Answer(body=TEMPLATE, etag='"a"', cut=10)
    with faulty_server(half, Answer(body=TEMPLATE, etag='"a"')) as server:
        assert (await load(place, server, sha256=SHA256.upper())).data == TEMPLATE
        assert server.requests[1].headers["range"] == "bytes=10-"
    other = Place(home=place.home / "other", lock=place.lock)
    with faulty_server(Answer(body=b"rm -rf"), Answer(body=TEMPLATE)) as server:
        with pytest.raises(RecipeError) as caught:
            await load(other, server, sha256=SHA256)
        assert (await load(other, server, sha256=SHA256)).data == TEMPLATE

    assert caught.value.slug == "recipe/checksum"


async def test_a_moment_of_weakness_is_waited_for(place: Place) -> None:
    """A server that answers the second time is asked a second time."""
    with faulty_server(Answer(status=502), Answer(body=TEMPLATE)) as server:
        found = await load(place, server)

    assert (found.sha256, found.remote, found.pinned) == (SHA256, True, False)


async def test_a_server_that_never_ends_is_left(place: Place) -> None:
    """A template has a deadline for all of its attempts."""

    async def drip(url: str, target: Target) -> None:
        target.restart(None)
        target.write(url.encode())
        await anyio.sleep_forever()

    asked: list[str] = []

    async def count(url: str, target: Target) -> None:
        asked.append(url)
        await drip(url, target)

    loader = place.loader(cache=PackageCache(place.home / "packages", transfer=count), seconds=0.01)
    for _ in range(3):
        with pytest.raises(RecipeError) as caught:
            await loader.load(RecipeReference(address="https://recipes.test/a.hbs"))

    assert len(asked) == 1, "one canister waits, not each"
    assert (caught.value.slug, "takes longer than" in f"{caught.value.detail}") == ("recipe/download", True)


async def test_offline_no_connection_is_made(place: Place) -> None:
    """What is kept is used, what is not kept is refused, and the transport is never touched."""
    with faulty_server(Answer(body=TEMPLATE)) as server:
        await load(place, server, sha256=SHA256)

    async def touch(url: str, target: Target) -> None:
        raise AssertionError(f"{url} is asked for, into {target}")

    loader = place.loader(cache=PackageCache(place.home / "packages", transfer=touch), offline=True)
    assert (await loader.load(RecipeReference(address="@acme/a@v1", sha256=SHA256))).data == TEMPLATE
    for reference in (RecipeReference(address="@acme/a@v1", sha256="0" * 64), RecipeReference(address="https://recipes.test/b")):
        with pytest.raises(RecipeError) as caught:
            await loader.load(reference)
        assert caught.value.slug == "recipe/offline"


@pytest.mark.parametrize(
    "address",
    [
        "@acme/../v@1",
        "@acme/a@../../b",
        "@acme/a%2f..@1",
        "@acme/a@1?x=1",
        "@acme/a@1#b",
        "@acme/{version}@1",
        "@acme/a@1\n2",
        "@acme/ａ@1",
    ],
)
async def test_no_name_leaves_its_registry(place: Place, address: str) -> None:
    """A name or version cannot choose another path, query or host of the registry's server."""
    with pytest.raises(RecipeError) as caught:
        await place.loader().load(RecipeReference(address=address))

    assert caught.value.slug == "recipe/invalid-address"
