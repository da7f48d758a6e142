"""Code on the pages is code that works."""

import ast
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import orchestrator
from orchestrator.manifest import MANIFEST_FILE, load_project

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MANIFEST = """canisters: []
networks:
  - {name: local, mode: managed, gateway: {port: 0}}
"""
_BLOCK = re.compile(r"(?:^(?: {4}.*)?\n)+", re.MULTILINE)


def blocks(page: Path) -> list[str]:
    """Return the indented blocks of a page."""
    found = (textwrap.dedent(block).strip("\n") + "\n" for block in _BLOCK.findall(page.read_text(encoding="utf-8")))
    return [block for block in found if block.strip()]


def block_with(page: Path, text: str) -> str:
    """Return the one block of a page that has a text in it."""
    (found,) = (block for block in blocks(page) if text in block)
    return found


SCRIPTS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{index}")
    for page in PAGES
    for index, block in enumerate(blocks(page))
    if re.match(r"(import \w+|from [\w.]+ import .*)$", block, re.MULTILINE)
]
MANIFESTS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{index}")
    for page in PAGES
    for index, block in enumerate(blocks(page))
    if re.match(r"(canisters|networks|environments):$", block, re.MULTILINE)
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_python_can_be_run_as_it_stands(script: str) -> None:
    """A script compiles as a file, without a prompt's liberties, and uses public names that exist."""
    tree = ast.parse(script)
    compile(tree, "script.py", "exec")
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "orchestrator"}

    assert named <= set(orchestrator.__all__)


@pytest.mark.parametrize("text", MANIFESTS)
def test_manifests_load(text: str, tmp_path: Path) -> None:
    """What a page has for `icp.yaml` is taken without errors and warnings."""
    (tmp_path / MANIFEST_FILE).write_text(text, encoding="utf-8")

    assert load_project(tmp_path).warnings == ()


@pytest.mark.slow
def test_the_clock_is_moved_by_the_script_on_the_page(tmp_path: Path) -> None:
    """The script of the page about the embedded network runs beside a running network, and prints its time."""
    (tmp_path / MANIFEST_FILE).write_text(MANIFEST, encoding="utf-8")
    (tmp_path / "script.py").write_text(block_with(ROOT / "docs/reference/embedded-network.md", "asyncio.run"), encoding="utf-8")
    environ = {**os.environ, "ICP_HOME": str(tmp_path / "icp"), "ORCHESTRATOR_HOME": str(tmp_path / "own")}

    def run(*words: str) -> str:
        return subprocess.run([sys.executable, *words], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True).stdout

    run("-m", "orchestrator.cli", "network", "start")
    try:
        first, second = int(run("script.py")), int(run("script.py"))
    finally:
        run("-m", "orchestrator.cli", "network", "stop")

    assert second - first >= 3600 * 10**9


@pytest.mark.slow
@pytest.mark.npm
def test_motoko_is_built_as_the_page_says(tmp_path: Path, npm_modules: Path) -> None:
    """The build script compiles both canisters of the page, with their interfaces, and says where a mistake is."""
    page = ROOT / "docs/how-to/build-a-canister.md"
    (tmp_path / "node_modules").symlink_to(npm_modules)
    (tmp_path / "motoko.mjs").write_text(block_with(page, "createRequire"), encoding="utf-8")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/counter.mo").write_text(block_with(page, "var count"), encoding="utf-8")
    (tmp_path / "src/shop.mo").write_text(block_with(page, "envVar<system>("), encoding="utf-8")

    def build(source: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "ICP_WASM_OUTPUT_PATH": str(tmp_path / "out.wasm")}
        return subprocess.run(["node", "motoko.mjs", source], cwd=tmp_path, env=environ, check=False, capture_output=True, text=True)

    for source, method in (("src/counter.mo", b"increment: () -> (nat)"), ("src/shop.mo", b"sell: () -> (nat)")):
        done = build(source)
        assert (done.returncode, done.stderr) == (0, "")
        assert method in (tmp_path / "out.wasm").read_bytes()
    (tmp_path / "src/counter.mo").write_text("persistent actor {\n  let x = ;\n}\n", encoding="utf-8")
    broken = build("src/counter.mo")
    assert broken.returncode == 1
    assert broken.stderr.startswith("src/counter.mo:2: unexpected token")
