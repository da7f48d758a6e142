"""The projects that `plugin new` writes: their files, and what happens where they cannot be written."""

import os
from pathlib import Path

import pytest

from orchestrator.core.plugin_project import LANGUAGES, Language
from orchestrator.engine.authoring.plugin_project import MAX_NAME_CHARACTERS, write_plugin_project
from orchestrator.engine.authoring.plugin_templates import make_files, template_directory, toolchain_of
from orchestrator.errors import StoreError, UsageError
from orchestrator.sandbox.interface import wit_directory

BOTH = pytest.mark.parametrize("extended", [False, True], ids=["plain", "extended"])
EACH = pytest.mark.parametrize("language", LANGUAGES)
INTERFACE = "icp-sync-plugin-0.1.0/icp-sync-plugin.wit"


def contents(directory: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@EACH
@BOTH
def test_every_project_is_complete(language: Language, tmp_path: Path, *, extended: bool) -> None:
    """Source, interface, README, test, data and ignore file are there, filled in, and only scripts are programs."""
    project = write_plugin_project(tmp_path / "texts-of-mine", language=language, extended=extended)

    written = contents(project.directory)
    assert project.name == "texts-of-mine"
    assert tuple(sorted(written)) == project.files
    assert {"README.md", "test_texts_of_mine.py", ".gitignore", "texts/en.txt"} <= set(written)
    readme = written["README.md"].decode()
    assert readme.startswith("# texts-of-mine\n")
    assert "python -m pytest test_texts_of_mine.py\n" in readme
    assert "          dirs: [texts-of-mine/texts]\n" in readme
    assert toolchain_of(language).build in readme
    assert toolchain_of(language).component in readme
    assert "only orchestrator offers" in readme or not extended
    for path, data in written.items():
        assert b"{{" not in data, path
        assert b"{{" not in path.encode()
        assert bool((project.directory / path).stat().st_mode & 0o100) is path.endswith(".sh")


@EACH
@BOTH
def test_interfaces_are_those_of_the_host(language: Language, *, extended: bool) -> None:
    """The interface's text comes with the project, byte for byte, and the extension's where it is used."""
    files = {file.path: file.data for file in make_files(language, name="p", extended=extended)}
    plain = [data for path, data in files.items() if path.endswith("/icp-sync-plugin.wit")]
    extension = [data for path, data in files.items() if path.endswith("/orchestrator-sync-plugin.wit")]

    assert plain == [(wit_directory() / INTERFACE).read_bytes()]
    assert extension == (
        [(wit_directory() / "orchestrator-sync-plugin-0.1.0/orchestrator-sync-plugin.wit").read_bytes()] if extended else []
    )


def test_the_example_uses_the_same_declarations_for_zig() -> None:
    """What the example's plugin gets from its host is what new Zig plugins get."""
    files = {file.path: file.data for file in make_files("zig", name="seed", extended=False)}

    assert files["host.zig"] == (wit_directory().parent / "examples" / "hello" / "plugin" / "host.zig").read_bytes()


def test_other_files_stay(tmp_path: Path) -> None:
    """A folder may hold other files; they are left alone."""
    (tmp_path / "LICENSE").write_text("mine", encoding="utf-8")

    write_plugin_project(tmp_path, language="python", name="mine")

    assert (tmp_path / "LICENSE").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "app.py").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "dangling-link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    """What is in the way is named, and nothing is written."""
    taken = tmp_path / "README.md"
    if kind == "file":
        taken.write_text("mine", encoding="utf-8")
    elif kind == "folder":
        taken.mkdir()
    else:
        taken.symlink_to("nowhere")

    with pytest.raises(UsageError) as caught:
        write_plugin_project(tmp_path, language="zig", name="mine")

    assert caught.value.slug == "usage/files-in-the-way"
    assert "`README.md`" in (caught.value.detail or "")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_many_files_in_the_way_are_counted(tmp_path: Path) -> None:
    """A second `plugin new` in the same folder is refused with a bounded list."""
    project = write_plugin_project(tmp_path, language="javascript", name="mine", extended=True)
    before = contents(tmp_path)

    with pytest.raises(UsageError) as caught:
        write_plugin_project(tmp_path, language="javascript", name="mine", extended=True)

    assert f"and {len(project.files) - 10} more" in (caught.value.detail or "")
    assert contents(tmp_path) == before


def test_what_was_written_is_taken_back_on_failure(tmp_path: Path) -> None:
    """Where a folder cannot be made, the files and folders before it are gone again."""
    (tmp_path / "wit").write_text("a file where a folder should be", encoding="utf-8")

    with pytest.raises(StoreError) as caught:
        write_plugin_project(tmp_path, language="python", name="mine")

    assert "nothing was written" in (caught.value.detail or "")
    assert [path.name for path in tmp_path.iterdir()] == ["wit"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the root user may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """The error names the path and says what to look at."""
    tmp_path.chmod(0o500)

    with pytest.raises(StoreError) as caught:
        write_plugin_project(tmp_path / "mine", language="c")

    tmp_path.chmod(0o700)
    assert str(tmp_path) in str(caught.value)


def test_folders_of_the_path_are_made_and_taken_back(tmp_path: Path) -> None:
    """A path of several new folders is made; after a failure none of them is left."""
    target = tmp_path / "a" / "b" / "mine"
    assert write_plugin_project(target, language="c").files

    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        write_plugin_project(tmp_path / "file" / "x" / "mine", language="c")
    assert (tmp_path / "file").is_file()


@pytest.mark.parametrize("name", ["a", "a1", "my-plugin", "x" * MAX_NAME_CHARACTERS])
def test_names_that_packages_may_have(tmp_path: Path, name: str) -> None:
    """Such a name is taken, from the folder or as given."""
    assert write_plugin_project(tmp_path / name, language="rust").name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a b", "é", "a\n", "x" * (MAX_NAME_CHARACTERS + 1)])
def test_names_that_packages_cannot_have(tmp_path: Path, name: str) -> None:
    """Such a name is refused with the rule, and nothing is written."""
    with pytest.raises(UsageError) as caught:
        write_plugin_project(tmp_path / "p", language="rust", name=name)

    assert caught.value.slug == "usage/plugin-name"
    assert not list(tmp_path.iterdir())


def test_a_folder_with_an_odd_name_gets_a_name_beside_it(tmp_path: Path) -> None:
    """The hint says how."""
    with pytest.raises(UsageError) as caught:
        write_plugin_project(tmp_path / "My Plugin", language="rust")

    assert "--name" in (caught.value.hint or "")
    assert write_plugin_project(tmp_path / "My Plugin", language="rust", name="mine").name == "mine"


def test_templates_come_from_the_wheel_or_the_checkout(tmp_path: Path) -> None:
    """A wheel's data is preferred; an installation without templates says so."""
    package = tmp_path / "orchestrator"
    package.mkdir()
    with pytest.raises(FileNotFoundError, match="templates are missing"):
        template_directory(package)
    (tmp_path / "templates").mkdir()
    assert template_directory(package) == tmp_path / "templates"
    (package / "data" / "templates").mkdir(parents=True)
    assert template_directory(package) == package / "data" / "templates"
