"""What `plugin new` writes is built as its README says, passes its own tests, and syncs a real canister."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from orchestrator.core.plugin_project import Language
from orchestrator.engine.authoring.plugin_project import write_plugin_project
from orchestrator.engine.authoring.plugin_templates import toolchain_of
from orchestrator.sandbox.component import inspect_component
from tests.support.workspace import Workspace, workspace

BUILD_LIMIT_SECONDS: Final = 300
COMPONENTIZE_PY: Final = "componentize-py==0.25.1"
KEEPER: Final = """
import Map "mo:core/Map";
import Text "mo:core/Text";

persistent actor {
  let texts = Map.empty<Text, Text>();
  public func put(key : Text, text : Text) : async () { Map.add(texts, Text.compare, key, text) };
  public query func get(key : Text) : async ?Text { Map.get(texts, Text.compare, key) };
};
"""
MANIFEST: Final = """\
canisters:
  - name: keeper
    build:
      steps:
        - type: pre-built
          path: keeper.wasm
    sync:
      steps:
        - type: plugin
          name: texts
          path: plugin/plugin.wasm
          dirs: [plugin/texts]
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
"""

pytestmark = pytest.mark.slow


def variant(language: Language, *, extended: bool) -> object:
    """Return the parameter for a project, for tests that are given one that is built."""
    marks = (pytest.mark.npm,) if language == "javascript" else ()
    return pytest.param((language, extended), id=f"{language}-{'extended' if extended else 'plain'}", marks=marks)


LANGUAGES: Final[tuple[Language, ...]] = ("python", "javascript", "zig", "c")
EVERY = pytest.mark.parametrize(
    "built", [variant(each, extended=extended) for each in LANGUAGES for extended in (False, True)], indirect=True
)
# The example's plugin is in Zig, and deployed by tests of its own.
SOME = pytest.mark.parametrize(
    "built", [variant("python", extended=False), variant("javascript", extended=True), variant("c", extended=True)], indirect=True
)


@dataclass(frozen=True, slots=True)
class Built:
    """A project that was written and built, and the folder that its runs keep compiled components in."""

    directory: Path
    language: Language
    extended: bool
    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder, with this package's command on the path."""
        own = {"ORCHESTRATOR_HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            arguments,
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
            env={**os.environ, **own},
            timeout=BUILD_LIMIT_SECONDS,
        )

    def succeed(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command and insist that it succeeds."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def python_toolchain(request: pytest.FixtureRequest) -> Callable[[], Path]:
    """Return what makes an environment with componentize-py, once in all runs, or skips where it cannot be fetched."""
    cache = request.config.cache
    assert cache is not None
    kept = cache.mkdir("plugin-toolchains") / COMPONENTIZE_PY

    def provide() -> Path:
        if not (kept / "made").exists():
            shutil.rmtree(kept, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", kept], check=True, capture_output=True)
            pip: list[str | Path] = [
                kept / "bin" / "python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                COMPONENTIZE_PY,
            ]
            done = subprocess.run(pip, check=False, capture_output=True, text=True, timeout=BUILD_LIMIT_SECONDS)
            if done.returncode != 0:
                pytest.skip(f"{COMPONENTIZE_PY} cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
            (kept / "made").touch()
        return kept

    return provide


def provide_toolchain(project: Built, python_toolchain: Callable[[], Path]) -> None:
    """Put into a project what its build would fetch first, or skip with the reason why that cannot be."""
    if project.language == "python":
        (project.directory / ".venv").symlink_to(python_toolchain())
    elif project.language in {"zig", "c"}:
        pytest.importorskip("ziglang", reason="ziglang is not installed: run `scripts/install --dev --toolchains`")
        (project.directory / ".venv").symlink_to(sys.prefix)
    else:
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        fetched = project.run("npm", "install", "--no-audit", "--no-fund", "--prefer-offline")
        if fetched.returncode != 0:
            pytest.skip(f"componentize-qjs cannot be fetched: {fetched.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, python_toolchain: Callable[[], Path]) -> Built:
    """Write a project and build it by its one command."""
    language, extended = request.param
    folder = tmp_path_factory.mktemp(f"new-{language}")
    write_plugin_project(folder / "plugin", language=language, extended=extended)
    project = Built(folder / "plugin", language, extended, folder / "home")
    provide_toolchain(project, python_toolchain)
    project.succeed("sh", "-c", toolchain_of(language).build)
    return project


@EVERY
def test_the_component_is_what_was_asked_for(built: Built) -> None:
    """It is made for the interface, wants the extension only if it was asked for, and crosses to the host in one piece."""
    facts = inspect_component((built.directory / toolchain_of(built.language).component).read_bytes())

    assert facts.interface == "0.1.0"
    assert (facts.extension is not None) is built.extended
    assert facts.wrappable


@EVERY
def test_the_project_passes_its_own_tests(built: Built) -> None:
    """None of the tests that come with the project fails or is skipped: all languages behave alike."""
    done = built.succeed(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plugin.py")

    assert "8 passed" in done.stdout
    assert "skipped" not in done.stdout


@SOME
def test_it_is_tried_as_its_readme_says(built: Built) -> None:
    """The command of the README runs, shows the calls, and finds what an earlier run has compiled: it says so otherwise."""
    readme = (built.directory / "README.md").read_text(encoding="utf-8")
    (command,) = (line.strip() for line in readme.splitlines() if "plugin run" in line)

    done = built.succeed("sh", "-c", command)

    assert done.stderr == ""
    assert "stdout  sent europe/gsw\n" in done.stdout


@pytest.fixture
def keeper(built: Built, tmp_path: Path, compile_actor: Callable[[str], bytes]) -> Iterator[Workspace]:
    """Return a project with a canister that keeps texts and the plugin that syncs it."""
    with workspace(tmp_path, manifest=MANIFEST) as project:
        (project.directory / "keeper.wasm").write_bytes(compile_actor(KEEPER))
        for part in ("plugin.wasm", "texts"):
            source, target = built.directory / part, project.directory / "plugin" / part
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)
        project.variables["ORCHESTRATOR_HOME"] = str(built.home)
        yield project


@SOME
@pytest.mark.npm
def test_it_syncs_a_real_canister(keeper: Workspace) -> None:
    """A deploy sends all texts, a sync after it none, and one after an edit only what was edited."""
    first = keeper.succeed("deploy")
    second = keeper.succeed("sync")
    keeper.write("plugin/texts/en.txt", "Good morning!\n")
    third = keeper.succeed("sync")

    assert "2 sent, 0 unchanged" in first.stderr
    assert "0 sent, 2 unchanged" in second.stderr
    assert "1 sent, 1 unchanged" in third.stderr
    assert "Good morning!" in keeper.succeed("canister", "call", "keeper", "get", '("en")').stdout
