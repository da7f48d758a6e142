"""A recipe becomes steps, and every error points at the template and at the manifest."""

import hashlib
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.core.project import PluginStep, RecipeReference, ScriptStep
from orchestrator.errors import ManifestError, OrchestratorError, RecipeError, Span
from orchestrator.manifest import load_steps
from orchestrator.recipes import (
    BundledRecipe,
    LocalRecipe,
    RegistryRecipe,
    RemoteRecipe,
    expand,
    load_local,
    parse_address,
    parse_template,
    render_template,
)
from orchestrator.recipes.parser import MAX_TEMPLATE_CHARACTERS
from tests.support.reports import render_diagnostic, render_error

PROJECT = Path("/project")
PATH = PROJECT / "recipes" / "site.hbs"
TEMPLATE = """\
{{! builds a site }}
build:
  steps:
    - type: script
      commands:
        {{#each commands}}
        - {{this}}
        {{/each}}
sync:
  steps:
    - type: plugin
      path: {{plugin}}
      name: {{_.canister.name}}
      {{#if dir}}
      dirs: [{{dir}}]
      {{/if}}
"""


def reference(address: str = "./recipes/site.hbs", sha256: str | None = None, **configuration: object) -> RecipeReference:
    """Return a recipe reference at line 4 of a manifest."""
    span = Span(path=PROJECT / "icp.yaml", line=4, column=13, length=len(address), text=f"      type: {address}")
    return RecipeReference(address=address, sha256=sha256, configuration=configuration, span=span)


def report(error: OrchestratorError) -> str:
    """Return an error's report as the snapshots hold it."""
    return render_error(error, PROJECT)


def test_a_recipe_becomes_steps() -> None:
    """Template and configuration give the steps that the manifest reads."""
    expansion = expand(reference(commands=["a", "b"], plugin="p.wasm", dir="d"), TEMPLATE.encode(), PATH, canister="web")
    steps = load_steps(expansion.text, expansion.path, directory=PROJECT, related=expansion.related, shown=expansion.shown)
    (script,), (plugin,) = steps.build, steps.sync
    assert isinstance(script, ScriptStep)
    assert script.commands == ("a", "b")
    assert isinstance(plugin, PluginStep)
    assert (plugin.path, plugin.name, plugin.dirs) == (PROJECT / "p.wasm", "web", ("d",))


def test_each_line_knows_its_line_of_the_template() -> None:
    """Lines of a loop come from the loop's body, whatever was left out before them."""
    expansion = expand(reference(commands=["a", "b"], plugin="p.wasm", dir="d"), TEMPLATE.encode(), PATH, canister="web")
    origins = dict(zip(expansion.text.split("\n"), expansion.lines, strict=True))
    assert origins["build:"] == 2
    assert (origins["        - a"], origins["        - b"]) == (7, 7)
    assert (origins["sync:"], origins["      dirs: [d]"]) == (9, 15)


def test_the_user_cannot_set_what_the_tool_says() -> None:
    """`_` belongs to the tool."""
    expansion = expand(
        reference(_="mine"), b"{{_.canister.name}} {{_.network.managed}}", PATH, canister="a", facts={"network": {"managed": True}}
    )
    assert expansion.text == "a true"


def test_a_rendered_fault_points_everywhere(snapshot: SnapshotAssertion) -> None:
    """A wrong step of a recipe shows the rendered line, the template's line and the manifest's."""
    template = "build:\n  steps:\n    {{#each steps}}\n    - type: {{this}}\n    {{/each}}\n"
    expansion = expand(reference(steps=["script", "scirpt"]), template.encode(), PATH, canister="web")
    with pytest.raises(ManifestError) as caught:
        load_steps(expansion.text, expansion.path, directory=PROJECT, related=expansion.related, shown=expansion.shown)
    assert report(caught.value) == snapshot


BROKEN = {
    "missing value": "build:\n  run: {{pakage}}\n",
    "missing value, nothing like it": "{{x.y.z}}",
    "unknown helper": '{{replac "-" "_" package}}',
    "unknown block": "{{#package}}x{{/package}}",
    "unclosed block": "{{#if package}}\nbuild:\n",
    "closed by another": "{{#if package}}{{#each list}}{{/if}}",
    "closes nothing": "x {{/if}}",
    "else alone": "{{else}}",
    "unclosed tag": "name: {{ package\n",
    "no expression": "a\nb {{ }}",
    "unclosed quote": "{{replace '-' \"_ package}}",
    "unclosed comment": "{{! never",
    "unclosed comment, long": "{{!-- never",
    "two parameters": '{{replace "-" "_"}}',
    "no item": "{{lookup list 9}}",
    "list with a name": "{{list.first}}",
    "no partial": "{{> header}}",
    "partial block": "{{> @partial-block}}",
    "unclosed raw": "{{{{raw}}}} x",
    "unknown raw": "{{{{bold}}}} x {{{{/bold}}}}",
    "each over text": "{{#each package}}x{{/each}}",
    "if without a value": "{{#if}}x{{/if}}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_report(name: str, snapshot: SnapshotAssertion) -> None:
    """Each fault of a template is reported with its tag, and with the recipe in the manifest."""
    with pytest.raises(RecipeError) as caught:
        expand(reference(package="p", list=[1, 2]), BROKEN[name].encode(), PATH, canister="web")
    assert report(caught.value) == snapshot


ENDLESS = {
    "loops": "{{#each l}}{{#each ../l}}{{#each ../../l}}{{#each ../../../l}}{{/each}}{{/each}}{{/each}}{{/each}}",
    "output": "{{#each l}}{{#each ../l}}{{#each ../../l}}" + "x" * 100 + "{{/each}}{{/each}}{{/each}}",
    "partials": '{{#*inline "p"}}{{> p}}{{/inline}}{{> p}}',
    "partials that double": '{{#*inline "a"}}{{#each @root.l}}{{> b}}{{/each}}{{/inline}}{{#*inline "b"}}{{#each @root.l}}xxxxxxxx{{> a}}{{/each}}{{/inline}}{{> a}}',
    "blocks": "{{#if l}}" * 5000,
    "else if": "{{#if x}}" + "{{else if x}}" * 5000,
    "parentheses": "{{eq " + "(not " * 5000,
    "size": "x" * (MAX_TEMPLATE_CHARACTERS + 1),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_rendering_is_bounded(name: str) -> None:
    """No template takes for ever, fills the memory, or ends in a RecursionError."""
    with pytest.raises(RecipeError) as caught:
        render_template(parse_template(ENDLESS[name], PATH), {"l": list(range(100))}, max_steps=50_000)
    assert caught.value.slug in {"recipe/too-large", "recipe/too-deep", "recipe/template-syntax"}


def test_partials_are_indented() -> None:
    """A partial alone on its line is indented as its tag is, and can be given other data."""
    template = (
        '{{#*inline "step"}}\n- type: {{kind}}\n  command: {{run}}\n{{/inline}}\nsteps:\n  {{> step one}}\n  {{> step two run="c"}}\n'
    )
    data = {"one": {"kind": "script", "run": "a"}, "two": {"kind": "script", "run": "b"}}
    assert render_template(parse_template(template, PATH), data).text == (
        "steps:\n  - type: script\n    command: a\n  - type: script\n    command: c\n"
    )


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("file://a/b.hbs", LocalRecipe(path="a/b.hbs")),
        ("./b.hbs", LocalRecipe(path="./b.hbs")),
        ("b.hbs", LocalRecipe(path="b.hbs")),
        ("rust", BundledRecipe(name="rust")),
        ("/abs/recipe", LocalRecipe(path="/abs/recipe")),
        ("https://x.y/r.hbs", RemoteRecipe(url="https://x.y/r.hbs")),
        ("http://x.y/r.hbs", RemoteRecipe(url="http://x.y/r.hbs")),
        ("@dfinity/rust@v3.2.0", RegistryRecipe(registry="dfinity", name="rust", version="v3.2.0")),
        ("@foo/asset-canister@1", RegistryRecipe(registry="foo", name="asset-canister", version="1")),
    ],
)
def test_addresses(text: str, address: object) -> None:
    """Paths, URLs and registry names are told apart."""
    assert parse_address(reference(text)) == address


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("https://", "it names no host"),
        ("http:///a.hbs", "it names no host"),
        ("https://?x", "it names no host"),
        ("https://[::1", "it names no host"),
        ("https:// /a.hbs", "it names no host"),
        ("https://x.y/a.hbs\n", "it has line ends or other control characters"),
        ("https://u:hunter2@x.y/\x1b[31m", "it has line ends or other control characters"),
    ],
)
def test_urls_that_lead_nowhere(text: str, detail: str) -> None:
    """They are refused where they stand, with a connection or without, and in one line without secrets."""
    with pytest.raises(RecipeError) as caught:
        parse_address(reference(text))
    assert (caught.value.slug, caught.value.detail) == ("recipe/invalid-address", detail)
    assert caught.value.summary.isprintable()
    assert "hunter2" not in caught.value.summary


@pytest.mark.parametrize(
    "text",
    ["a b", "@dfinity/rust", "@dfinity", "@/x@1", "ftp://x/y.hbs", "file://", "", "@a/b@", "@a/..@1", "@a/b@1/2", "@a/b@%2e", "@ä/b@1"],
)
def test_wrong_addresses(text: str, snapshot: SnapshotAssertion) -> None:
    """What is no address is refused with the form to write."""
    with pytest.raises(RecipeError) as caught:
        parse_address(reference(text))
    assert report(caught.value) == snapshot


def test_a_pinned_template_must_match(snapshot: SnapshotAssertion) -> None:
    """The hash is of the template's bytes, and a wrong one refuses the recipe."""
    expand(reference(sha256=hashlib.sha256(b"x").hexdigest()), b"x", PATH, canister="a")
    with pytest.raises(RecipeError) as caught:
        expand(reference(sha256="00" * 32), b"x", PATH, canister="a")
    assert report(caught.value) == snapshot


def test_templates_are_found_from_the_project_first(tmp_path: Path) -> None:
    """A path starts from the project; one found from the working directory only is a warning."""
    project, working = tmp_path / "project", tmp_path / "elsewhere"
    for directory in (project, working):
        directory.mkdir()
        (directory / "both.hbs").write_text(directory.name, encoding="utf-8")
    (working / "one.hbs").write_text("one", encoding="utf-8")
    both = load_local(reference("both.hbs"), LocalRecipe(path="both.hbs"), project_directory=project, working_directory=working)
    assert (both.path, both.data, both.warnings) == (project / "both.hbs", b"project", ())
    one = load_local(reference("file://one.hbs"), LocalRecipe(path="one.hbs"), project_directory=project, working_directory=working)
    assert (one.path, one.data) == (working / "one.hbs", b"one")
    assert "recipe/working-directory" in render_diagnostic(one.warnings[0], tmp_path)


def test_a_template_that_is_not_there(snapshot: SnapshotAssertion) -> None:
    """A missing file says where it was looked for."""
    with pytest.raises(RecipeError) as caught:
        load_local(reference("nope.hbs"), LocalRecipe(path="nope.hbs"), project_directory=PROJECT, working_directory=PROJECT)
    assert report(caught.value) == snapshot


def test_a_template_that_is_not_text() -> None:
    """A template that is not UTF-8 is refused."""
    with pytest.raises(RecipeError) as caught:
        expand(reference(), b"\xff", PATH, canister="a")
    assert caught.value.slug == "recipe/not-utf-8"
