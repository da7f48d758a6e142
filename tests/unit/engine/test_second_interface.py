"""Plugin steps for icp:sync-plugin@0.2: what they are given of the project and the network, and whom they reach."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, PluginStep, Project
from orchestrator.engine.session import Session
from orchestrator.engine.stores import open_stores
from orchestrator.engine.verbs import deploy, sync
from orchestrator.errors import PluginFailedError, PluginRefusedError, Span
from tests.support.components import component_that_returns_ok
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_project, memory_session, prebuilt
from tests.support.second_plugins import plugin_that_calls_by_name, plugin_that_reads, plugin_that_tells

pytestmark = pytest.mark.anyio
SPAN = Span(path=Path("icp.yaml"), line=9, column=3)


@pytest.fixture(scope="session")
def component_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of compiled components that all tests share."""
    return tmp_path_factory.mktemp("components")


def session(directory: Path, network: MemoryNetwork, cache: Path, component: bytes, **keys: object) -> Session:
    """Return a session with the canisters `api`, which has one plugin step with these keys, and `backend`."""
    path = directory / "plugin.wasm"
    path.write_bytes(component)
    step = PluginStep(path=path, span=SPAN, **keys)  # type: ignore[arg-type]  # the test's choice
    canisters = [
        Canister(name="api", directory=directory, build=(prebuilt(directory, "api"),), sync=(step,)),
        Canister(name="backend", directory=directory, build=(prebuilt(directory, "backend"),)),
    ]
    project: Project = make_project(directory, canisters)
    return replace(memory_session(project, network), cache_directory=cache)


async def error_of(opened: Session) -> str:
    """Deploy, and return the plugin's error."""
    with pytest.raises(PluginFailedError) as caught:
        await deploy(opened)
    return caught.value.summary.removeprefix("plugin returned error: ")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param((36, 0), "pages", id="key of a directory"),
        pytest.param((36, 8), "dist", id="directory"),
        pytest.param((44, 0), "motd", id="key of a file"),
        pytest.param((44, 16), "hi", id="content"),
        pytest.param((52, 8), "1.5", id="field"),
        pytest.param((80, 16), "backend", id="second name"),
    ],
)
async def test_input(tmp_path: Path, network: MemoryNetwork, component_cache: Path, path: tuple[int, ...], expected: str) -> None:
    """Named entries are directories or files by what is on disk; fields and all ids of the environment are there."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "motd.txt").write_text("hi", encoding="utf-8")
    keys = {"files": ("motd.txt", "dist"), "file_keys": ("motd", "pages"), "fields": (("level", "1.5"),)}

    assert await error_of(session(tmp_path, network, component_cache, plugin_that_tells(*path), **keys)) == expected


async def test_entries_anywhere_in_the_project(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A named entry may go up as long as it stays in the project; its text decides, whatever is there on the way."""
    (tmp_path / "dist").mkdir()
    keys = {"files": ("absent/../dist",), "file_keys": ("pages",)}

    assert await error_of(session(tmp_path, network, component_cache, plugin_that_tells(36, 8), **keys)) == "absent/../dist"
    with pytest.raises(PluginRefusedError, match="not a path within the project"):
        await deploy(session(tmp_path, network, component_cache, plugin_that_tells(36, 8), files=("../x",), file_keys=("k",)))


async def test_urls(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """The plugin learns where the network is, by a URL with a path."""
    opened = session(tmp_path, network, component_cache, plugin_that_tells(16))
    async with network.connect(opened) as connection:
        assert await error_of(opened) == f"{connection.api_url}/"


async def test_call_to_another_canister(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A call by name arrives at the canister of that name, as a journaled update."""
    opened = session(tmp_path, network, component_cache, plugin_that_calls_by_name("backend", "store"), canisters=("backend",))

    await error_of(opened)

    (called,) = (canister for method, canister in network.updates if method == "store")
    async with network.connect(opened) as connection:
        assert called == open_stores(opened, connection).ids.load()["backend"]
    assert '"method": "store"' in opened.files.journal(opened.run).read_text()


async def test_call_that_is_not_listed(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """Without the step's leave there is no call."""
    told = await error_of(session(tmp_path, network, component_cache, plugin_that_calls_by_name("backend", "store")))

    assert told.startswith("plugin is not permitted to call canister 'backend'")
    assert "store" not in network.methods


async def test_canister_that_nobody_knows(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A name that is no canister of the environment is refused before the plugin runs, at the step."""
    with pytest.raises(PluginRefusedError, match="`ledger` as callable") as caught:
        await deploy(session(tmp_path, network, component_cache, plugin_that_tells(0), canisters=("ledger",)))

    assert (caught.value.slug, caught.value.span) == ("plugin/unknown-canister", SPAN)


async def test_sections(tmp_path: Path, network: MemoryNetwork, component_cache: Path) -> None:
    """A plugin reads a section of its canister's module; one that is not there is none."""
    opened = session(tmp_path, network, component_cache, plugin_that_reads("candid:service"))
    before = await error_of(opened)
    for each in network.canisters:
        network.metadata[each, "candid:service"] = b"service : {}"

    with pytest.raises(PluginFailedError, match=re.escape("service : {}")):
        await sync(opened)
    assert before == "none"


@pytest.mark.parametrize(
    ("second", "keys", "words"),
    [
        (True, {"dirs": ("dist",)}, "knows no `dirs`"),
        (True, {"files": ("motd.txt",)}, "`motd.txt` has no name"),
        (False, {"files": ("motd.txt",), "file_keys": ("motd",)}, "`files` gives `motd.txt` the name `motd`"),
        (False, {"dirs": ("dist",), "dir_keys": ("pages",)}, "`dirs` gives `dist` the name `pages`"),
    ],
)
async def test_forms_of_the_other_version(
    tmp_path: Path,
    network: MemoryNetwork,
    component_cache: Path,
    second: bool,  # noqa: FBT001 - pytest passes it by name
    keys: dict[str, object],
    words: str,
) -> None:
    """Entries written for the other version are refused, with what to write."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "motd.txt").write_text("hi", encoding="utf-8")
    component = plugin_that_tells(0) if second else component_that_returns_ok()

    with pytest.raises(PluginRefusedError, match=words) as caught:
        await deploy(session(tmp_path, network, component_cache, component, **keys))

    assert caught.value.slug == "plugin/entry-names"
    assert caught.value.hint is not None
