"""What a user installs: the wheel, not the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator.core.plugin_project import LANGUAGES
from orchestrator.engine.authoring.plugin_templates import make_files
from orchestrator.recipes import bundled_names
from orchestrator.sandbox.interface import wit_directory
from tests.support.workspace import ROOT

INTERFACE = Path("icp-sync-plugin-0.1.0") / "icp-sync-plugin.wit"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and return a folder with its contents."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_in(site: Path, code: str) -> str:
    """Run Python code that finds this package in the unpacked wheel only."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n{code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=site.parent, env={"PATH": ""}).stdout.strip()


def test_the_wheel_carries_its_data(unpacked: Path) -> None:
    """Plugin interfaces, bundled recipes, Candid interfaces and the typing marker are in the wheel."""
    package = unpacked / "orchestrator"

    assert (package / "data" / "wit" / INTERFACE).read_bytes() == (ROOT / "wit" / INTERFACE).read_bytes()
    for file in (ROOT / "recipes").glob("*/recipe.*"):
        assert (package / "data" / "recipes" / file.parent.name / file.name).read_bytes() == file.read_bytes()
    assert (package / "candid" / "interfaces" / "management.did").exists()
    assert (package / "data" / "templates" / "plugin" / "common" / "README.md.hbs").exists()
    assert (package / "py.typed").exists()
    assert not list(unpacked.glob("tests*"))


def test_data_is_found_from_a_wheel_and_from_a_checkout(unpacked: Path) -> None:
    """The loader of the plugin interfaces looks in the wheel's data, and in the source tree when there is none."""
    found = run_in(unpacked, "from orchestrator.sandbox.interface import wit_directory; print(wit_directory())")

    assert Path(found) == unpacked / "orchestrator" / "data" / "wit"
    assert (wit_directory() / INTERFACE).exists()


def test_bundled_recipes_are_found_in_a_wheel_and_in_a_checkout(unpacked: Path) -> None:
    """A wheel has the recipes that the checkout has, with their descriptions, and takes its own."""
    code = "from orchestrator.recipes import bundled_names, find_bundled, load_description; "
    found = run_in(unpacked, code + "print(*[find_bundled(n) for n in bundled_names() if load_description(find_bundled(n))], sep='\\n')")

    folder = unpacked / "orchestrator" / "data" / "recipes"
    assert [Path(line) for line in found.splitlines()] == [folder / name / "recipe.hbs" for name in bundled_names()]
    assert len(bundled_names()) >= 3


def test_the_command_starts_from_a_wheel(unpacked: Path) -> None:
    """The installed package runs: its version is printed by the command's entry point."""
    printed = run_in(unpacked, "from orchestrator.cli.main import main; sys.argv = ['orchestrator', '--version']; main()")

    assert printed.startswith("orchestrator ")


def test_new_plugins_are_written_from_a_wheel(unpacked: Path, tmp_path: Path) -> None:
    """A wheel has every file of every language's template, and writes the projects that the checkout writes."""
    code = "from orchestrator.cli.main import main; sys.argv = ['orchestrator', 'plugin', 'new', {!r}, '--lang', {!r}]; main()"
    for language in LANGUAGES:
        run_in(unpacked, code.format(str(tmp_path / language), language))
        written = {
            path.relative_to(tmp_path / language).as_posix(): path.read_bytes()
            for path in (tmp_path / language).rglob("*")
            if path.is_file()
        }
        assert written == {file.path: file.data for file in make_files(language, name=language, extended=False)}
