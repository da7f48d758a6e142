"""Builds run at once, report everything, and only modules get through."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import Canister, ExpandedRecipe, PrebuiltStep
from orchestrator.engine.building import build_canisters
from orchestrator.engine.session import Session
from orchestrator.errors import BuildError, Span
from orchestrator.store import ArtifactStore
from tests.support.memory_network import MemoryNetwork
from tests.support.package_caches import served_cache
from tests.support.projects import Recording, make_project, make_wasm, memory_session, prebuilt, script

pytestmark = pytest.mark.anyio
SPAN = Span(path=Path("icp.yaml"), line=4, column=7)


@pytest.fixture
def recording() -> Recording:
    """Return an empty recording."""
    return Recording()


@pytest.fixture
def session(tmp_path: Path, network: MemoryNetwork, recording: Recording) -> Session:
    """Return a session of an empty project."""
    return memory_session(make_project(tmp_path, []), network, recording)


async def test_a_script_makes_a_module(tmp_path: Path, session: Session, recording: Recording) -> None:
    """A script learns where to write and which environment it builds for; its lines are events."""
    (tmp_path / "made.wasm").write_bytes(make_wasm("made"))
    canister = Canister(
        name="a", directory=tmp_path, build=(script('echo "for $ICP_CLI_ENVIRONMENT"', 'cp made.wasm "$ICP_WASM_OUTPUT_PATH"'),)
    )

    artifacts = await build_canisters(session, [canister])

    assert artifacts["a"].sha256 == hashlib.sha256(make_wasm("made")).hexdigest()
    assert recording.names == ["build-started", "build-output", "build-finished"]
    store = ArtifactStore(directory=session.layout.artifacts, index=session.files.artifacts)
    assert store.load(artifacts["a"].sha256) == make_wasm("made")


async def test_steps_follow_each_other(tmp_path: Path, session: Session) -> None:
    """A step sees what the step before it wrote."""
    steps = (prebuilt(tmp_path, "base"), script('cp "$ICP_WASM_OUTPUT_PATH" seen.wasm'))

    await build_canisters(session, [Canister(name="a", directory=tmp_path, build=steps)])

    assert (tmp_path / "seen.wasm").read_bytes() == make_wasm("base")


async def test_a_failed_command_is_named(tmp_path: Path, session: Session, recording: Recording) -> None:
    """The error has the command, its status and the step's place; the event has the step's number."""
    canister = Canister(name="a", directory=tmp_path, build=(script("true"), replace(script("exit 7"), span=SPAN)))

    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [canister])

    assert caught.value.detail == "command `exit 7` failed with status 7"
    assert caught.value.span == SPAN
    (failed,) = recording.of("build-failed")
    assert getattr(failed, "index", None) == 2


async def test_a_recipe_is_blamed_where_it_is_used(tmp_path: Path, session: Session) -> None:
    """A step that a recipe made is not in the manifest: the place is that of the recipe, and the step's stands beside it."""
    inside = Span(path=tmp_path / "rust" / "recipe.hbs (rendered for a)", line=4, column=16)
    origin = ExpandedRecipe(address="rust", sha256="a" * 64, remote=False, build=1, sync=0, span=SPAN)
    canister = Canister(name="a", directory=tmp_path, build=(replace(script("exit 3"), span=inside),), expanded=origin)

    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [canister])

    (told,) = caught.value.diagnostics
    assert (caught.value.span, told.span) == (SPAN, SPAN)
    assert told.related == ((inside, "rendered from the recipe `rust`"),)
    own = replace(canister, expanded=replace(origin, build=0))
    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [own])
    assert caught.value.diagnostics[0].span == inside


async def test_one_failure_does_not_hide_another(tmp_path: Path, session: Session, recording: Recording) -> None:
    """Every canister is built, and all failures come in one error."""
    broken = [Canister(name=name, directory=tmp_path, build=(script("exit 1"),)) for name in ("a", "b")]
    fine = Canister(name="c", directory=tmp_path, build=(prebuilt(tmp_path, "c"),))

    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [*broken, fine])

    assert len(caught.value.diagnostics) == 2
    assert len(recording.of("build-finished")) == 1


async def test_a_missing_module_names_the_path(tmp_path: Path, session: Session) -> None:
    """A pre-built module that is not there is reported with its path and its place in the manifest."""
    step = PrebuiltStep(path=tmp_path / "nowhere.wasm", span=SPAN)

    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [Canister(name="a", directory=tmp_path, build=(step,))])

    assert caught.value.slug == "build/missing-module"
    assert str(tmp_path / "nowhere.wasm") in str(caught.value.detail)
    assert caught.value.span == SPAN


async def test_a_build_without_output_is_explained(tmp_path: Path, session: Session) -> None:
    """A script that writes nothing is told where it should have written."""
    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [Canister(name="a", directory=tmp_path, build=(script("true"),))])

    assert caught.value.slug == "build/no-output"
    assert "ICP_WASM_OUTPUT_PATH" in str(caught.value.hint)


async def test_what_is_not_wasm_is_refused(tmp_path: Path, session: Session) -> None:
    """A file that is no module fails at the build, not at the install."""
    canister = Canister(name="a", directory=tmp_path, build=(prebuilt(tmp_path, "a", b"hello"),))

    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [canister])

    assert caught.value.slug == "build/not-wasm"


@pytest.mark.parametrize("upper", [False, True])
async def test_a_checksum_is_compared_without_regard_to_case(tmp_path: Path, session: Session, *, upper: bool) -> None:
    """Hex digits are digits in both cases."""
    step = prebuilt(tmp_path, "a")
    sha256 = hashlib.sha256(make_wasm("a")).hexdigest()
    canister = Canister(name="a", directory=tmp_path, build=(replace(step, sha256=sha256.upper() if upper else sha256),))

    assert (await build_canisters(session, [canister]))["a"].sha256 == sha256


async def test_a_wrong_checksum_gives_both(tmp_path: Path, session: Session) -> None:
    """What was found is told, but no line with it to paste: it is of a file that nobody has reviewed."""
    canister = Canister(name="a", directory=tmp_path, build=(replace(prebuilt(tmp_path, "a"), sha256="00" * 32),))

    with pytest.raises(BuildError) as caught:
        await build_canisters(session, [canister])

    assert caught.value.slug == "build/checksum"
    assert hashlib.sha256(make_wasm("a")).hexdigest() in str(caught.value.detail)
    assert "sha256sum" in str(caught.value.hint)


async def test_a_url_is_fetched(tmp_path: Path, session: Session) -> None:
    """A module that lives elsewhere is downloaded once, and pinned by the lock file."""
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return make_wasm("far")

    step = PrebuiltStep(url="https://modules.test/far.wasm")
    opened = replace(session, packages=served_cache(tmp_path / "packages", fetch))
    for _ in range(2):
        await build_canisters(opened, [Canister(name="a", directory=tmp_path, build=(step,))])

    assert asked == ["https://modules.test/far.wasm"]


async def test_canisters_build_at_once(tmp_path: Path, session: Session) -> None:
    """Two builds that wait for each other both end."""
    prebuilt(tmp_path, "a")
    copy = "cp a.wasm $ICP_WASM_OUTPUT_PATH"
    wait = "touch {0}.mark; while [ ! -e {1}.mark ]; do :; done"
    first = Canister(name="one", directory=tmp_path, build=(script(wait.format("one", "two"), copy),))
    second = Canister(name="two", directory=tmp_path, build=(script(wait.format("two", "one"), copy),))

    assert set(await build_canisters(session, [first, second])) == {"one", "two"}
