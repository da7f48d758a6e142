"""Build every committed WebAssembly file: python -m scripts.wasm.rebuild [FOLDER].

The same sources give the same bytes on any machine: the compilers are pinned, and no path of the machine
reaches them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from orchestrator.sandbox.componentizing import componentize

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "tests" / "support" / "npm" / "node_modules"
ZIG_OPTIONS = (
    "-target",
    "wasm32-freestanding",
    "-mcpu=generic",
    "-O",
    "ReleaseSmall",
    "-fno-entry",
    "-fstrip",
    "--export=exec",
    "--export=cabi_realloc",
    "--stack",
    "262144",
)


def main() -> None:
    """Build all files, below the folder given or in place."""
    target = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    build_motoko(Path("examples/hello/src/main.mo"), target / "examples/hello/phrasebook.wasm")
    build_zig_plugin(Path("examples/hello/plugin/seed.zig"), target / "examples/hello/plugin/seed.wasm")


def build_motoko(source: Path, wasm: Path) -> None:
    """Compile a Motoko actor with the compiler that npm's `motoko` carries."""
    wasm.parent.mkdir(parents=True, exist_ok=True)
    script = ROOT / "scripts" / "wasm" / "motoko.mjs"
    subprocess.run(["node", script, NODE_MODULES, source, wasm], check=True, cwd=ROOT)


def build_zig_plugin(source: Path, wasm: Path) -> None:
    """Compile a Zig plugin to a core module and make a component of it."""
    wasm.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        core = Path(folder) / "plugin.wasm"
        command = [sys.executable, "-m", "ziglang", "build-exe", source.name, *ZIG_OPTIONS, f"-femit-bin={core}"]
        subprocess.run(command, check=True, cwd=ROOT / source.parent)
        wasm.write_bytes(componentize(core.read_bytes()))


if __name__ == "__main__":
    main()
