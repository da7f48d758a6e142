"""Canisters of bundled recipes, built and deployed for real."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.engine.modules import load_metadata
from tests.support.recipe_scripts import EMPTY_MODULE, Workshop
from tests.support.workspace import ROOT, Workspace, workspace

NODE_MODULES = ROOT / "tests" / "support" / "npm" / "node_modules"
CARGO_HOME_SECONDS = 120
CRATE = """\
[package]
name = "counter-app"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[workspace]
"""
LIBRARY = '#[no_mangle]\npub extern "C" fn marker() -> u32 { 7 }\n'

pytestmark = pytest.mark.slow


def modules_of(project: Workspace) -> list[bytes]:
    """Return the modules that the project's builds stored."""
    return [path.read_bytes() for path in (project.directory / ".orchestrator" / "cache" / "artifacts").glob("*.wasm")]


def test_a_prebuilt_module_with_metadata_runs(tmp_path: Path) -> None:
    """A module with an interface, metadata and compression added is installed, answers, and shows its metadata to the network."""
    manifest = """\
canisters:
  - name: book
    recipe:
      type: prebuilt
      configuration:
        path: book.wasm
        sha256: {sha256}
        metadata:
          - {{ name: "it's", value: "$(id) 'q'", visibility: public }}
        compress: true
networks:
  - {{ name: local, mode: managed, gateway: {{ port: 0 }} }}
"""
    module = ROOT / "examples" / "hello" / "phrasebook.wasm"
    digest = subprocess.run(["sha256sum", str(module)], check=True, capture_output=True, text=True).stdout.split()[0]
    with workspace(tmp_path, manifest=manifest.format(sha256=digest)) as project:
        shutil.copy(module, project.directory / "book.wasm")
        project.succeed("deploy")
        project.succeed("canister", "call", "book", "put", '(record { key = "en"; value = "Hi, {name}!" })')
        assert "Hi, Ada!" in project.succeed("canister", "call", "book", "greet", '("Ada", "en")').stdout
        (built,) = modules_of(project)
        assert built.startswith(b"\x1f\x8b")
        assert load_metadata(built)["it's"] == b"$(id) 'q'"
        assert load_metadata(built).keys() == {*load_metadata(module.read_bytes()), "it's"}
        assert "nothing" in project.succeed("deploy").stderr.lower()


@pytest.mark.npm
def test_the_example_compiles_and_answers(tmp_path: Path) -> None:
    """The counter is compiled by npm's compiler: imports, letters beyond ASCII and the interface come through; a rebuild is equal."""
    with workspace(tmp_path, example="counter") as project:
        (project.directory / "node_modules").symlink_to(NODE_MODULES)
        project.succeed("deploy")
        project.succeed("canister", "call", "counter", "increment")
        assert "1 × Zähler" in project.succeed("canister", "call", "counter", "current").stdout
        (module,) = modules_of(project)
        assert b"icp:public candid:service" in module
        assert load_metadata(module)["version"] == b"1.0.0"
        project.succeed("build")
        assert modules_of(project) == [module]


@pytest.mark.npm
def test_the_compiler_of_npm(tmp_path: Path) -> None:
    """An interface of one's own takes the place of the compiler's; mistakes and options that it lacks are told in its words."""
    workshop = Workshop(tmp_path, path=os.environ["PATH"])
    (workshop.directory / "node_modules").symlink_to(NODE_MODULES)
    (workshop.directory / "main.mo").write_text("persistent actor { public func f() : async () {} };\n", encoding="utf-8")
    (workshop.directory / "own.did").write_text("service : {}\n", encoding="utf-8")
    built = workshop.build("motoko", main="main.mo", compiler="npm", candid="own.did")
    assert built.stderr == ""
    assert load_metadata(built.module)["candid:service"] == b"service : {}\n"
    assert built.module.count(b" candid:service") == 1
    refused = workshop.build("motoko", main="main.mo", compiler="npm", args=["--incremental-gc"])
    assert refused.stderr == (
        "the compiler of npm cannot be given these `args`: unknown option '--incremental-gc'; use mops or moc, or leave it out\n"
    )
    (workshop.directory / "main.mo").write_text('import X "gone";\npersistent actor { let y : Nat = "a" };\n', encoding="utf-8")
    wrong = workshop.build("motoko", main="main.mo", compiler="npm")
    assert wrong.status == 1
    assert "main.mo:1:" in wrong.stderr
    assert "node:internal" not in wrong.stderr


def test_cargo_itself_is_called_rightly(tmp_path: Path) -> None:
    """The real cargo takes the recipe's options and its messages are understood; without the target it is told how to get it."""
    if shutil.which("cargo") is None or subprocess.run(["cargo", "--version"], check=False, capture_output=True).returncode != 0:
        pytest.skip("there is no cargo")
    workshop = Workshop(tmp_path, path=os.environ["PATH"])
    (workshop.directory / "Cargo.toml").write_text(CRATE, encoding="utf-8")
    (workshop.directory / "src").mkdir()
    (workshop.directory / "src" / "lib.rs").write_text(LIBRARY, encoding="utf-8")
    built = workshop.build("rust", package="counter-app", extract_candid=False)
    root = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    if (Path(root) / "lib" / "rustlib" / "wasm32-unknown-unknown").is_dir():
        assert (built.status, built.module[:8]) == (0, EMPTY_MODULE)
        assert b"marker" in built.module
    else:
        assert built.status == 1
        assert built.stderr.splitlines()[-1] == "the compiler has no target for canisters: rustup target add wasm32-unknown-unknown"
