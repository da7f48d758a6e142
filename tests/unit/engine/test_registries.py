"""Which registry counts where several files have one of the same name, and when that is told."""

from pathlib import Path

import pytest

from orchestrator.engine.registries import Registries
from orchestrator.errors import Diagnostic
from orchestrator.recipes import RegistryRecipe

MINE = "https://mirror.test/{name}/{version}.hbs"
THEIRS = "https://acme.test/{name}/{version}.hbs"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Return a user's settings with three registries."""
    path = tmp_path / "settings.yaml"
    path.write_text("registries:\n" + "".join(f'  {name}: "{MINE}"\n' for name in ("acme", "dfinity", "same", "own")))
    return path


def test_only_what_is_used_is_told(settings: Path) -> None:
    """The user's registry counts before the project's and the built-in one: told at its first use, and of no other one."""
    told: list[Diagnostic] = []
    registries = Registries({"acme": THEIRS, "same": MINE}, settings, told.append)

    urls = [registries.url_of(RegistryRecipe(registry="acme", name="a", version="v1"), None) for _ in range(2)]

    assert urls == ["https://mirror.test/a/v1.hbs"] * 2
    assert [each.summary for each in told] == [f"recipes of `@acme` come from {MINE}, as your own settings say, and not from {THEIRS}"]
    assert told[0].slug == "recipe/registry-overridden"
    assert str(settings) in str(told[0].hint)

    registries.url_of(RegistryRecipe(registry="dfinity", name="a", version="v1"), None)
    assert [each.summary.split()[2] for each in told] == ["`@acme`", "`@dfinity`"]


@pytest.mark.parametrize("name", ["same", "own"])
def test_what_changes_nothing_is_not_told(settings: Path, name: str) -> None:
    """A registry that the project has with the same template, or has not, is no surprise."""
    told: list[Diagnostic] = []
    Registries({"same": MINE}, settings, told.append).url_of(RegistryRecipe(registry=name, name="a", version="v1"), None)

    assert told == []
