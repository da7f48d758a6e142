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
from orchestrator.manifest import MANIFEST_FILE, OVERLAY_FILE, load_project

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


OVERLAYS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{index}")
    for page in PAGES
    for index, block in enumerate(blocks(page))
    if block.startswith(f"# {OVERLAY_FILE}\n")
]
LEDGER = "canisters: [{name: index, recipe: {type: rust}}]\nenvironments: [{name: production}]\n"
DEPENDENCY = "dependencies: [{name: ledger, path: ../ledger}]\n"
STEPS = "[{type: script, command: 'true'}, {type: plugin, path: plugin.wasm}]"
BACKEND = f"canisters: [{{name: backend, recipe: {{type: rust}}, sync: {{steps: {STEPS}}}}}]\n{DEPENDENCY}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_python_can_be_run_as_it_stands(script: str) -> None:
    """A script compiles as a file, without a prompt's liberties, and uses public names that exist."""
    tree = ast.parse(script)
    compile(tree, "script.py", "exec")
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "orchestrator"}

    assert named <= set(orchestrator.__all__)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the folder of a project beside another one."""
    for name in ("shop", "ledger"):
        (tmp_path / name).mkdir()
    (tmp_path / "ledger" / MANIFEST_FILE).write_text(LEDGER, encoding="utf-8")
    return tmp_path / "shop"


@pytest.mark.parametrize("text", MANIFESTS)
def test_manifests_load(text: str, shop: Path) -> None:
    """What a page has for `icp.yaml` is taken without errors and warnings; it may speak of a project beside it."""
    depends = "../ledger" in text and "dependencies:" not in text
    (shop / MANIFEST_FILE).write_text(text + DEPENDENCY if depends else text, encoding="utf-8")

    assert load_project(shop).warnings == ()


@pytest.mark.parametrize("text", OVERLAYS)
def test_overlays_load(text: str, shop: Path) -> None:
    """What a page has for `orchestrator.yaml` is taken beside a manifest without errors and warnings."""
    (shop / MANIFEST_FILE).write_text(BACKEND, encoding="utf-8")
    (shop / OVERLAY_FILE).write_text(text, encoding="utf-8")

    assert load_project(shop).warnings == ()


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
    """The recipe compiles both canisters of the page, with their interfaces, and says where a mistake is."""
    page = ROOT / "docs/how-to/build-a-canister.md"
    (tmp_path / "node_modules").symlink_to(npm_modules)
    manifest = block_with(page, "type: motoko")
    shop = manifest.partition("\n")[2].replace("counter", "shop")
    (tmp_path / MANIFEST_FILE).write_text(manifest + shop, encoding="utf-8")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/counter.mo").write_text(block_with(page, "var count"), encoding="utf-8")
    (tmp_path / "src/shop.mo").write_text(block_with(page, "envVar<system>("), encoding="utf-8")
    environ = {**os.environ, "ICP_HOME": str(tmp_path / "icp"), "ORCHESTRATOR_HOME": str(tmp_path / "own")}

    def build() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "orchestrator.cli", "build"]
        return subprocess.run(command, cwd=tmp_path, env=environ, check=False, capture_output=True, text=True)

    done = build()
    assert done.returncode == 0, done.stderr
    modules = [path.read_bytes() for path in (tmp_path / ".orchestrator/cache/artifacts").glob("*.wasm")]
    for method in (b"increment: () -> (nat)", b"sell: () -> (nat)"):
        assert [method in module for module in modules].count(True) == 1
    (tmp_path / "src/counter.mo").write_text("persistent actor {\n  let x = ;\n}\n", encoding="utf-8")
    broken = build()
    assert broken.returncode == 1
    assert "[counter] | src/counter.mo:2:11: unexpected token" in broken.stderr
