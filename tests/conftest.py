"""Fixtures that any test may ask for."""

import json
import shutil
from pathlib import Path

import pytest

NPM_FOLDER = Path(__file__).parent / "support" / "npm"


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
def component_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plugin cache that the whole session shares, so that each component is compiled once."""
    return tmp_path_factory.mktemp("components")
