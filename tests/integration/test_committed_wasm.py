"""The committed WebAssembly is what its source in this repository builds to."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def committed_wasm() -> list[Path]:
    """Return the paths of all committed modules and components, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--", "*.wasm"], check=True, capture_output=True, text=True, cwd=ROOT)
    return sorted(Path(line) for line in listed.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.npm
def test_committed_wasm_is_built_from_source(npm_modules: Path, tmp_path: Path) -> None:
    """Rebuilding every committed wasm file gives the same bytes, and no committed file is left out."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed: run `scripts/install --dev --toolchains`")
    assert npm_modules.is_dir()

    subprocess.run([sys.executable, "-m", "scripts.wasm.rebuild", tmp_path], check=True, cwd=ROOT)

    rebuilt = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.wasm"))
    assert rebuilt == committed_wasm()
    for path in rebuilt:
        assert (tmp_path / path).read_bytes() == (ROOT / path).read_bytes(), path
