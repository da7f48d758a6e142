"""The page about writing plugins says what `plugin new` does."""

import re
import textwrap
from pathlib import Path

from orchestrator.core.plugin_project import LANGUAGES
from orchestrator.engine.authoring.plugin_templates import make_files, toolchain_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/write-a-sync-plugin.md").read_text(encoding="utf-8")


def project(language: str, *, extended: bool = False) -> dict[str, str]:
    """Return the files of a new project as text."""
    (known,) = (each for each in LANGUAGES if each == language)
    return {file.path: file.data.decode() for file in make_files(known, name="greetings", extended=extended)}


def test_every_language_is_in_the_table_with_its_command() -> None:
    """The table has a row for each language, in the order of the option, with the command that builds it."""
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE)

    assert rows == [(language, toolchain_of(language).build) for language in LANGUAGES]


def test_the_python_on_the_page_is_that_of_the_project() -> None:
    """The excerpt stands in the generated file, line for line."""
    (excerpt,) = re.findall(r"^    def exec\(.*?(?=\n\n\S)", PAGE, re.MULTILINE | re.DOTALL)

    assert textwrap.dedent(excerpt) in textwrap.dedent(project("python")["app.py"].partition('calls."""\n\n')[2].partition("\n\n\n")[0])


def test_functions_named_for_c_zig_and_javascript_exist() -> None:
    """What the page tells to call is declared in the generated files."""
    c, zig, javascript = project("c")["host.h"], project("zig")["host.zig"], project("javascript")["host.js"]

    for name in ("fail", "print_line", "print_error", "open_declared", "read_file"):
        assert re.search(rf"\b{name}\(", c), name
        assert f"`{name}" in PAGE or f"{name}(" in PAGE
    assert re.search(r"extern const char \*failure;", c)
    assert all(f"pub fn {name}(" in zig for name in ("fail", "print"))
    assert "pub var failure" in zig
    assert "pub const Directory" in zig
    assert all(f"export function {name}(" in javascript for name in ("print", "printError"))
    assert "export function* files(" in javascript


def test_the_commands_of_the_page_are_those_of_the_readme() -> None:
    """Whoever follows the page or the generated README types the same."""
    readme = project("python")["README.md"]
    (try_it,) = re.findall(r"^    (orchestrator plugin run .*)$", PAGE, re.MULTILINE)

    assert f"    {try_it}\n" in readme
    assert "    ./build.sh\n" in readme
