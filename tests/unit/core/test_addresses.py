"""Addresses that stand where paths do."""

from pathlib import Path

import pytest

from orchestrator.core.addresses import address_path, is_address, path_text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://recipes.test/a/recipe.hbs", "https://recipes.test/a/recipe.hbs"),
        ("http://127.0.0.1:8000/a.hbs", "http://127.0.0.1:8000/a.hbs"),
        ("https://me:hunter2@recipes.test/a.hbs?t=hunter2", "https://***@recipes.test/a.hbs?t=***"),
        ("@acme/backend@v1.2.0", "@acme/backend@v1.2.0"),
    ],
    ids=["https", "http", "secret", "registry"],
)
def test_addresses_are_shown_as_they_are(address: str, shown: str) -> None:
    """A place has the address, without its secrets; what is rendered from it, too."""
    path = address_path(address)

    assert is_address(path)
    assert path_text(path) == shown
    assert path_text(path.with_name(f"{path.name} (rendered for api)")) == f"{shown} (rendered for api)"


@pytest.mark.parametrize("path", ["/a/https:/b", "/@acme/b", "recipes/a.hbs", "."])
def test_paths_stay_paths(path: str) -> None:
    """A file's path is shown as it is."""
    assert not is_address(Path(path))
    assert path_text(Path(path)) == path
