"""The page of errors has every slug that a manifest's author can meet, of deploying, of networks and of the command line, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.documents.faults import _FAULTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "errors.md"
_SLUG = re.compile(r"(?:deploy|document|manifest|network|pins|recipe|store|usage)/[a-z0-9]+(?:-[a-z0-9]+)*")
_FAMILIES = ("document/", "manifest/", "recipe/", "pins/", "build/", "plugin/", "deploy/", "network/", "store/", "usage/")
_STEP_SLUG = re.compile(r"(?:build|plugin)/[a-z0-9]+(?:-[a-z0-9]+)*")
_STEP_FILES = (
    *("engine/declared_forms.py", "engine/step_checks.py"),
    *("sandbox/component.py", "sandbox/declared.py", "sandbox/interface.py", "sandbox/private_contents.py"),
)
"""Where the files of steps are looked at before anything runs."""
_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_NOTED = {
    "documents": ("document/", {"_refuse"}),
    "manifest": ("manifest/", {"error", "note", "warn"}),
    "recipes": ("recipe/", {"error", "_problem"}),
}
"""By package, what is put in front of the first argument of these functions."""
_MADE = {"manifest/invalid-candid", "manifest/invalid-hex"}
"""Slugs that are put together from a format's name."""


def slugs() -> set[str]:
    """Return the slugs of the sources."""
    found = {f"document/{row[2]}" for row in _FAULTS} | _MADE
    for path in (ROOT / "orchestrator").rglob("*.py"):
        package = path.relative_to(ROOT / "orchestrator").parts[0]
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(rf'"({_SLUG.pattern})"', text))
        for node in ast.walk(ast.parse(text)) if package in _NOTED else ():
            found |= {*_noted(node, package, path.stem)}
    for name in _STEP_FILES:
        found |= set(re.findall(rf'"({_STEP_SLUG.pattern})"', (ROOT / "orchestrator" / name).read_text(encoding="utf-8")))
    return found


def _noted(node: ast.AST, package: str, module: str) -> Iterator[str]:
    if package not in _NOTED or not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return
    prefix, names = _NOTED[package]
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    word = node.args[0].value
    if name in names and isinstance(word, str) and _WORD.fullmatch(word):
        yield f"{prefix}description-{word}" if module == "descriptions" else f"{prefix}{word}"


def test_every_slug_is_on_the_page_in_order() -> None:
    """A slug that the code knows has a row with its meaning, in alphabetical order, and there is no row for another."""
    rows = re.findall(r"^\| `([a-z-]+/[a-z0-9-]+)` \| \S", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {"without a row": sorted(slugs() - {*rows}), "not in the code": sorted({*rows} - slugs())} == {
        "without a row": [],
        "not in the code": [],
    }
    tables = [[row for row in rows if row.startswith(prefix)] for prefix in _FAMILIES]
    assert rows == [row for table in tables for row in sorted(table)]
