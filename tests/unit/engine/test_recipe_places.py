"""Where faults of recipes of other machines are: at their address, not where a copy is kept."""

from pathlib import Path

import pytest

from orchestrator.core.project import Canister, RecipeReference, ScriptStep
from orchestrator.engine.recipe_loading import RecipeLoader
from orchestrator.errors import OrchestratorError, Span
from orchestrator.ui.errors import error_to_json, render_error
from orchestrator.ui.excerpts import render_place
from tests.support.package_caches import served_cache

pytestmark = pytest.mark.anyio
ADDRESS = "https://me:hunter2@recipes.test/a.hbs"
SHOWN = "https://***@recipes.test/a.hbs"
SPAN = Span(path=Path("/project/icp.yaml"), line=4, column=7)


async def rendered(directory: Path, template: str) -> str:
    """Load and render a remote template; return where its first step is."""

    async def serve(_url: str) -> bytes:
        return template.encode()

    reference = RecipeReference(address=ADDRESS, span=SPAN)
    loader = RecipeLoader(directory=directory, packages=served_cache(directory / "packages", serve))
    found = await loader.load(reference)
    assert found.path.is_absolute(), "where the copy is kept is known all the same"
    canister = Canister(name="api", directory=directory, recipe=reference)
    steps = loader.render(found, reference, canister, facts=None, names=frozenset({"api"}))
    (step,) = steps.build
    assert isinstance(step, ScriptStep)
    assert step.span is not None
    return render_place(step.span, directory)


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("build:\n  {{#if}}\n", f"{SHOWN}:2:"),
        ("build:\n  steps: {{ missing }}\n", f"{SHOWN}:2:"),
        ("build:\n  stpes: []\n", f"{SHOWN} (rendered for api):2:"),
    ],
    ids=["syntax", "value", "steps"],
)
async def test_faults_are_at_the_address(tmp_path: Path, template: str, place: str) -> None:
    """Messages and JSON name the address without its secrets, and not the file in the cache."""
    with pytest.raises(OrchestratorError) as caught:
        await rendered(tmp_path, template)

    text = render_error(caught.value, base=tmp_path)
    assert f"--> {place}" in text
    assert str(tmp_path) not in text + str(error_to_json(caught.value))
    assert SHOWN in str(error_to_json(caught.value))
    assert "hunter2" not in text


async def test_steps_are_at_the_address(tmp_path: Path) -> None:
    """What a step does wrong later is placed there, too."""
    place = await rendered(tmp_path, "build:\n  steps:\n    - type: script\n      command: 'true'\n")

    assert place == f"{SHOWN} (rendered for api):4:16"


async def test_a_missing_value_says_that_nothing_describes_it(tmp_path: Path) -> None:
    """Of a recipe of another machine only the template comes, without its `recipe.yaml`."""
    with pytest.raises(OrchestratorError) as caught:
        await rendered(tmp_path, "build: {{ missing }}\n")

    assert caught.value.slug == "recipe/missing-value"
    assert "no `recipe.yaml` comes with a recipe of another machine" in render_error(caught.value, base=tmp_path)
