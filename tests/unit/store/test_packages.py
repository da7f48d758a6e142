"""The cache of pinned downloads: what is in it, who may use it, and what it never shows."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from orchestrator.errors import StoreError, UsageError
from orchestrator.store.download import Target
from orchestrator.store.packages import ChecksumError, PackageCache, is_offline
from orchestrator.store.partial_file import PartialFile
from tests.support.faulty_server import Answer, faulty_server
from tests.support.package_caches import BODY, OTHER, SHA256, Pauses, leftovers, make_cache

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


async def test_a_package_is_downloaded_once(tmp_path: Path) -> None:
    """The second use takes the file of the first, and hashes it again."""
    cache = make_cache(tmp_path)
    with faulty_server(Answer(body=BODY)) as server:
        assert await cache.fetch(server.url, SHA256.upper()) == BODY
        assert await cache.fetch(server.url, SHA256) == BODY

    assert len(server.requests) == 1
    assert leftovers(tmp_path) == [f"sha256/{SHA256}", f"sha256/{SHA256}.json"]
    assert [(each.sha256, each.size, each.url) for each in cache.packages()] == [(SHA256, len(BODY), server.url)]


@pytest.mark.parametrize("damage", [b"", b"x", BODY[:-1], BODY + b"x"])
async def test_a_damaged_package_is_downloaded_again(tmp_path: Path, damage: bytes) -> None:
    """Bytes that have changed on the disk are never handed out."""
    cache = make_cache(tmp_path)
    with faulty_server(Answer(body=BODY)) as server:
        await cache.fetch(server.url, SHA256)
        (tmp_path / "sha256" / SHA256).write_bytes(damage)

        assert await cache.fetch(server.url, SHA256) == BODY
    assert len(server.requests) == 2


def link(path: Path) -> None:
    """Make a link to a file with the right bytes."""
    path.with_name("elsewhere").write_bytes(BODY)
    path.symlink_to("elsewhere")


def folder(path: Path) -> None:
    """Make a folder that is not empty."""
    (path / "more").mkdir(parents=True)


@pytest.mark.parametrize("make", [link, folder, os.mkfifo], ids=["link", "folder", "pipe"])
@pytest.mark.parametrize("place", ["sha256/{}", "sha256/{}.json", "partial/{}", "partial/{}.json"])
async def test_what_is_no_file_makes_room(tmp_path: Path, place: str, make: Callable[[Path], None]) -> None:
    """A link, a pipe or a folder where the cache has a file is neither followed nor waited for, and is replaced."""
    path = tmp_path / place.format(SHA256)
    path.parent.mkdir()
    make(path)
    cache = make_cache(tmp_path)
    assert cache.load(SHA256) is None
    assert len(cache.packages()) <= 1

    with faulty_server(Answer(body=BODY)) as server:
        assert await cache.fetch(server.url, SHA256) == BODY

    assert len(server.requests) == 1
    assert [each.url for each in cache.packages()] == [server.url]


async def test_looking_deletes_nothing(tmp_path: Path) -> None:
    """A process that finds nothing leaves what another one finishes in the meantime: only who downloads deletes."""
    (tmp_path / "sha256").mkdir()
    (tmp_path / "sha256" / SHA256).write_bytes(b"half of it")

    assert make_cache(tmp_path).load(SHA256) is None

    assert (tmp_path / "sha256" / SHA256).read_bytes() == b"half of it"


async def test_offline_a_changed_package_is_called_changed(tmp_path: Path) -> None:
    """Who has no connection hears that the package is there, but is not what it was."""
    (tmp_path / "sha256").mkdir()
    (tmp_path / "sha256" / SHA256).write_bytes(b"half of it")

    with pytest.raises(StoreError) as caught:
        await make_cache(tmp_path).fetch("http://127.0.0.1:9/", SHA256, offline=True)

    assert str(caught.value.detail).startswith("what is there has changed on the disk: ")


@pytest.mark.parametrize("when", [10**12, -(10**12)])
async def test_a_clock_that_was_wrong_does_no_harm(tmp_path: Path, when: int) -> None:
    """Times that no calendar has, which a wrong clock or an unpacked archive leaves, are listed as the nearest ones."""
    other = "0" * 64
    (tmp_path / "sha256").mkdir()
    (tmp_path / "sha256" / other).write_bytes(b"")
    os.utime(tmp_path / "sha256" / other, (when, when))
    with faulty_server(Answer(body=BODY)) as server:
        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY

    used = {package.sha256: package.used for package in make_cache(tmp_path).packages()}
    assert (used[other] > used[SHA256]) == (when > 0)


async def test_a_failed_download_is_not_made_again_by_the_same_run(tmp_path: Path) -> None:
    """Several parts of a run want the same file: when it cannot be had, one of them finds that out, and all are told."""
    cache = make_cache(tmp_path)
    errors: list[StoreError] = []

    async def want() -> None:
        with pytest.raises(StoreError) as caught:
            await cache.fetch(server.url, SHA256)
        errors.append(caught.value)

    with faulty_server(Answer(status=404)) as server:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(want)
        await want()
    assert len(server.requests) == 1
    assert {error.detail for error in errors} == {"the server answered 404 Said"}
    with faulty_server(Answer(body=BODY)) as server:
        assert await cache.fetch(server.url, SHA256) == BODY


async def test_a_download_that_only_lacks_its_name_is_finished(tmp_path: Path) -> None:
    """A process that was killed after the last byte leaves nothing to download."""
    with PartialFile(tmp_path / "partial" / SHA256, source="http://127.0.0.1:9/") as partial:
        partial.restart('"1"')
        partial.write(BODY)

    assert await make_cache(tmp_path).fetch("http://127.0.0.1:9/", SHA256) == BODY
    assert leftovers(tmp_path) == [f"sha256/{SHA256}", f"sha256/{SHA256}.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete anything")
async def test_what_could_not_be_deleted_is_not_counted(tmp_path: Path) -> None:
    """Clearing tells what is gone."""
    cache = make_cache(tmp_path)
    (tmp_path / "sha256").mkdir()
    (tmp_path / "sha256" / SHA256).write_bytes(b"12345")
    (tmp_path / "sha256").chmod(0o500)
    try:
        assert cache.clear() == (0, 0)
    finally:
        (tmp_path / "sha256").chmod(0o700)
    assert cache.clear() == (1, 5)


async def test_a_wrong_hash_names_both_and_keeps_nothing(tmp_path: Path) -> None:
    """What the server sends is compared with what was pinned; the error says which hash is whose."""
    cache = make_cache(tmp_path)
    found = hashlib.sha256(OTHER).hexdigest()
    with faulty_server(Answer(body=OTHER, etag='"1"')) as server, pytest.raises(ChecksumError) as caught:
        await cache.fetch(server.url, SHA256)

    assert caught.value.found == found
    assert (
        caught.value.detail
        == f"expected SHA-256 {SHA256}, as pinned\nfound    SHA-256 {found}, which the server sent; nothing of it was kept"
    )
    assert caught.value.hint == "if a new file is meant, review it, and write the output of `sha256sum` on the file you reviewed"
    assert leftovers(tmp_path) == []
    assert len(server.requests) == 1


async def test_processes_share_one_download(tmp_path: Path) -> None:
    """Whoever comes second waits for the first, says so, and takes what that one got."""
    going_on = threading.Event()
    waiting: list[tuple[str, float]] = []

    class Second(Pauses):
        async def __call__(self, seconds: float) -> None:
            await super().__call__(seconds)
            if len(self.seconds) > 100:
                going_on.set()

    results: list[bytes] = []
    with faulty_server(Answer(body=BODY, hold=going_on)) as server:

        async def one(cache: PackageCache) -> None:
            results.append(await cache.fetch(server.url, SHA256))

        async with anyio.create_task_group() as group:
            group.start_soon(one, make_cache(tmp_path))
            while not server.requests:
                await anyio.lowlevel.checkpoint()
            group.start_soon(one, PackageCache(tmp_path, sleep=Second(), on_wait=lambda *told: waiting.append(told)))

    assert results == [BODY, BODY]
    assert len(server.requests) == 1
    assert waiting[:2] == [(server.url, 1.0), (server.url, 6.0)]


async def test_tasks_share_one_download(tmp_path: Path) -> None:
    """Steps of one run that need the same file wait for each other without a word."""
    waiting: list[tuple[str, float]] = []
    cache = PackageCache(tmp_path, on_wait=lambda *told: waiting.append(told))
    with faulty_server(Answer(body=BODY)) as server:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(cache.fetch, server.url, SHA256)

    assert len(server.requests) == 1
    assert waiting == []


async def test_a_download_by_another_process_is_not_waited_for_without_end(tmp_path: Path) -> None:
    """The lock has a deadline, and the error says what to do."""
    going_on = threading.Event()
    with faulty_server(Answer(body=BODY, hold=going_on)) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(make_cache(tmp_path).fetch, server.url, SHA256)
            while not server.requests:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(StoreError) as caught:
                await PackageCache(tmp_path, sleep=Pauses(), lock_seconds=1).fetch(server.url, SHA256)
            going_on.set()

    assert caught.value.slug == "download/busy"


async def test_a_cancelled_download_leaves_what_came(tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves no lock held, nothing that looks complete, and what came for the next time."""
    going_on = threading.Event()
    with faulty_server(Answer(body=BODY, etag='"1"', hold=going_on), Answer(body=BODY, etag='"1"')) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(make_cache(tmp_path).fetch, server.url, SHA256)
            while not (tmp_path / "partial" / f"{SHA256}.json").exists():
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        going_on.set()
        assert make_cache(tmp_path).load(SHA256) is None

        assert await make_cache(tmp_path).fetch(server.url, SHA256) == BODY


async def test_offline_uses_the_cache_alone(tmp_path: Path) -> None:
    """What is there is used; what is not is named with its hash and how to get it, and nothing is asked."""
    cache = make_cache(tmp_path)
    with faulty_server(Answer(body=BODY)) as server:
        with pytest.raises(StoreError) as caught:
            await cache.fetch(server.url, SHA256, offline=True)
        assert server.requests == []
        await cache.fetch(server.url, SHA256)

    assert await cache.fetch(server.url, SHA256, offline=True) == BODY
    assert caught.value.slug == "download/offline"
    assert server.url in caught.value.summary
    assert SHA256 in str(caught.value.detail)
    assert "orchestrator plugin cache fetch" in str(caught.value.hint)


@pytest.mark.parametrize(("value", "offline"), [("", False), ("0", False), ("No", False), ("1", True), (" TRUE ", True)])
async def test_the_variable_says_offline(value: str, *, offline: bool) -> None:
    """`ORCHESTRATOR_OFFLINE` is yes, no, or a mistake."""
    assert is_offline({"ORCHESTRATOR_OFFLINE": value}) is offline
    assert is_offline({}) is False
    with pytest.raises(UsageError):
        is_offline({"ORCHESTRATOR_OFFLINE": "perhaps"})


async def test_secrets_of_an_address_are_not_shown(tmp_path: Path) -> None:
    """User, password and query reach the server and nothing else: no message, no file of the cache."""
    with faulty_server(Answer(status=404), Answer(status=503), Answer(body=OTHER), Answer(body=BODY)) as server:
        url = server.url.replace("http://", "http://me:hunter2@") + "?token=hunter2"
        errors = []
        for _ in range(2):
            with pytest.raises(StoreError) as caught:
                await make_cache(tmp_path).fetch(url, SHA256)
            errors.append(caught.value)
        with pytest.raises(StoreError) as caught:
            await make_cache(tmp_path).fetch(url, SHA256, offline=True)
        await make_cache(tmp_path).fetch(url, SHA256)

    said = "".join(f"{error.summary}{error.detail}{error.hint}" for error in [*errors, caught.value])
    assert "hunter2" not in said
    assert "***" in said
    assert all("token=hunter2" in request.target for request in server.requests)
    assert all(b"hunter2" not in (tmp_path / name).read_bytes() for name in leftovers(tmp_path))


async def test_a_hash_is_a_hash(tmp_path: Path) -> None:
    """What is no hash never becomes a file's name."""
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        await make_cache(tmp_path).fetch("http://127.0.0.1:1/x", "../../etc/passwd")


async def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    """A cache that cannot be written is an error of the cache, and not of the server."""
    (tmp_path / "cache").write_text("not a folder", encoding="utf-8")

    with faulty_server(Answer(body=BODY)) as server, pytest.raises(StoreError) as caught:
        await make_cache(tmp_path / "cache").fetch(server.url, SHA256)
    assert caught.value.slug == "store/write"


async def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    """The cache stays below its limit; what was used last stays."""
    bodies = [bytes([number]) * 100 for number in range(3)]

    async def give(url: str, target: Target) -> None:
        target.restart(None)
        target.write(bodies[int(url)])

    cache = PackageCache(tmp_path, transfer=give)
    hashes = [hashlib.sha256(body).hexdigest() for body in bodies]
    for number, sha256 in enumerate(hashes):
        await cache.fetch(str(number), sha256)
        os.utime(tmp_path / "sha256" / sha256, (number, number))
    cache.load(hashes[0])
    (tmp_path / "partial" / hashes[0]).write_bytes(b"abandoned")
    os.utime(tmp_path / "partial" / hashes[0], (0, 0))

    cache.prune(250)

    assert {package.sha256 for package in cache.packages()} == {hashes[0], hashes[2]}
    assert not (tmp_path / "partial" / hashes[0]).exists()
    assert cache.clear() == (2, 200)
    assert leftovers(tmp_path) == []


async def test_what_is_not_pinned_is_the_same_in_one_run(tmp_path: Path) -> None:
    """Two users of a URL at once get one download; the next run asks again, and keeps each under its own hash."""
    got: list[bytes] = []
    with faulty_server(Answer(body=BODY), Answer(body=OTHER)) as server:
        cache = make_cache(tmp_path)

        async def one() -> None:
            got.append(await cache.fetch_unpinned(server.url))

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
        assert (got, len(server.requests)) == ([BODY, BODY], 1)
        assert await make_cache(tmp_path).fetch_unpinned(server.url) == OTHER
        assert await cache.fetch(server.url, SHA256, offline=True) == BODY


async def test_a_lower_limit_than_the_cache_has(tmp_path: Path) -> None:
    """Whoever wants little is given little, pinned or not, from the server or from the cache."""
    most = len(BODY) - 1
    with faulty_server(Answer(body=BODY, claimed=None)) as server:
        for attempt in (
            make_cache(tmp_path).fetch_unpinned(server.url, most_bytes=most),
            make_cache(tmp_path).fetch(server.url, SHA256, most_bytes=most),
        ):
            with pytest.raises(StoreError) as caught:
                await attempt
            assert caught.value.slug == "download/too-large"
        cache = make_cache(tmp_path)
        await cache.fetch(server.url, SHA256)
        with pytest.raises(StoreError) as caught:
            await cache.fetch(server.url, SHA256, most_bytes=most)
        assert caught.value.slug == "download/too-large"
