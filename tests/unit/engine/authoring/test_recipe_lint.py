"""What could go wrong with a recipe, found before somebody's value does it."""

from pathlib import Path

import pytest

from orchestrator.engine.authoring.recipe_files import open_recipe
from orchestrator.engine.authoring.recipe_lint import lint_recipe
from orchestrator.recipes import bundled_names
from tests.support.recipes import lint, write_recipe

SCRIPT = "build:\n  steps:\n    - type: script\n      command: |\n        "
STEP = "build:\n  steps:\n    - type: pre-built\n      path: "
TEXT = """\
name: one
summary: Takes a text.
parameters:
  text: {type: string, required: true, description: Any text.}
"""


def parameter(kind: str) -> str:
    """Return a description whose one parameter `text` is of a kind."""
    return TEXT.replace("type: string, required: true", kind)


@pytest.mark.parametrize("name", [name if name == "prebuilt" else pytest.param(name, marks=pytest.mark.slow) for name in bundled_names()])
def test_bundled_recipes_have_nothing_to_find(name: str, tmp_path: Path) -> None:
    """They take every value for what it is."""
    assert lint_recipe(open_recipe(name, tmp_path)).findings == ()


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param("{{text}}", "yaml-value", id="plain"),
        pytest.param("'{{text}}'", "yaml-value", id="single-quotes"),
        pytest.param('"{{text}}"', "yaml-value", id="double-quotes"),
        pytest.param("[{{text}}]", "yaml-value", id="list"),
        pytest.param("x/{{text}}", "yaml-value", id="in-the-middle"),
        pytest.param("'{{replace \"'\" \"''\" text}}'", None, id="quotes-doubled"),
        pytest.param("|-\n        {{text}}", None, id="block"),
        pytest.param('"{{replace "\\"" "\\\\\\"" (replace "\\\\" "\\\\\\\\" text)}}"', None, id="escaped-for-double-quotes"),
    ],
)
def test_values_that_break_the_yaml(tmp_path: Path, written: str, found: str | None) -> None:
    """A text must arrive as it was given in one scalar, and nothing else may change."""
    line = 5 if "\n" in written else 4
    assert lint(tmp_path, f"{STEP}{written}\n", TEXT) == ([("error", found, line)] if found else [])


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param("x {{text}}", True, id="bare"),
        pytest.param('x "{{text}}"', True, id="double-quotes"),
        pytest.param("x '{{text}}'", True, id="single-quotes"),
        pytest.param('x "$(basename "{{text}}")"', True, id="substitution"),
        pytest.param("cat <<E\n        {{text}}\n        E", True, id="document"),
        pytest.param("x ${y:-{{text}}}", True, id="default-of-a-parameter"),
        pytest.param('x \'{{replace "x" "y" text}}\'', True, id="replaced-and-not-escaped"),
        pytest.param("x '{{replace \"'\" \"'\\\\''\" text}}'", False, id="escaped"),
        pytest.param("x=a'{{replace \"'\" \"'\\\\''\" text}}'b", False, id="part-of-a-word"),
        pytest.param("x $(y '{{replace \"'\" \"'\\\\''\" text}}')", False, id="escaped-in-a-substitution"),
        pytest.param('x \'{{replace "-" "_" (replace "\'" "\'\\\\\'\'" text)}}\'', True, id="replaced-after-escaping"),
        pytest.param('x \'{{replace "\'" "\'\\\\\'\'" (replace "-" "_" text)}}\'', False, id="escaped-last"),
        pytest.param("{{text}}", False, id="a-command-of-the-user"),
    ],
)
def test_values_that_the_shell_would_act_on(tmp_path: Path, written: str, found: bool) -> None:  # noqa: FBT001  # a table's column
    """A text must arrive as a part of one word."""
    line = 6 if "\n" in written else 5
    assert lint(tmp_path, f"{SCRIPT}{written}\n", TEXT) == ([("error", "shell-quoting", line)] if found else [])


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("type: string, choices: [debug, release], default: debug", []),
        ("type: integer, default: 3", []),
        ("type: boolean, default: true", []),
        ("type: string, required: true, multiline: true", ["shell-quoting", "yaml-value"]),
        ("type: any, required: true", ["shell-quoting"]),
        ("required: true", ["shell-quoting"]),
    ],
)
def test_only_what_a_parameter_can_be_is_tried(tmp_path: Path, kind: str, found: list[str]) -> None:
    """What has few values, or only harmless ones, needs no quotes; what may have line ends breaks even blocks."""
    assert sorted(name for _, name, _ in lint(tmp_path, f"{SCRIPT}x {{{{text}}}}\n", parameter(kind))) == found


def test_texts_that_become_numbers(tmp_path: Path) -> None:
    """A value that is a number, a truth value or null to YAML is told where that is all that is wrong."""
    template = f"{STEP}x.wasm\n      sha256: {{{{text}}}}\n"
    report = lint_recipe(write_recipe(tmp_path, template, parameter("type: string, choices: ['12', 'true'], default: '12'")))
    assert [(each.severity, each.slug) for each in report.findings] == [("warning", "recipe-lint/yaml-type")]

    assert ("error", "yaml-value", 5) in lint(tmp_path, template, TEXT)


def test_names_are_compared(tmp_path: Path) -> None:
    """What nobody declares is an error, with the name that was meant; what is never used is a warning; keys of maps count."""
    template = (
        "build:\n  steps:\n    - type: script\n      commands:\n"
        "        - echo {{#if (and verbse fast)}}x{{/if}}\n"
        "        {{#each files as |file|}}\n        - echo {{#if file.nmae}}y{{/if}}{{#if ../fast}}z{{/if}}\n        {{/each}}\n"
    )
    description = """\
summary: Names.
parameters:
  verbose: {type: boolean, default: false, description: d}
  fast: {type: boolean, default: false, description: d}
  files: {type: list, default: [], description: d, items: {type: map, fields: {name: string, size: integer}}}
"""
    report = lint_recipe(write_recipe(tmp_path, template, description))

    assert [(each.severity, each.slug, each.summary, each.hint) for each in report.findings if "missing" not in each.slug] == [
        ("error", "recipe-lint/undeclared-parameter", "recipe.yaml declares no `verbse`", "did you mean `verbose`?"),
        ("error", "recipe-lint/undeclared-parameter", "recipe.yaml declares no `files[].nmae`", "did you mean `name`?"),
        ("warning", "recipe-lint/unused-parameter", "the template never uses `verbose`", "use it in the template, or leave it out here"),
        (
            "warning",
            "recipe-lint/unused-parameter",
            "the template never uses `files[].name`",
            "use it in the template, or leave it out here",
        ),
        (
            "warning",
            "recipe-lint/unused-parameter",
            "the template never uses `files[].size`",
            "use it in the template, or leave it out here",
        ),
    ]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("{{#each text}}x{{/each}}", [("error", "wrong-value", 4)]),
        ("{{#if text}}{{#each text}}x{{/each}}{{/if}}y", []),
        ("{{#each text}}x{{else}}y{{/each}}", []),
        ("a{{#with text}}x{{else}}y{{/with}}", []),
    ],
)
def test_optional_parameters_need_a_condition(tmp_path: Path, written: str, found: list[tuple[str, str, int]]) -> None:
    """A block that fails without its value is an error where the value may be left out."""
    assert lint(tmp_path, f"{STEP}{written}\n", parameter("type: list")) == found


def test_a_line_without_its_value(tmp_path: Path) -> None:
    """A key whose only value may be left out is a warning, and none within a condition."""
    choice = parameter("type: string, choices: [a, b]")
    template = f"{STEP}x.wasm\n      sha256: {{{{text}}}}\n"

    assert ("warning", "unguarded-optional", 5) in lint(tmp_path, template, choice)
    guarded = template.replace("      sha256: {{text}}\n", "      {{#if text}}\n      sha256: {{text}}\n      {{/if}}\n")
    assert [name for _, name, _ in lint(tmp_path, guarded, choice) if name == "unguarded-optional"] == []


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ("- {type: pre-built, url: 'https://example.com/a.wasm'}", [("error", "unpinned-url", 3)]),
        (f"- {{type: pre-built, url: 'https://example.com/a.wasm', sha256: {'0' * 64}}}", []),
        (f"- {{type: pre-built, url: 'http://example.com/a.wasm', sha256: {'0' * 64}}}", [("warning", "insecure-url", 3)]),
        ("- {type: pre-built, path: /opt/a.wasm}", [("warning", "absolute-path", 3)]),
        ("- {type: script, command: curl -O https://example.com/a}", [("warning", "unpinned-download", 3)]),
        ("- {type: script, command: curl -O https://example.com/a && sha256sum -c sums}", []),
        ("- {type: scrpt, command: x}", [("error", "steps", 3)]),
        ("- {type: script, command: x, inputz: [a]}", [("warning", "steps", 3)]),
    ],
)
def test_steps_are_looked_at(tmp_path: Path, steps: str, found: list[tuple[str, str, int]]) -> None:
    """What is downloaded without a hash, what is there on one machine only, and what is no step."""
    assert lint(tmp_path, f"build:\n  steps:\n    {steps}\n", "summary: Steps.\n") == found


def test_a_hash_that_may_be_left_out(tmp_path: Path) -> None:
    """An address that is pinned with some configurations only is a warning."""
    template = "build:\n  steps:\n    - type: pre-built\n      url: https://example.com/a.wasm\n      {{#if text}}\n      sha256: '{{text}}'\n      {{/if}}\n"

    assert ("warning", "unpinned-url", 4) in lint(tmp_path, template, parameter("type: string"))


def test_helpers_are_looked_at_where_nothing_leads(tmp_path: Path) -> None:
    """A helper that does not exist is found in a part that is never rendered."""
    template = f"{STEP}{{{{#if false}}}}{{{{uper 'x'}}}}{{{{replace 'x' 'y'}}}}{{{{/if}}}}a.wasm\n"

    assert [name for _, name, _ in lint(tmp_path, template, "summary: Helpers.\n")] == ["unknown-helper", "helper-parameters"]


def test_facts_that_recipes_are_not_told(tmp_path: Path) -> None:
    """Only bundled recipes know about the network."""
    template = f"{STEP}{{{{#if _.network.managed}}}}a{{{{else}}}}'{{{{_.canister.name}}}}'{{{{/if}}}}\n"

    assert lint(tmp_path, template, "summary: Facts.\n") == [("error", "unknown-fact", 4)]


@pytest.mark.parametrize(
    ("template", "description", "found"),
    [
        ("{{#if x}}", None, [("error", "template-syntax", 1)]),
        (f"{STEP}a.wasm\n", None, [("warning", "missing-description", 1)]),
        (f"{STEP}a.wasm\n", "parameters: {}\n", [("warning", "missing-description", 1)]),
        (f"{STEP}a.wasm\n", "summary: s\nparametres: {}\n", [("error", "description-unknown-key", 2)]),
    ],
)
def test_files_that_are_wrong_or_missing(tmp_path: Path, template: str, description: str | None, found: list[tuple[str, str, int]]) -> None:
    """A template or a description that cannot be read is a finding like any other."""
    assert lint(tmp_path, template, description) == found


def test_a_template_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are a finding."""
    recipe = write_recipe(tmp_path, "")
    recipe.path.write_bytes(b"\xff")
    (found,) = lint_recipe(open_recipe(str(tmp_path), tmp_path, described=False)).findings

    assert found.slug == "recipe-lint/not-utf-8"


def test_without_a_description_the_template_says_what_it_takes(tmp_path: Path) -> None:
    """A template alone is tried with what it uses: lists, maps and texts."""
    template = f"{SCRIPT}{{{{#each files}}}}echo '{{{{name}}}}' {{{{/each}}}}{{{{#if wide}}}}-w{{{{/if}}}} {{{{deep.er}}}}\n"

    assert [name for _, name, _ in lint(tmp_path, template)] == ["missing-description", "shell-quoting", "shell-quoting"]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("{{! lint: allow shell-quoting }}", []),
        ("{{!-- lint: allow recipe-lint/shell-quoting --}}", []),
        ("{{! lint: allow yaml-value, shell-quoting }}", ["unused-waiver"]),
        ("{{! lint: allow yaml-value }}", ["unused-waiver", "shell-quoting"]),
        ("{{! shell-quoting }}", ["shell-quoting"]),
    ],
)
def test_findings_can_be_allowed(tmp_path: Path, comment: str, left: list[str]) -> None:
    """A comment before a line allows what it names, and is itself a finding where there is nothing to allow."""
    template = f"{SCRIPT}set -e\n        {comment}\n        x {{{{text}}}}\n"

    assert [name for _, name, _ in lint(tmp_path, template, TEXT)] == left


def test_findings_in_a_description_can_be_allowed(tmp_path: Path) -> None:
    """A comment on the parameter's own line does."""
    description = TEXT.rstrip() + " # lint: allow unused-parameter\n"

    assert lint(tmp_path, f"{STEP}a.wasm\n", description) == []


def test_a_finding_says_which_value_shows_it(tmp_path: Path) -> None:
    """The report has the value, the tag, and how to write it instead."""
    (found,) = lint_recipe(write_recipe(tmp_path, f'{SCRIPT}x "{{{{text}}}}"\n', TEXT)).findings

    assert found.span is not None
    assert (found.span.column, found.span.length) == (12, 8)
    assert found.detail == 'for example "say \\"a\\""'
    assert found.hint == """put it between single quotes: `'{{replace "'" "'\\\\''" text}}'`"""


def test_a_recipe_with_many_parameters(tmp_path: Path) -> None:
    """Each is reached, though not every combination can be tried."""
    names = [f"p{number}" for number in range(40)]
    parameters = "".join(f"  {name}: {{type: string, description: d}}\n" for name in names)
    commands = "".join(
        f"        {{{{#if {name}}}}}\n        x '{{{{replace \"'\" \"'\\\\''\" {name}}}}}'\n        {{{{/if}}}}\n" for name in names
    )

    assert lint(tmp_path, f"{SCRIPT}true\n{commands}", f"summary: Many.\nparameters:\n{parameters}") == []


def test_a_recipe_that_renders_to_too_much(tmp_path: Path) -> None:
    """At the limit no more is rendered, and that is said."""
    recipe = write_recipe(tmp_path, f"{SCRIPT}x {{{{text}}}}\n", TEXT)

    assert [each.slug for each in lint_recipe(recipe, most_characters=10).findings] == ["recipe-lint/not-all-tried"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"web.yaml": "summary: s\n"}, "unused-description"),
        ({"recipe.yaml": "summary: s\n"}, "unused-description"),
        ({"recipe.yaml": "summary: s\n", "recipe.hbs": ""}, "missing-description"),
        ({}, "missing-description"),
    ],
)
def test_descriptions_that_describe_nothing(tmp_path: Path, files: dict[str, str], found: str) -> None:
    """A description has its template's name, and parameters; that of another template is left alone."""
    for name, text in {"web.hbs": f"{STEP}a.wasm\n", **files}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    assert [each.slug for each in lint_recipe(open_recipe("web.hbs", tmp_path)).findings] == [f"recipe-lint/{found}"]


def test_one_value_among_many_is_found(tmp_path: Path) -> None:
    """The tag that does harm is named, and no other; of very many the first hundred are."""
    good, bad = "'{{replace \"'\" \"'\\\\''\" text}}'", "{{text}}"
    mixed = " ".join([*[good] * 9, bad, *[good] * 9])

    assert lint(tmp_path, f"{SCRIPT}x {mixed}\n", TEXT) == [("error", "shell-quoting", 5)]
    assert len(lint(tmp_path, f"{SCRIPT}x {' '.join([bad] * 120)}\n", TEXT)) == 100


def test_lists_in_lists_are_kept_small(tmp_path: Path) -> None:
    """A template with loops inside each other is not given more than it takes to go through them."""
    template = f"{STEP}a{'{{#each deep}}' + '{{#each this}}' * 30}b{'{{/each}}' * 31}.wasm\n"

    assert ("warning", "missing-description", 1) in lint(tmp_path, template)
