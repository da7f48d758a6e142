"""Where a step's WebAssembly comes from, and what is said when it does not."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, EntrySection, PluginStep, PrebuiltStep, Project
from orchestrator.engine.pins import open_lock_file
from orchestrator.engine.plugins import load_declared, load_inputs
from orchestrator.engine.session import Session
from orchestrator.engine.sources import Wanted, load_source, open_packages
from orchestrator.errors import BuildError, OrchestratorError, PluginRefusedError, Span, StoreError
from tests.support.components import component_that_returns_ok
from tests.support.faulty_server import Answer, faulty_server
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import BODY, SHA256, Pauses, served_cache
from tests.support.projects import Recording, make_wasm, memory_session

pytestmark = pytest.mark.anyio
SPAN = Span(path=Path("icp.yaml"), line=9, column=9, length=10, text="   url:  secret")
WANTED = Wanted(
    noun="module",
    name="the module of canister `api`",
    error=BuildError,
    missing_slug="build/missing-module",
    large_slug="build/too-large",
    download_slug="build/download",
    checksum_slug="build/checksum",
)


@pytest.fixture
def recording() -> Recording:
    """Return an empty recording."""
    return Recording()


@pytest.fixture
def session(project: Project, network: MemoryNetwork, recording: Recording, tmp_path: Path) -> Session:
    """Return a session that downloads without waiting, into a cache of its own."""
    opened = memory_session(project, network, recording)
    return replace(opened, packages=open_packages(tmp_path / "packages", recording, Pauses()))


async def test_what_is_pinned_is_downloaded_once(session: Session, recording: Recording) -> None:
    """Modules and plugins share the cache; what is tried again is told."""
    with faulty_server(Answer(status=503), Answer(body=BODY)) as server:
        for _ in range(2):
            assert await load_source(session, PrebuiltStep(url=server.url, sha256=SHA256), WANTED) == BODY
            assert await load_source(session, PluginStep(url=server.url, sha256=SHA256), WANTED) == BODY

    assert len(server.requests) == 2
    assert [(getattr(event, "what", None), getattr(event, "attempt", None)) for event in recording.of("retrying")] == [
        (f"the download of {server.url}", 2)
    ]


async def test_what_is_not_pinned_is_pinned_on_first_use(session: Session, recording: Recording) -> None:
    """A module without a hash is downloaded once; the lock file says which bytes it had, and a warning says so."""
    module = make_wasm("far")
    with faulty_server(Answer(body=module)) as server:
        step = PrebuiltStep(url=server.url)
        assert [await load_source(session, step, WANTED) for _ in range(2)] == [module, module]

    pinned = open_lock_file(session.layout).load().modules
    assert pinned == {server.url: hashlib.sha256(module).hexdigest()}
    assert [getattr(event, "slug", None) for event in recording.of("warning")] == ["build/unpinned"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "warned"), [("http://me:hunter2@files.test/a.wasm", True), ("https://files.test/a.wasm", False)], ids=["http", "https"]
)
async def test_what_anybody_could_have_changed_is_told(session: Session, recording: Recording, url: str, *, warned: bool) -> None:
    """The first download of a module over plain http is a warning, without secrets; later ones are compared."""

    async def serve(_url: str) -> bytes:
        return make_wasm("far")

    served = replace(session, packages=served_cache(session.project.directory / "served", serve))
    for _ in range(2):
        await load_source(served, PrebuiltStep(url=url, span=replace(SPAN, text=f"url: {url}", column=6, length=len(url))), WANTED)

    warnings = [event for event in recording.of("warning") if getattr(event, "slug", None) == "build/insecure"]
    assert len(warnings) == (1 if warned else 0)
    assert "hunter2" not in repr(warnings)


async def test_another_module_than_the_pinned_is_refused(session: Session, tmp_path: Path) -> None:
    """On another machine the server cannot slip in other bytes."""
    with faulty_server(Answer(body=make_wasm("one")), Answer(body=make_wasm("two"))) as server:
        step = PrebuiltStep(url=server.url, span=SPAN)
        await load_source(session, step, WANTED)
        elsewhere = replace(session, packages=open_packages(tmp_path / "elsewhere", session.emit, Pauses()))
        with pytest.raises(BuildError) as caught:
            await load_source(elsewhere, step, WANTED)

    assert caught.value.slug == "build/checksum"
    assert "recipe lock --upgrade" in str(caught.value.hint)


async def test_what_is_no_module_is_not_pinned(session: Session) -> None:
    """A page that says that something is missing must not become what everybody deploys."""
    with faulty_server(Answer(body=b"<html>sorry</html>")) as server:
        await load_source(session, PrebuiltStep(url=server.url), WANTED)

    assert not session.layout.recipe_lock.exists()


@pytest.mark.parametrize("protected", [False, True], ids=["locked", "protected"])
async def test_locked_nothing_new_is_downloaded(session: Session, *, protected: bool) -> None:
    """With `--locked`, and in protected environments, a module that is in no lock file is refused before anything is asked."""
    environment = replace(session.environment, protected=protected)
    with faulty_server(Answer(body=make_wasm("one"))) as server, pytest.raises(StoreError) as caught:
        await load_source(replace(session, locked=not protected, environment=environment), PrebuiltStep(url=server.url), WANTED)

    assert (caught.value.slug, server.requests) == ("pins/not-locked", [])


async def test_a_plugin_that_is_not_pinned_never_runs(session: Session) -> None:
    """Also where no manifest was read that would have refused it, nothing is downloaded."""
    with faulty_server(Answer(body=BODY)) as server, pytest.raises(PluginRefusedError) as caught:
        await load_source(session, PluginStep(url=server.url, span=SPAN), WANTED)

    assert (caught.value.slug, caught.value.span, server.requests) == ("plugin/unpinned", SPAN, [])
    assert "sha256sum" in str(caught.value.hint)


async def test_a_wrong_download_names_both_hashes(session: Session) -> None:
    """The error says which hash is the manifest's and which the server's, at the step's place, without secrets."""
    with faulty_server(Answer(body=b"other")) as server:
        url = server.url.replace("http://", "http://me:hunter2@")
        text = f"        url: {url}"
        step = PluginStep(url=url, sha256="0" * 64, span=replace(SPAN, text=text, column=14, length=len(url)))
        with pytest.raises(BuildError) as caught:
            await load_source(session, step, WANTED)

    found = hashlib.sha256(b"other").hexdigest()
    shown = server.url.replace("http://", "http://***@")
    assert caught.value.slug == "build/checksum"
    assert caught.value.detail == (
        f"expected SHA-256 {'0' * 64}, which is the step's `sha256`\nfound    SHA-256 {found}, which {shown} sent; nothing of it was kept"
    )
    assert caught.value.hint == "if a new module is meant, review it, and write the output of `sha256sum` on the file you reviewed"
    assert caught.value.span == replace(SPAN, text=f"        url: {shown}", column=14, length=len(shown))


async def test_a_wrong_file_names_both_hashes(session: Session, tmp_path: Path) -> None:
    """A file of the project is compared in the same words."""
    path = tmp_path / "module.wasm"
    path.write_bytes(b"other")
    with pytest.raises(BuildError) as caught:
        await load_source(session, PrebuiltStep(path=path, sha256="0" * 64), WANTED)

    found = hashlib.sha256(b"other").hexdigest()
    assert caught.value.detail == f"expected SHA-256 {'0' * 64}, which is the step's `sha256`\nfound    SHA-256 {found}, which `{path}` has"


@pytest.mark.parametrize(
    ("make", "reason"),
    [(os.mkfifo, "it is not a file"), (Path.mkdir, "it is not a file"), (lambda _path: None, "No such file or directory")],
    ids=["pipe", "folder", "nothing"],
)
async def test_what_is_no_file_is_not_waited_for(session: Session, tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    """A pipe in a module's place is an error at once."""
    make(tmp_path / "module.wasm")
    with pytest.raises(BuildError, match="cannot be read") as caught:
        await load_source(session, PrebuiltStep(path=tmp_path / "module.wasm"), WANTED)

    assert caught.value.detail == f"`{tmp_path / 'module.wasm'}`: {reason}"


@pytest.mark.parametrize("sha256", [None, "0" * 64])
async def test_what_is_too_large_is_not_read(session: Session, tmp_path: Path, sha256: str | None) -> None:
    """Size comes before hash: nobody is told the hash of a part."""
    path = tmp_path / "huge.wasm"
    path.touch()
    os.truncate(path, 1 << 40)

    with pytest.raises(BuildError) as caught:
        await load_source(session, PrebuiltStep(path=path, sha256=sha256), WANTED)

    assert (caught.value.slug, caught.value.summary) == ("build/too-large", "the module of canister `api` is larger than 256 MiB")


@pytest.mark.parametrize("pinned", [True, False])
async def test_offline_nothing_is_asked(session: Session, *, pinned: bool) -> None:
    """Without a connection a step is refused with what would help; no server hears of it."""
    with faulty_server(Answer(body=BODY)) as server, pytest.raises(BuildError) as caught:
        await load_source(replace(session, offline=True), PrebuiltStep(url=server.url, sha256=SHA256 if pinned else None), WANTED)

    assert server.requests == []
    assert f"orchestrator {'plugin cache fetch' if pinned else 'recipe lock'}" in str(caught.value.hint)
    assert server.url in str(caught.value.detail)
    assert (SHA256 in str(caught.value.detail)) is pinned


async def test_a_server_that_says_no_is_told(session: Session) -> None:
    """The server's answer is the reason, and its URL is named."""
    with faulty_server(Answer(status=404)) as server, pytest.raises(BuildError) as caught:
        await load_source(session, PrebuiltStep(url=server.url, sha256=SHA256), WANTED)

    assert caught.value.detail == f"{server.url}: the server answered 404 Said"
    assert caught.value.hint == "check the URL, or use `path:` for a file of the project"


async def test_the_bytes_that_were_hashed_are_the_bytes_that_run(session: Session, tmp_path: Path) -> None:
    """Once a step's inputs are loaded, nobody who replaces the file changes what runs."""
    path = tmp_path / "plugin.wasm"
    component = component_that_returns_ok()
    path.write_bytes(component)
    canister = Canister(name="api", directory=tmp_path)
    inputs = await load_inputs(session, canister, PluginStep(path=path, sha256=hashlib.sha256(component).hexdigest()))

    path.write_bytes(b"something else")

    assert inputs.component == component
    assert inputs.sha256 == hashlib.sha256(inputs.component).hexdigest()


async def test_all_that_is_wrong_with_a_step_is_told_at_once(session: Session, tmp_path: Path) -> None:
    """The component and every entry are looked at, in the manifest's order, each at its own place, also what is there twice."""
    rows: list[EntrySection] = ["dirs", "dirs", "dirs", "dirs", "files"]
    places = {(section, line % 4): replace(SPAN, line=20 + line) for line, section in enumerate(rows)}
    step = PluginStep(path=tmp_path / "none.wasm", dirs=("../up", ".", "gone", "../up"), files=("gone",), span=SPAN, entry_spans=places)
    with pytest.raises(PluginRefusedError) as caught:
        await load_inputs(session, Canister(name="api", directory=tmp_path), step)

    error: OrchestratorError = caught.value
    assert [(each.slug, each.span.line if each.span else None) for each in error.diagnostics] == [
        ("plugin/missing", 9),
        ("plugin/unsafe-path", 20),
        ("plugin/dir-missing", 22),
        ("plugin/unsafe-path", 23),
        ("plugin/file-missing", 24),
    ]
    assert error.summary == "plugins of canister `api` are refused for 5 reasons"


def test_named_entries_start_where_the_canister_really_is(tmp_path: Path) -> None:
    """Through a canister's folder that is a link, `..` leads to what is above its target: the same thing is looked at and opened."""
    (tmp_path / "deep" / "real").mkdir(parents=True)
    (tmp_path / "deep" / "shared").mkdir()
    (tmp_path / "shared").touch()
    (tmp_path / "link").symlink_to("deep/real")
    step = PluginStep(path=tmp_path / "plugin.wasm", files=("../shared",), file_keys=("site",))
    refused: list[OrchestratorError] = []

    directories, files = load_declared(Canister(name="api", directory=tmp_path / "link"), step, refused, tmp_path)

    assert (refused, files) == ([], ())
    assert [(each.key, each.host) for each in directories] == [("site", tmp_path / "deep" / "shared")]
