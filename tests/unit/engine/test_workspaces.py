"""A workspace is deployed as one: its canisters find each other by the names that their own projects give them."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Project
from orchestrator.engine.recipes import expand_recipes
from orchestrator.engine.session import Session, check_canister, open_session
from orchestrator.engine.stores import open_stores
from orchestrator.engine.verbs import build, deploy, plan
from orchestrator.errors import DeployError, PluginFailedError, UsageError
from orchestrator.manifest import load_nearest
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_wasm, memory_session
from tests.support.second_plugins import plugin_that_tells
from tests.support.workspaces import write_files

pytestmark = pytest.mark.anyio
PREFIX = "PUBLIC_CANISTER_ID:"
STEP = "build: {steps: [{type: pre-built, path: a.wasm}]}"
FILES = {
    "icp.yaml": f"""canisters: [{{name: app, {STEP}}}]
dependencies:
  - {{name: lib, path: lib}}
  - {{name: mid, path: mid}}
environments: [{{name: staging}}]
""",
    "lib/icp.yaml": f"""canisters:
  - {{name: core, {STEP}, settings: {{controllers: [spare]}}}}
  - {{name: spare, {STEP}}}
environments: [{{name: staging}}]
""",
    "mid/icp.yaml": f"""canisters: [{{name: core, {STEP}, depends_on: ["thelib:core"]}}]
dependencies: [{{name: thelib, path: ../lib, canisters: [core]}}]
""",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return the root of three projects, two of which share the third."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        (path.parent / "a.wasm").write_bytes(make_wasm(name))
    return tmp_path


@pytest.fixture
def network() -> MemoryNetwork:
    """Return a network with nothing on it."""
    return MemoryNetwork()


def open_in(directory: Path, network: MemoryNetwork) -> Session:
    """Return a session of somebody who works in a directory."""
    return memory_session(load_nearest(directory), network)


async def ids_of(opened: Session, network: MemoryNetwork) -> dict[str, str]:
    """Return the ids of the environment."""
    async with network.connect(opened) as connection:
        return {name: str(principal) for name, principal in open_stores(opened, connection).ids.load().items()}


async def variables_of(opened: Session, network: MemoryNetwork) -> dict[str, dict[str, str]]:
    """Return what each canister is told: the canister's key by the end of the variable's name."""
    ids = await ids_of(opened, network)
    keys = {principal: key for key, principal in ids.items()}
    told = {}
    for principal, live in network.canisters.items():
        variables = live.settings.environment_variables
        told[keys[str(principal)]] = {name.removeprefix(PREFIX): keys[value] for name, value in variables.items()}
    return told


async def test_canisters_are_told_by_their_own_names(directory: Path, network: MemoryNetwork) -> None:
    """Each is told its project's canisters by name, and those that dependencies show by alias and name."""
    opened = open_in(directory, network)

    await deploy(opened)

    lib = {"core": "lib:core", "spare": "lib:spare"}
    assert await variables_of(opened, network) == {
        "app": {"app": "app", "lib:core": "lib:core", "lib:spare": "lib:spare", "mid:core": "mid:core"},
        "lib:core": lib,
        "lib:spare": lib,
        "mid:core": {"core": "mid:core", "thelib:core": "lib:core"},
    }
    ids = await ids_of(opened, network)
    core = next(live for principal, live in network.canisters.items() if str(principal) == ids["lib:core"])
    assert ids["lib:spare"] in {str(each) for each in core.settings.controllers}
    assert [change.action for change in (await plan(open_in(directory, network))).changes] == ["unchanged"] * 4


async def test_a_deploy_in_a_member_is_about_its_canisters(directory: Path, network: MemoryNetwork) -> None:
    """It is refused while canisters that they are bound to have no id; building is about everything."""
    member = open_in(directory / "mid", network)

    with pytest.raises(DeployError, match=r"`mid` depends on canisters that are not deployed .*: lib:core$") as caught:
        await deploy(member)
    assert f"`orchestrator deploy --env local --project {directory}`" in (caught.value.hint or "")
    assert network.methods == []
    await deploy(open_in(directory / "lib", network))
    await deploy(member)

    assert list(await ids_of(member, network)) == ["lib:core", "lib:spare", "mid:core"]
    assert (await plan(member)).canisters == ("mid:core",)
    assert set(await build(member)) == {"app", "lib:core", "lib:spare", "mid:core"}


async def test_names_that_users_type(directory: Path, network: MemoryNetwork) -> None:
    """Keys everywhere, `alias:name` and own names where the user works."""
    root, member = open_in(directory, network), open_in(directory / "mid", network)

    assert set(await build(root, ["lib:core", "mid:core"])) == {"lib:core", "mid:core"}
    assert set(await build(member, ["core", "thelib:core"])) == {"lib:core", "mid:core"}
    check_canister(member, "thelib:core")
    for opened, name in ((root, "core"), (root, "thelib:core"), (member, "spare")):
        with pytest.raises(UsageError):
            check_canister(opened, name)
    with pytest.raises(UsageError) as caught:
        check_canister(root, "core")
    assert "did you mean `lib:core` or `mid:core`?" in (caught.value.hint or "")
    with pytest.raises(UsageError) as caught:
        check_canister(open_in(directory / "lib", network), "spaer")
    assert "did you mean `spare`?" in (caught.value.hint or "")


async def test_every_project_must_know_the_environment(directory: Path) -> None:
    """An environment that a dependency does not define is refused where it is used."""
    project: Project = load_nearest(directory)
    with pytest.raises(UsageError, match="environment `staging` is not defined by dependency mid") as caught:
        open_session(project, "staging", verb="deploy", environ={})
    assert caught.value.slug == "usage/environment-not-defined"


async def test_a_proxy_is_named_as_canisters_are(directory: Path) -> None:
    """On the command line, where the user works."""
    project = load_nearest(directory / "mid")
    assert open_session(project, verb="deploy", environ={}, proxy="thelib:core").proxy == "lib:core"
    assert open_session(project, verb="deploy", environ={}, proxy="aaaaa-aa").proxy == "aaaaa-aa"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param((80, 16), "core", id="id by own name"),
        pytest.param((44, 16), "in the member", id="file", marks=pytest.mark.slow),
    ],
)
async def test_what_a_members_plugin_is_given(tmp_path: Path, network: MemoryNetwork, path: tuple[int, ...], expected: str) -> None:
    """Ids by key and those of its own project by name, and files of its project, which is not in the root's directory."""
    plugin = "{type: plugin, path: p.wasm, files: {k: ../note.txt}, canisters: [core]}"
    files = {
        "root/icp.yaml": "dependencies: [{name: lib, path: ../lib}]",
        "lib/icp.yaml": "canisters: [sub]",
        "lib/note.txt": "in the member",
        "lib/sub/canister.yaml": f"name: core\n{STEP}\nsync: {{steps: [{plugin}]}}",
    }
    write_files(tmp_path, files)
    (tmp_path / "lib" / "sub" / "a.wasm").write_bytes(make_wasm())
    (tmp_path / "lib" / "sub" / "p.wasm").write_bytes(plugin_that_tells(*path))

    with pytest.raises(PluginFailedError, match=f"plugin returned error: {expected}$"):
        await deploy(replace(open_in(tmp_path / "root", network), cache_directory=tmp_path / "components"))


async def test_steps_of_a_members_recipe(directory: Path, network: MemoryNetwork) -> None:
    """The template is looked for in the member, and its steps name canisters as the member does."""
    member = directory / "mid" / "icp.yaml"
    member.write_text(FILES["mid/icp.yaml"].replace(STEP, "recipe: {type: ./r.hbs}"), encoding="utf-8")
    steps = "sync: {steps: [{type: plugin, path: p.wasm, proxy: 'thelib:core', name: '{{_.canister.name}}'}]}"
    (directory / "mid" / "r.hbs").write_text(f"{STEP}\n{steps}\n", encoding="utf-8")
    opened = open_in(directory, network)

    (expanded,) = await expand_recipes(opened, [each for each in opened.environment.canisters if each.name == "mid:core"])

    assert [(step.name, step.proxy) for step in expanded.sync] == [("core", "lib:core")]  # type: ignore[union-attr]
    assert expanded.build[0].path == directory / "mid" / "a.wasm"  # type: ignore[union-attr]


async def test_an_environment_of_a_member_counts_below_the_roots(directory: Path, network: MemoryNetwork) -> None:
    """What a member says about its canisters in an environment is planned for."""
    member = directory / "lib" / "icp.yaml"
    override = "environments: [{name: local, canisters: [core], settings: {core: {compute_allocation: 3}}}]"
    member.write_text(FILES["lib/icp.yaml"].replace("environments: [{name: staging}]", override), encoding="utf-8")
    opened = open_in(directory, network)

    await deploy(opened)

    assert "lib:spare" not in await ids_of(opened, network)
    assert sorted(live.settings.compute_allocation or 0 for live in network.canisters.values()) == [0, 0, 3]
    assert replace(opened, verb="plan").environment.canisters[0].bindings["lib:spare"] == "lib:spare"
