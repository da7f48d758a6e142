"""The cache of downloads is filled ahead of time."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, PluginStep, PrebuiltStep, RecipeReference, ScriptStep
from orchestrator.engine.packages import fetch_packages, name_components
from orchestrator.engine.preflight import check_plugins
from orchestrator.engine.sources import open_packages
from orchestrator.errors import OrchestratorError
from tests.support.components import component_that_returns_ok
from tests.support.faulty_server import Answer, faulty_server
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import Pauses
from tests.support.projects import Recording, make_project, make_wasm, memory_session

pytestmark = pytest.mark.anyio
COMPONENT = component_that_returns_ok()
MODULE = make_wasm("far")
TEMPLATE = b"build: { steps: [{ type: script, command: make }] }\n"
SHA256 = hashlib.sha256(COMPONENT).hexdigest()


async def test_what_is_fetched_is_there_offline(tmp_path: Path, network: MemoryNetwork) -> None:
    """Recipes, plugins and modules are kept; a module that is not pinned is pinned by the lock file."""
    recording = Recording()
    with faulty_server(Answer(body=COMPONENT), Answer(body=MODULE), Answer(body=TEMPLATE)) as server:
        build = (PrebuiltStep(url=server.url, sha256=SHA256), PrebuiltStep(url=server.url + "?key=secret"))
        sync = (ScriptStep(commands=("make",)), PluginStep(url=server.url, sha256=SHA256.upper()))
        used = Canister(name="used", directory=tmp_path, build=build, sync=sync)
        other = Canister(name="other", directory=tmp_path, sync=(PluginStep(url=server.url, sha256="0" * 64),))
        third = Canister(name="third", directory=tmp_path, recipe=RecipeReference(address=server.url + "?recipe"))
        packages = open_packages(tmp_path / "packages", recording, Pauses())
        session = replace(memory_session(make_project(tmp_path, [used, other, third]), network, recording), packages=packages)

        assert await fetch_packages(session, ["used"]) == (SHA256, hashlib.sha256(MODULE).hexdigest())
        await check_plugins(replace(session, offline=True), [used])
        assert await fetch_packages(session, ["third"]) == (hashlib.sha256(TEMPLATE).hexdigest(),)
        assert await fetch_packages(replace(session, offline=True), ["used", "third"])
        assert len(server.requests) == 3
        with pytest.raises(OrchestratorError, match="is not the one that the manifest names"):
            await fetch_packages(session)

    assert [getattr(event, "slug", "") for event in recording.of("warning")] == ["build/unpinned", "recipe/unpinned"]
    assert "secret" not in session.layout.recipe_lock.read_text()


@pytest.mark.parametrize("broken", [False, True])
async def test_recipes_of_a_project_have_names(tmp_path: Path, *, broken: bool) -> None:
    """A downloaded recipe is called by its address, without secrets; a broken lock file is no hindrance."""
    addresses = {"@acme/a@v1": None, "https://me:hunter2@x.test/b?k=v": "b" * 64, "./c.hbs": "c" * 64, "@acme/d@v1": None}
    canisters = [
        Canister(name=f"c{index}", directory=tmp_path, recipe=RecipeReference(address=address, sha256=sha256))
        for index, (address, sha256) in enumerate(addresses.items())
    ]
    text = "<<<" if broken else json.dumps({"v": 1, "recipes": {"@acme/a@v1": "a" * 64}})
    (tmp_path / "orchestrator.lock").write_text(text)

    names = name_components(make_project(tmp_path, canisters))

    pinned = {} if broken else {"a" * 64: "recipe @acme/a@v1"}
    assert names == pinned | {"b" * 64: "recipe https://***@x.test/b?k=***"}


async def test_components_of_a_project_have_names(tmp_path: Path) -> None:
    """A component of the project is called by its step and its canister; one that is not built yet, or no file, has no name."""
    (tmp_path / "plugin.wasm").write_bytes(COMPONENT)
    os.mkfifo(tmp_path / "pipe.wasm")
    paths = [tmp_path / f"{name}.wasm" for name in ("plugin", "later", "pipe")]
    steps = tuple(PluginStep(path=path, name="upload") for path in paths)
    project = make_project(tmp_path, [Canister(name="site", directory=tmp_path, sync=steps)])

    assert name_components(project) == {SHA256: "upload of canister site"}
