"""Values of a configuration may be secret: no error about a rendered recipe repeats one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.project import RecipeReference, ScriptStep
from orchestrator.documents import source_of_text
from orchestrator.errors import DocumentError, ManifestError
from orchestrator.manifest import load_steps
from orchestrator.manifest.rendered import Steps
from orchestrator.recipes import Expansion, expand
from orchestrator.ui.errors import render_error

PROJECT = Path("/project")
SECRET = "hunter2"
BROKEN = {
    "type": "build:\n  steps:\n    - type: {{secret}}\n",
    "inside a text": "build:\n  steps:\n    - type: script\n      command: [a, 'b {{secret}} c']\n",
    "hash": "build:\n  steps:\n    - type: pre-built\n      path: {{secret}}\n      sha256: x-{{secret}}\n",
    "yaml": "build: {{secret}}: x\n  steps:\n",
    "quote": 'build:\n  steps:\n    - type: script\n      command: "{{secret}}\n',
    "character": "build:\n  steps:\n    - type: script\n      command: `{{secret}}\n",
    "unknown key": "build:\n  steps: []\n{{secret}}: 5\n",
    "twice": "{{secret}}: 1\n{{secret}}: 2\n",
    "url": "build:\n  steps:\n    - type: pre-built\n      url: {{secret}}\n",
    "line before": "build:\n  steps:\n    - type: script # {{secret}}\n      command: 5\n",
    "partial": '{{#*inline "p"}}\ntype: {{secret}}\n{{/inline}}\nbuild:\n  steps:\n    -\n      {{> p}}\n',
}


def expanded(template: str, **configuration: object) -> Expansion:
    """Expand a template for a canister."""
    return expand(RecipeReference(address="x.hbs", configuration=configuration), template.encode(), PROJECT / "x.hbs", canister="web")


def load(expansion: Expansion) -> Steps:
    """Read the steps of an expansion."""
    return load_steps(expansion.text, expansion.path, directory=PROJECT, related=expansion.related, shown=expansion.shown)


@pytest.mark.parametrize("name", BROKEN)
def test_no_report_repeats_a_value(name: str) -> None:
    """Neither the words nor any line of a report has the value; the template's line says where it went."""
    with pytest.raises(ManifestError) as caught:
        load(expanded(BROKEN[name], secret=SECRET))
    report = render_error(caught.value, base=PROJECT)
    assert SECRET not in report
    assert SECRET not in str([(each.summary, each.detail, each.hint) for each in caught.value.diagnostics])
    assert "rendered from this line" in report


def test_steps_have_places_without_values() -> None:
    """A step that fails later shows its place without the values in it."""
    (step,) = load(expanded("build:\n  steps:\n    - type: script\n      command: echo {{secret}}; false\n", secret=SECRET)).build
    assert isinstance(step, ScriptStep)
    assert step.commands == ("echo hunter2; false",)
    assert step.span is not None
    assert step.span.text == "      command: echo *******; false"
    assert SECRET not in "".join(step.span.lines)


@given(values=st.lists(st.text(max_size=8), max_size=4))
def test_the_shown_text_has_the_lines_of_the_real_one(values: list[str]) -> None:
    """What hides values has the same length and the same line ends, so that every place stays where it is."""
    expansion = expanded("a: b\n{{#each values}}\n- c {{this}} d\r\n{{/each}}\nend", values=values)
    assert len(expansion.shown) == len(expansion.text)
    assert [each for each in expansion.shown if each in "\n\r\x85\u2028\u2029"] == [
        each for each in expansion.text if each in "\n\r\x85\u2028\u2029"
    ]
    try:
        source = source_of_text(expansion.text, PROJECT, shown=expansion.shown)
    except DocumentError:
        return
    assert [len(line) for line in source.shown_lines] == [len(line) for line in source.lines]
