"""The Rust project of `plugin new`, as far as it goes without its crates.

Its build wants the crate registry, so the source is compiled natively, against stand-ins that have the names and types which
wit-bindgen generates. That proves the plugin's own code and its types, and nothing about the crates.
"""

import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from orchestrator.candid import encode, types
from orchestrator.engine.authoring.plugin_project import write_plugin_project
from tests.support.workspace import ROOT

STAND_INS: Final = ROOT / "tests" / "cases" / "plugins" / "rust"
COMPILE_LIMIT_SECONDS: Final = 120
EN: Final = ["en", "Hello, world!\n"]
GSW: Final = ["europe/gsw", "Grüezi, Welt!\n"]
NOTHING_KNOWN: Final = encode([types.Opt(types.TEXT)], [None]).hex()

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Native:
    """A plugin as a program of this machine."""

    program: Path

    def run(self, texts: Path | None, **answers: str) -> subprocess.CompletedProcess[str]:
        """Run it over a directory; `answers` are `REPLY_<method>` in hex and `FAIL_<method>`."""
        words = [str(self.program), *(["texts"] if texts is not None else [])]
        return subprocess.run(
            words,
            check=False,
            capture_output=True,
            text=True,
            cwd=texts.parent if texts is not None else None,
            env={**os.environ, **answers},
            timeout=COMPILE_LIMIT_SECONDS,
        )


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "extended"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the project."""
    directory = tmp_path_factory.mktemp("rust") / "plugin"
    write_plugin_project(directory, language="rust", extended=request.param)
    return directory


def _require_compiler() -> None:
    """Skip where there is no compiler, or only a launcher that has none to launch."""
    if shutil.which("rustc") is None:
        pytest.skip("rustc is not installed")
    version = subprocess.run(["rustc", "--version"], check=False, capture_output=True, text=True, timeout=COMPILE_LIMIT_SECONDS)
    if version.returncode != 0:
        pytest.skip(f"rustc does not run: {version.stderr.strip().splitlines()[0]}")


@pytest.fixture(scope="module")
def native(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Native:
    """Compile the project's source with the stand-ins; no warning is let pass."""
    _require_compiler()
    folder = tmp_path_factory.mktemp("native")
    library = ["rustc", "--edition", "2021", "--crate-type", "rlib", "-D", "warnings", "-L", str(folder), "--out-dir", str(folder)]
    crates = ["--extern", "candid", "--extern", "wit_bindgen"]
    commands = [
        [*library, "--crate-name", "wit_bindgen", str(STAND_INS / "wit_bindgen.rs")],
        [*library, "--crate-name", "candid", str(STAND_INS / "candid.rs")],
        [*library, *crates, "-A", "dead_code", "--crate-name", "plugin", str(project / "src" / "lib.rs")],
        ["rustc", "--edition", "2021", "-L", str(folder), "--extern", "plugin", "-o", str(folder / "run"), str(STAND_INS / "driver.rs")],
    ]
    for command in commands:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMPILE_LIMIT_SECONDS)
        assert done.returncode == 0, done.stderr
    return Native(folder / "run")


def test_new_texts_are_sent(native: Native, project: Path) -> None:
    """It makes the calls that the plugins in other languages make, and prints what they print."""
    done = native.run(project / "texts", REPLY_get=NOTHING_KNOWN)

    calls = [line for line in done.stdout.splitlines() if line.startswith("call ")]
    assert done.returncode == 0, done.stderr
    assert calls == [
        f"call query get {encode([types.TEXT], ['en']).hex()}",
        f"call query get {encode([types.TEXT], ['europe/gsw']).hex()}",
        f"call update put {encode([types.TEXT, types.TEXT], EN).hex()}",
        f"call update put {encode([types.TEXT, types.TEXT], GSW).hex()}",
    ]
    assert [line for line in done.stdout.splitlines() if line.startswith("sent ")] == ["sent en", "sent europe/gsw"]
    assert done.stderr == "2 sent, 0 unchanged\n"


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"REPLY_get": encode([types.NAT], [1]).hex()}, "`get` of en did not answer an optional text"),
        ({"REPLY_get": NOTHING_KNOWN, "FAIL_put": "only controllers may write"}, "`put` of en failed: only controllers may write"),
    ],
)
def test_errors_say_what_is_wrong(native: Native, project: Path, answers: dict[str, str], error: str) -> None:
    """The user reads which text it is about, and why."""
    done = native.run(project / "texts", **answers)

    assert (done.returncode, done.stderr) == (1, f"err: {error}\n")


def test_no_directory_and_no_utf8_are_errors(native: Native, tmp_path: Path) -> None:
    """These are the errors of the other languages too."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_bytes(b"\xff")

    assert native.run(None).stderr == "err: no directory to read: declare one under `dirs`\n"
    assert native.run(tmp_path / "texts").stderr == "err: texts/a.txt is not UTF-8\n"


def test_the_package_is_as_cargo_wants_it(project: Path) -> None:
    """The manifest parses, and makes a library for components under the name that the README has."""
    package = tomllib.loads((project / "Cargo.toml").read_text(encoding="utf-8"))

    assert package["lib"] == {"name": "plugin", "crate-type": ["cdylib"]}
    assert sorted(package["dependencies"]) == ["candid", "wit-bindgen"]
    assert "target/wasm32-wasip2/release/plugin.wasm" in (project / "README.md").read_text(encoding="utf-8")
