"""`recipe.yaml` is read strictly, and everything that is wrong with it is said at once."""

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.errors import RecipeError
from orchestrator.recipes import load_description
from tests.support.reports import render_error


def write(directory: Path, text: str, name: str = "recipe") -> Path:
    """Write a description, and return the path of its template."""
    (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory / f"{name}.hbs"


def test_a_whole_description(tmp_path: Path) -> None:
    """Every key has its meaning; the short form of a parameter is its type."""
    text = """\
name: site
summary: Pages.
description: |
  Many
  pages.
minimum_version: 0.1.0
one_of: [[dir, url]]
parameters:
  dir: string
  url: { type: string, requires: [hash], examples: ["https://x.y/"], description: Where. }
  hash: { type: string }
  mode: { type: string, choices: [a, b], default: b }
  lines: { type: string, multiline: true, deprecated: no }
  list: { type: list, items: { type: map, fields: { k: integer } } }
"""
    found = load_description(write(tmp_path, text))
    assert found is not None
    assert (found.name, found.summary, found.description, found.minimum_version) == ("site", "Pages.", "Many\npages.", "0.1.0")
    assert found.one_of == (("dir", "url"),)
    assert [each.name for each in found.parameters] == ["dir", "url", "hash", "mode", "lines", "list"]
    url, mode, lines, listed = (found.parameter(name) for name in ("url", "mode", "lines", "list"))
    assert url is not None
    assert (url.requires, url.examples, url.description) == (("hash",), ("https://x.y/",), "Where.")
    assert mode is not None
    assert (mode.choices, mode.default, mode.required) == (("a", "b"), "b", False)
    assert lines is not None
    assert (lines.multiline, lines.deprecated) == (True, "no")
    assert listed is not None
    assert listed.items is not None
    assert [(each.name, each.type) for each in listed.items.fields] == [("k", "integer")]


def test_there_need_be_none(tmp_path: Path) -> None:
    """A template without a description has none; an empty map takes no parameters."""
    assert load_description(tmp_path / "recipe.hbs") is None
    assert load_description(tmp_path / "gone" / "recipe.hbs") is None
    found = load_description(write(tmp_path, "{}"))
    assert found is not None
    assert (found.name, found.parameters) == (tmp_path.name, ())


@pytest.mark.parametrize("text", ["services: {}\n", "- a\n", "", "a: b: c\n"], ids=["map", "list", "empty", "broken"])
def test_another_file_of_that_name_is_no_description(text: str, tmp_path: Path) -> None:
    """`compose.yaml` beside `compose.hbs` is one only if it has parameters: a project may have such files."""
    assert load_description(write(tmp_path, text, "compose")) is None
    found = load_description(write(tmp_path, "parameters: {a: string}\n", "compose"))
    assert found is not None
    assert (found.name, len(found.parameters)) == ("compose", 1)


WRONG = {
    "empty": "",
    "list": "- a\n",
    "broken": "a: b: c\n",
    "keys": "paramters: {}\nsummary: [a]\nname: 5\nminimum_version: new\n",
    "parameters": "parameters: [a]\n",
    "names": "parameters: {_: string, 1a: string, 'a b': string, ok: 5}\n",
    "types": "parameters: {a: strng, b: {type: 5}, c: {type: list, items: strings}, d: [a]}\n",
    "uses": "parameters: {a: {type: string, items: string, fields: {}}, b: {type: list, multiline: true}}\n",
    "values": "parameters: {a: {type: string, default: 5, required: true, choices: [a, 1], examples: b}, b: {type: boolean, required: 'yes'}, c: {type: list, items: integer, default: [a]}}\n",
    "choices": "parameters: {a: {type: string, choices: [a, b], default: c, examples: [d]}}\n",
    "inside": "parameters:\n  a:\n    type: list\n    items: {type: map, fields: {name: {type: string, required: true}}}\n    default: [{nme: x}, {name: 5}]\n    examples: [[{name: a}], [5]]\n",
    "groups": "one_of: [dir, [dirr, url], [mode]]\nparameters: {dir: string, url: {requires: [hsh]}, hash: string, mode: {default: a}}\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_report(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Each mistake has its place and what to write instead."""
    with pytest.raises(RecipeError) as caught:
        load_description(write(tmp_path, WRONG[name]))
    assert render_error(caught.value, tmp_path) == snapshot


def test_a_recipe_for_a_newer_tool_is_refused(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """The version that a recipe needs is compared as numbers."""
    template = write(tmp_path, "name: site\nminimum_version: 0.10.0\n")
    assert load_description(template, version="0.10.0") is not None
    assert load_description(template, version="1.0.0rc1") is not None
    with pytest.raises(RecipeError) as caught:
        load_description(template, version="0.9.9")
    assert render_error(caught.value, tmp_path) == snapshot
