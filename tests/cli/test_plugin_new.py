"""`orchestrator plugin new` and `plugin componentize`: what they write and what they say."""

import json
from pathlib import Path

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from orchestrator.sandbox.component import inspect_component
from tests.support.command import Command
from tests.support.core_modules import core_module


@pytest.mark.parametrize("language", ["python", "javascript", "zig", "c", "rust"])
def test_new_says_what_comes_next(orchestrator: Command, project: Path, snapshot: SnapshotAssertion, language: str) -> None:
    """The text names the folder, how to build, how to try, and what to write into icp.yaml."""
    done = orchestrator("plugin", "new", f"plugins/my-{language}", "--lang", language)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == snapshot
    assert (project / "plugins" / f"my-{language}" / "README.md").exists()


def test_the_step_that_is_told_is_one_that_loads(orchestrator: Command, project: Path) -> None:
    """What is to be written into icp.yaml names files that are there, from whatever folder with whatever name."""
    for words in (("plain",), ("a b, [c]: #", "--name", "odd"), (".", "--name", "here")):
        done = orchestrator("plugin", "new", *words, "--lang", "c")
        _, _, step = done.stdout.partition("canister's folder:\n")
        (declared,) = yaml.safe_load(step)["sync"]["steps"]

        assert (project / declared["path"]).parent.is_dir()
        assert [(project / entry / "en.txt").is_file() for entry in declared["dirs"]] == [True]


def test_tests_of_two_plugins_run_together(orchestrator: Command, project: Path) -> None:
    """Pytest takes no two files of one name in folders that are no packages: each plugin's test has its plugin's name."""
    for name in ("one", "two"):
        orchestrator("plugin", "new", name, "--lang", "zig")

    assert sorted(path.name for path in project.rglob("test_*.py")) == ["test_one.py", "test_two.py"]


def test_new_as_json(orchestrator: Command, project: Path) -> None:
    """One object on one line, with every file."""
    done = orchestrator("plugin", "new", "mine", "--lang", "python", "--extended", "--json")
    written = json.loads(done.stdout)

    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert (written["schema"], written["name"], written["language"], written["extended"]) == (1, "mine", "python", True)
    assert Path(written["directory"]) == project / "mine"
    assert (written["build"], written["component"]) == ("./build.sh", "plugin.wasm")
    assert all((project / "mine" / path).is_file() for path in written["files"])


@pytest.mark.parametrize(("words", "folder"), [((), "plugin"), (("--name", "texts"), "texts"), (("here", "--name", "texts"), "here")])
def test_new_chooses_a_folder(orchestrator: Command, project: Path, words: tuple[str, ...], folder: str) -> None:
    """Without a folder it is the plugin's name; without either it is `plugin`."""
    done = orchestrator("plugin", "new", *words, "--lang", "c")

    assert done.exit_code == 0
    assert (project / folder / "plugin.c").exists()


def test_new_into_the_working_directory(orchestrator: Command, project: Path) -> None:
    """A dot is the folder itself, with the folder's name."""
    done = orchestrator("plugin", "new", ".", "--lang", "zig")

    assert done.exit_code == 0
    assert done.stdout.startswith("wrote the plugin project: ")
    assert (project / "plugin.zig").exists()


def test_new_overwrites_nothing(orchestrator: Command, project: Path) -> None:
    """A second time in the same folder is a wrong command line."""
    orchestrator("plugin", "new", "mine", "--lang", "zig")
    (project / "mine" / "plugin.zig").write_text("mine now", encoding="utf-8")

    done = orchestrator("plugin", "new", "mine", "--lang", "zig")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error[usage/files-in-the-way]: files are in the way in `")
    assert (project / "mine" / "plugin.zig").read_text(encoding="utf-8") == "mine now"


def test_new_wants_a_language(orchestrator: Command) -> None:
    """Leaving it out, or naming an unknown one, lists the languages."""
    missing, unknown = orchestrator("plugin", "new", "mine"), orchestrator("plugin", "new", "mine", "--lang", "cobol")

    assert (missing.exit_code, unknown.exit_code) == (2, 2)
    assert missing.stderr.startswith("error[usage/invalid]: missing option '--lang'. Choose from: python, javascript, zig, c, rust\n")
    assert "javascript" in unknown.stderr


def test_componentize_writes_a_plugin(orchestrator: Command, project: Path) -> None:
    """The file that it writes is one that `plugin inspect` and `plugin run` take."""
    (project / "core.wasm").write_bytes(core_module())

    done = orchestrator("plugin", "componentize", "core.wasm", "-o", "out/plugin.wasm")

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("wrote out/plugin.wasm, ")
    assert inspect_component((project / "out" / "plugin.wasm").read_bytes()).exports == ("exec",)
    assert orchestrator("plugin", "run", "out/plugin.wasm").exit_code == 0


def test_componentize_says_what_is_wrong(orchestrator: Command, project: Path) -> None:
    """A module that wants a C library's input and output is refused by name, and no file is written."""
    (project / "core.wasm").write_bytes(core_module('(import "wasi_snapshot_preview1" "fd_write" (func))'))

    done = orchestrator("plugin", "componentize", "core.wasm", "-o", "plugin.wasm")
    missing = orchestrator("plugin", "componentize", "nothing.wasm", "-o", "plugin.wasm")

    assert (done.exit_code, missing.exit_code) == (1, 2)
    assert done.stderr.startswith("error[componentize/import]: the module imports `fd_write` of `wasi_snapshot_preview1`")
    assert not (project / "plugin.wasm").exists()
