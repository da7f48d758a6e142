"""Fixtures that any test may ask for."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.replica_process import RunningReplica, running_replica

NPM_FOLDER = Path(__file__).parent / "support" / "npm"

# The same examples in every run; how long one takes tells how busy the machine is, not what is wrong.
settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# A shell that runs the suite in the background has it ignore Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def npm_modules() -> Path:
    """Return the `node_modules` folder of the test oracles, or skip with the reason."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    modules = NPM_FOLDER / "node_modules"
    wanted = json.loads((NPM_FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name, version in wanted.items():
        manifest = modules / name / "package.json"
        if not manifest.exists():
            pytest.skip(f"npm package {name} is not installed: run `scripts/install --dev`")
        if json.loads(manifest.read_text(encoding="utf-8"))["version"] != version:
            pytest.skip(f"npm package {name} is not at {version}: run `scripts/install --dev`")
    return modules


@pytest.fixture(scope="session")
def compile_actor(npm_modules: Path, request: pytest.FixtureRequest) -> Callable[[str], bytes]:
    """Return what compiles a Motoko text, once in all runs: modules are kept in pytest's cache."""
    from tests.support.vm import compile_motoko

    cache = request.config.cache
    assert cache is not None
    kept = cache.mkdir("motoko")
    return lambda source: compile_motoko(source, npm_modules, kept)


@pytest.fixture(scope="session")
def component_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plugin cache that the whole session shares, so that each component is compiled once."""
    return tmp_path_factory.mktemp("components")


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReplica]:
    """Run one embedded network for the tests of a file."""
    with running_replica(tmp_path_factory.mktemp("replica")) as running:
        yield running
