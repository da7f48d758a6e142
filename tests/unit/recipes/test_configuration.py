"""A recipe's configuration is checked against what the recipe takes, before anything is rendered."""

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.core.project import RecipeReference
from orchestrator.documents import MappingNode, parse_yaml
from orchestrator.errors import RecipeError, Span
from orchestrator.manifest.configuration import read_configuration
from orchestrator.manifest.problems import Problems
from orchestrator.recipes import CheckedConfiguration, RecipeDescription, check_configuration, expand, load_description
from orchestrator.recipes.parameters import Parameter, find_misfit
from tests.support.reports import render_error

DESCRIPTION = """\
name: site
one_of:
  - [dir, archive]
parameters:
  package: { type: string, required: true, description: The package to build., examples: [counter] }
  dir: string
  archive: { type: string, requires: [depth] }
  depth: integer
  scale: number
  profile: { type: string, choices: [release, dev], default: release }
  shrink: { type: boolean, default: false }
  old: { type: boolean, deprecated: use `shrink` }
  notes: { type: string, multiline: true }
  features: { type: list, items: string, default: [] }
  metadata:
    type: list
    default: []
    items:
      type: map
      fields:
        name: { type: string, required: true }
        visibility: { type: string, choices: [public, private], default: private }
  limits: { type: map, fields: { cycles: integer } }
  whatever: any
"""


@pytest.fixture
def description(tmp_path: Path) -> RecipeDescription:
    """Read the description above."""
    (tmp_path / "recipe.yaml").write_text(DESCRIPTION, encoding="utf-8")
    found = load_description(tmp_path / "recipe.hbs")
    assert found is not None
    return found


def reference(configuration: str, directory: Path) -> RecipeReference:
    """Read a recipe reference as a manifest has it; `configuration` is YAML, indented by four."""
    text = "recipe:\n  type: site\n" + configuration
    node = parse_yaml(text, directory / "icp.yaml")
    assert isinstance(node, MappingNode)
    recipe = node.get("recipe")
    assert isinstance(recipe, MappingNode)
    address = recipe.get("type")
    assert address is not None
    found = read_configuration(recipe, Problems())
    return RecipeReference(address="site", configuration=found.values, configuration_spans=found.spans, span=address.span)


def check(description: RecipeDescription, configuration: str) -> CheckedConfiguration:
    """Check a configuration, given as the lines below `configuration:`."""
    return check_configuration(description, reference("  configuration:\n" + configuration, description.path.parent))


def test_defaults_are_filled_in(description: RecipeDescription) -> None:
    """What is not given, or null, has its default; without one it is null; the keys of a map have theirs."""
    values = check(description, "    package: a\n    dir: dist\n    shrink: ~\n    metadata: [{name: x}]\n").values
    assert values == {
        "package": "a",
        "dir": "dist",
        "archive": None,
        "depth": None,
        "scale": None,
        "profile": "release",
        "shrink": False,
        "old": None,
        "notes": None,
        "features": [],
        "metadata": [{"name": "x", "visibility": "private"}],
        "limits": None,
        "whatever": None,
    }


def test_defaults_have_defaults_inside(tmp_path: Path) -> None:
    """The keys that a default leaves out are filled in like those of a configuration."""
    text = "parameters: {list: {type: list, items: {type: map, fields: {a: string, b: {type: integer, default: 7}}}, default: [{a: x}]}}\n"
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    description = load_description(tmp_path / "recipe.hbs")
    assert description is not None
    assert check_configuration(description, reference("", tmp_path)).values == {"list": [{"a": "x", "b": 7}]}


WRONG = {
    "nothing": "",
    "misspelt": "    pakage: a\n    dir: d\n    pofile: dev\n    zzz: 1\n",
    "kinds": '    package: 1.0\n    dir: true\n    depth: 1.5\n    scale: "1"\n    shrink: "yes"\n    features: a\n    limits: []\n',
    "choices": "    package: a\n    dir: d\n    profile: relaese\n    metadata: [{name: n, visibility: all}]\n",
    "inside": "    package: a\n    dir: d\n    metadata:\n      - vale: secret\n      - name: [secret]\n      - ~\n    features: [a, 5, ~]\n    limits: {cycels: 1}\n",
    "both": "    package: a\n    dir: d\n    archive: e\n",
    "lines": '    package: "a\\nb"\n    dir: "a\\u0007"\n    notes: "a\\nb"\n',
}


@pytest.mark.parametrize("name", WRONG)
def test_report(name: str, description: RecipeDescription, snapshot: SnapshotAssertion) -> None:
    """Everything that does not fit is said at once, each at its key, without any value; what the recipe takes is listed where a parameter is wrong."""
    with pytest.raises(RecipeError) as caught:
        check(description, WRONG[name])
    report = render_error(caught.value, description.path.parent)
    assert report == snapshot
    assert "secret" not in report


def test_without_a_configuration_the_place_is_the_recipe(description: RecipeDescription) -> None:
    """What is missing where there is no `configuration` is said at `type`."""
    with pytest.raises(RecipeError) as caught:
        check_configuration(description, reference("", description.path.parent))
    assert caught.value.span is not None
    assert (caught.value.span.line, caught.value.span.column) == (2, 9)


def test_a_flow_map_shows_no_values(description: RecipeDescription) -> None:
    """A line with several values shows the key that is wrong, at its column, and nothing else."""
    with pytest.raises(RecipeError) as caught:
        check_configuration(description, reference("  configuration: {package: hunter2, dirr: hunter3}\n", description.path.parent))
    (problem,) = caught.value.diagnostics
    assert problem.span is not None
    assert problem.span.column == len("  configuration: {package: hunter2, ") + 1
    assert "hunter" not in problem.span.text
    assert problem.span.text[problem.span.column - 1 :].startswith("dirr")


def test_deprecated_parameters_warn(description: RecipeDescription) -> None:
    """Giving a deprecated parameter works, and says what to use."""
    (warning,) = check(description, "    package: a\n    dir: d\n    old: true\n").warnings
    assert (warning.slug, warning.severity, warning.hint) == ("recipe/deprecated", "warning", "use `shrink`")


def test_the_tools_own_name_is_not_checked(description: RecipeDescription) -> None:
    """`_` is not an unknown parameter: reading the manifest warned of it already."""
    assert "_" not in check(description, "    package: a\n    dir: d\n    _: 5\n").values


def test_a_configuration_called_like_the_tools_values_is_a_warning(tmp_path: Path) -> None:
    """The manifest says that a recipe never sees `_`, at the key and without its value."""
    node = parse_yaml("configuration:\n  _: hunter2\n", tmp_path / "icp.yaml")
    assert isinstance(node, MappingNode)
    problems = Problems()
    read_configuration(node, problems)
    (warning,) = problems.warnings
    assert warning.slug == "manifest/reserved-name"
    assert warning.span is not None
    assert (warning.span.line, warning.span.column, warning.span.text) == (2, 3, "  _: …")


def test_expanding_checks_first(description: RecipeDescription) -> None:
    """With a description the template is not rendered with what does not fit, and gets defaults where it does."""
    template, path = b"{{profile}} {{nothing}}", description.path.with_name("recipe.hbs")
    wrong = reference("  configuration: {package: a, dir: d, nothing: x}\n", description.path.parent)
    with pytest.raises(RecipeError, match="the recipe takes no `nothing`"):
        expand(wrong, template, path, canister="web", description=description)
    right = reference("  configuration: {package: a, dir: d}\n", description.path.parent)
    assert expand(right, b"{{profile}}", path, canister="web", description=description).text == "release"


def test_a_value_that_a_template_misses_points_at_the_configuration(tmp_path: Path) -> None:
    """Without a description the error has the template's line and the `configuration`, where the value should have been."""
    path = tmp_path / "recipe.hbs"
    with pytest.raises(RecipeError) as caught:
        expand(reference("  configuration:\n    dir: hunter2\n", tmp_path), b"build:\n  run: {{package}}\n", path, canister="web")
    (problem,) = caught.value.diagnostics
    assert problem.slug == "recipe/missing-value"
    assert problem.span is not None
    assert (problem.span.path, problem.span.line) == (path, 2)
    assert [(span.line, span.text, note) for span, note in problem.related] == [(3, "  configuration: …", "its configuration is here")]
    assert problem.hint is not None
    assert "`package" in problem.hint
    with pytest.raises(RecipeError) as caught:
        expand(reference("", tmp_path), b"{{package}}", path, canister="web")
    ((span, note),) = caught.value.diagnostics[0].related
    assert (span.line, note) == (2, "the recipe is used here")


def test_one_broken_template_is_told_where_each_canister_uses_it(tmp_path: Path) -> None:
    """A template that is parsed once has errors at every place that uses it."""
    for line in (4, 9):
        used = RecipeReference(address="x.hbs", span=Span(path=tmp_path / "icp.yaml", line=line, column=1))
        for template in (b"{{#if", b"{{gone}}"):
            with pytest.raises(RecipeError) as caught:
                expand(used, template, tmp_path / "x.hbs", canister="web")
            assert [span.line for span, _ in caught.value.diagnostics[0].related if span.path.name == "icp.yaml"] == [line]


def test_a_line_has_what_yaml_may_have() -> None:
    """Every character that YAML refuses, or takes for a line end, is refused at the key; all others pass."""
    text, lines = Parameter(name="text", type="string"), Parameter(name="text", type="string", multiline=True)
    assert [find_misfit(text, f"a{each}b") for each in "\t é\xa0\u200b\ufeff\ufffd\U0010ffff"] == [None] * 8
    for each in "\0\x1b\n\r\x7f\x85\u2028\u2029\ud800\ufffe\uffff":
        assert find_misfit(text, f"a{each}b") == "must be one line without control characters"
        assert find_misfit(lines, f"a{each}b") is None
