"""Where a recipe's template is found: bundled, in files of a project, and what is said when it is not there."""

import hashlib
import os
from pathlib import Path

import pytest

from orchestrator.core.project import RecipeReference
from orchestrator.engine.pins import Pinned, Pinning
from orchestrator.engine.recipe_loading import LoadedRecipe, RecipeLoader
from orchestrator.errors import RecipeError, Span, StoreError
from orchestrator.store import PackageCache
from orchestrator.store.lock_file import LockFile

pytestmark = pytest.mark.anyio
SPAN = Span(path=Path("icp.yaml"), line=4, column=7)


@pytest.fixture
def loader(tmp_path: Path) -> RecipeLoader:
    """Return a loader of a project with templates in it, in a tool with two bundled recipes, typed elsewhere."""
    for name in ("project/recipes", "member/recipes", "elsewhere", "bundled/rust", "bundled/motoko"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "recipe.hbs").write_text(name)
    (tmp_path / "project" / "backend.hbs").write_text("backend")
    (tmp_path / "elsewhere" / "only-here.hbs").write_text("only here")
    (tmp_path / "bundled" / "rust" / "recipe.yaml").write_text("parameters: { package: { type: string, required: true } }\n")
    return RecipeLoader(
        directory=tmp_path / "project",
        packages=PackageCache(tmp_path / "packages"),
        working_directory=tmp_path / "elsewhere",
        bundled_directory=tmp_path / "bundled",
    )


async def load(loader: RecipeLoader, address: str, *, sha256: str | None = None, directory: Path | None = None) -> LoadedRecipe:
    """Load a recipe by its address."""
    return await loader.load(RecipeReference(address=address, sha256=sha256, span=SPAN), directory=directory)


@pytest.mark.parametrize(
    ("address", "content"),
    [
        ("./backend.hbs", b"backend"),
        ("backend.hbs", b"backend"),
        ("file://backend.hbs", b"backend"),
        ("recipes/recipe.hbs", b"project/recipes"),
        ("./recipes", b"project/recipes"),
        ("file://recipes", b"project/recipes"),
        ("../member/recipes/", b"member/recipes"),
    ],
)
async def test_files_of_a_project(loader: RecipeLoader, address: str, content: bytes) -> None:
    """Paths start from the project; a folder means the template in it."""
    found = await load(loader, address)

    assert (found.data, found.remote, found.bundled, found.warnings) == (content, False, False, ())
    assert found.sha256 == hashlib.sha256(content).hexdigest()


async def test_a_member_of_a_workspace_has_its_own_files(loader: RecipeLoader, tmp_path: Path) -> None:
    """The same address is another file in another project."""
    assert (await load(loader, "./recipes")).data == b"project/recipes"
    assert (await load(loader, "./recipes", directory=tmp_path / "member")).data == b"member/recipes"


async def test_absolute_paths(loader: RecipeLoader, tmp_path: Path) -> None:
    """An absolute path is what it says, with and without a scheme."""
    for scheme in ("", "file://"):
        assert (await load(loader, f"{scheme}{tmp_path / 'project' / 'backend.hbs'}")).data == b"backend"


async def test_the_working_directory_comes_last(loader: RecipeLoader) -> None:
    """What is found there only is a warning; what is nowhere is an error that names both places."""
    found = await load(loader, "./only-here.hbs")
    with pytest.raises(RecipeError) as caught:
        await load(loader, "./nowhere.hbs")

    assert [each.slug for each in found.warnings] == ["recipe/working-directory"]
    assert "project/nowhere.hbs, nor at " in str(caught.value.detail)


@pytest.mark.parametrize("upper", [False, True])
async def test_a_file_has_the_hash_that_is_stated(loader: RecipeLoader, *, upper: bool) -> None:
    """A stated hash holds for files, too, in capital and in small letters."""
    sha256 = hashlib.sha256(b"backend").hexdigest()

    assert (await load(loader, "./backend.hbs", sha256=sha256.upper() if upper else sha256)).data == b"backend"
    with pytest.raises(RecipeError) as caught:
        await load(loader, "./backend.hbs", sha256="0" * 64)
    assert (caught.value.slug, caught.value.span) == ("recipe/checksum", SPAN)
    assert sha256 in str(caught.value.detail)


async def test_what_is_no_file_is_not_waited_for(loader: RecipeLoader, tmp_path: Path) -> None:
    """A pipe, and a folder where a template should be, are errors at once."""
    os.mkfifo(tmp_path / "project" / "pipe.hbs")
    (tmp_path / "project" / "folder.hbs" / "recipe.hbs").mkdir(parents=True)
    for address in ("./pipe.hbs", "./folder.hbs"):
        with pytest.raises(RecipeError) as caught:
            await load(loader, address)
        assert caught.value.slug == "recipe/unreadable"


async def test_a_bare_name_is_a_bundled_recipe(loader: RecipeLoader) -> None:
    """It comes with its description, wherever the project is."""
    found = await load(loader, "rust")

    assert (found.data, found.bundled, found.remote) == (b"bundled/rust", True, False)
    assert found.description is not None
    assert [each.name for each in found.description.parameters] == ["package"]


@pytest.mark.parametrize(("name", "hint"), [("rst", "did you mean `rust`?"), ("haskell", 'write "./haskell" for a folder')])
async def test_unknown_names(loader: RecipeLoader, name: str, hint: str) -> None:
    """A name that nothing bundled has is an error that says which there are."""
    with pytest.raises(RecipeError) as caught:
        await load(loader, name)

    assert (caught.value.slug, caught.value.detail) == ("recipe/unknown-bundled", "the bundled recipes are `motoko`, `rust`")
    assert hint in str(caught.value.hint)


async def test_whoever_pins_first_counts(tmp_path: Path) -> None:
    """Two commands that use an address for the first time at once, and are sent different bytes, do not both go on."""
    file = LockFile(path=tmp_path / "orchestrator.lock", guard=tmp_path / "guard")
    what = Pinned(kind="recipes", address="@acme/a@v1")
    first, second = (Pinning(file, tell=lambda _found: None) for _ in range(2))
    assert (await first.wanted(what), await second.wanted(what)) == (None, None)

    assert await first.pin(what, "a" * 64)
    with pytest.raises(StoreError) as caught:
        await second.pin(what, "b" * 64)

    assert caught.value.slug == "pins/changed"
    assert file.load().recipes == {"@acme/a@v1": "a" * 64}
