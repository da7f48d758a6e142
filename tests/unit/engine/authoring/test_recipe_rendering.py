"""A recipe alone: which one is meant, what it is given, what it renders to."""

from pathlib import Path

import pytest

from orchestrator.core.project import Canister, Project, RecipeReference
from orchestrator.engine.authoring.recipe_addresses import list_bundled, list_used, load_recipe
from orchestrator.engine.authoring.recipe_files import find_recipes, open_recipe
from orchestrator.engine.authoring.recipe_rendering import RecipeInput, merge_values, read_configuration, render_recipe
from orchestrator.errors import DocumentError, RecipeError, UsageError
from orchestrator.recipes import bundled_names
from tests.support.recipes import write_recipe

TEMPLATE = "{{name}} {{_.canister.name}} {{#if _.network.managed}}managed{{/if}}"


@pytest.mark.parametrize("text", ["one", "one/", "./one/recipe.hbs", "file://one/recipe.hbs"])
def test_a_recipe_is_a_folder_or_a_template(tmp_path: Path, text: str) -> None:
    """Paths start from the given folder; the name is the folder's."""
    write_recipe(tmp_path / "one", TEMPLATE)
    recipe = open_recipe(text, tmp_path)

    assert (recipe.name, recipe.path.resolve(), recipe.bundled) == ("one", tmp_path / "one" / "recipe.hbs", False)


def test_a_bare_name_is_bundled_where_nothing_is_in_the_way(tmp_path: Path) -> None:
    """A bundled recipe is found by its name, and knows about the network; a folder of that name comes first."""
    bundled = open_recipe("prebuilt", tmp_path)
    write_recipe(tmp_path / "prebuilt", TEMPLATE)
    own = open_recipe("prebuilt", tmp_path)

    assert (bundled.bundled, bundled.address, bundled.default_facts["network"]) == (True, "prebuilt", {"managed": True})
    assert (own.bundled, own.address, own.default_facts) == (False, "./prebuilt", {})


def test_an_address_starts_from_the_project(tmp_path: Path) -> None:
    """A recipe is named as the project's manifest has to name it, from wherever that is asked, and by its description, too."""
    write_recipe(tmp_path / "project" / "recipes" / "one", TEMPLATE)
    write_recipe(tmp_path / "other", TEMPLATE)
    (tmp_path / "project" / "icp.yaml").write_text("", encoding="utf-8")
    folder = tmp_path / "project" / "canisters" / "web"
    folder.mkdir(parents=True)
    (tmp_path / "project" / "recipes" / "one" / "recipe.yaml").write_text("summary: x\n", encoding="utf-8")

    for text in ("../../recipes/one", "../../recipes/one/recipe.yaml", str(tmp_path / "project" / "recipes" / "one")):
        assert open_recipe(text, folder).address == "./recipes/one"
    assert open_recipe("../../../other", folder).address == str(tmp_path / "other" / "recipe.hbs")
    assert open_recipe("../other", tmp_path / "project").address == str(tmp_path / "other" / "recipe.hbs")
    assert open_recipe("./other/../other", tmp_path).address == "./other"


def test_folders_are_looked_through(tmp_path: Path) -> None:
    """A folder without a template of its own stands for those in it and in its `recipes`, each once, by name."""
    for path in ("b/recipe.hbs", "a/recipe.hbs", "c.hbs", "recipes/d/recipe.hbs", "deep/er/e/recipe.hbs"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("", encoding="utf-8")

    assert [recipe.name for recipe in find_recipes([], tmp_path)] == ["a", "b", "c", "d"]
    assert [recipe.name for recipe in find_recipes(["a", "a/recipe.hbs", "deep/er"], tmp_path)] == ["a", "e"]


def test_what_is_not_there_says_what_is(tmp_path: Path) -> None:
    """A misspelt name is answered with the one that was meant."""
    with pytest.raises(UsageError) as caught:
        open_recipe("prebuild", tmp_path)
    assert caught.value.hint == "did you mean `prebuilt`?"
    with pytest.raises(UsageError):
        find_recipes([], tmp_path)


def test_values_of_the_command_line_go_before(tmp_path: Path) -> None:
    """Dots lead into maps, values are YAML, and the rest of a map stays."""
    values = read_configuration("a: {b: 1, c: [x]}\nd: text\n", tmp_path / "x.yaml")
    pairs = [("a.b", "2"), ("d", "'3'"), ("e", "[1, {f: g}]"), ("h.i.j", "true"), ("k", ""), ("l", "a=b")]

    assert merge_values(values, pairs, "--set") == {
        "a": {"b": 2, "c": ["x"]},
        "d": "3",
        "e": [1, {"f": "g"}],
        "h": {"i": {"j": True}},
        "k": None,
        "l": "a=b",
    }


DEEP_NAME = ".".join(["a"] * 10_000)


@pytest.mark.parametrize(
    "pair",
    [("a", "[1"), ("a..b", "1"), (".a", "1"), ("a", "*b"), (DEEP_NAME, "1")],
    ids=["no YAML", "an empty step", "an empty start", "no alias", "too deep"],
)
def test_what_cannot_be_set(pair: tuple[str, str]) -> None:
    """A value that is no YAML, and a name with nothing in it, are wrong command lines."""
    with pytest.raises(UsageError):
        merge_values({}, [pair], "--set")


def test_configurations_are_maps(tmp_path: Path) -> None:
    """JSON is one form of them, nothing is another; a list is none, and text that is no YAML is told with its place."""
    assert read_configuration('{"a": [1]}', tmp_path) == {"a": [1]}
    assert read_configuration("", tmp_path) == {}
    with pytest.raises(UsageError):
        read_configuration("- a", tmp_path)
    with pytest.raises(DocumentError):
        read_configuration("{", tmp_path)


def test_a_recipe_is_rendered_with_its_facts(tmp_path: Path) -> None:
    """The canister has a name, and a project's recipe knows of no network until it is told."""
    recipe = write_recipe(tmp_path, "{{name}} {{_.canister.name}}")
    told = write_recipe(tmp_path / "told", TEMPLATE)
    facts = {"network": {"managed": True}}

    assert render_recipe(recipe, RecipeInput(configuration={"name": "n"})).text == "n example"
    assert render_recipe(told, RecipeInput(configuration={"name": "n"}, canister="web", facts=facts)).text == "n web managed"
    with pytest.raises(RecipeError):
        render_recipe(told, RecipeInput())


@pytest.mark.anyio
async def test_addresses_lead_to_recipes(tmp_path: Path) -> None:
    """What is on this machine needs no network; what is not is not there offline, and nonsense is a wrong command line."""
    environ = {"ORCHESTRATOR_HOME": str(tmp_path / "home")}
    write_recipe(tmp_path / "one", TEMPLATE)

    found = await load_recipe("./one", tmp_path, project=None, environ=environ, offline=True)
    assert (found.name, found.remote) == ("one", False)
    with pytest.raises(RecipeError):
        await load_recipe("https://example.com/x.hbs", tmp_path, project=None, environ=environ, offline=True)
    for text in ("ftp://example.com/x", "@dfinity/rust", "./nothing", "nothing"):
        with pytest.raises(UsageError):
            await load_recipe(text, tmp_path, project=None, environ=environ, offline=True)


def test_recipes_of_a_project(tmp_path: Path) -> None:
    """Each address is there once, with its canisters, and with what pins it."""
    (tmp_path / "orchestrator.lock").write_text(f'{{"v": 1, "recipes": {{"@dfinity/rust@v1": "{"b" * 64}"}}}}', encoding="utf-8")
    references = {
        "b": RecipeReference(address="@dfinity/rust@v1"),
        "a": RecipeReference(address="@dfinity/rust@v1"),
        "c": RecipeReference(address="./x.hbs", sha256="c" * 64),
        "d": RecipeReference(address="https://example.com/x.hbs"),
    }
    canisters = tuple(Canister(name=name, directory=tmp_path, recipe=reference) for name, reference in references.items())
    used = list_used(Project(directory=tmp_path, manifest=tmp_path / "icp.yaml", canisters=canisters, networks={}, environments={}))

    assert [(each.address, each.canisters, each.pinned_by, (each.sha256 or "-")[0]) for each in used] == [
        ("./x.hbs", ("c",), "manifest", "c"),
        ("@dfinity/rust@v1", ("b", "a"), "lock", "b"),
        ("https://example.com/x.hbs", ("d",), None, "-"),
    ]


def test_bundled_recipes_are_listed() -> None:
    """All of them, with what they take."""
    assert [(each.name, each.bundled) for each in list_bundled()] == [(name, True) for name in bundled_names()]
    assert all(each.description is not None for each in list_bundled())


def test_json_spells_characters_in_two_halves() -> None:
    """What programs write as JSON is read as JSON: a character beyond the first 65,536 may be two escapes; one alone is none."""
    path = Path("stdin")
    assert read_configuration('{"name": "\\ud83d\\ude00", "n": [1.5, null]}', path) == {"name": "😀", "n": [1.5, None]}
    assert read_configuration("{name: 'a\\ud83d\\ude00'}", path) == {"name": "a\\ud83d\\ude00"}
    with pytest.raises(DocumentError) as caught:
        read_configuration('{"name": "\\ud83d"}', path)
    assert caught.value.slug == "document/syntax"
