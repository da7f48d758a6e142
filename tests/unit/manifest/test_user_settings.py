"""The user's settings file: registries, and nothing misspelt."""

from pathlib import Path

import pytest

from orchestrator.errors import ManifestError
from orchestrator.manifest.user_settings import load_user_settings

URL = "https://recipes.test/{name}/{version}"


def test_registries_are_read(tmp_path: Path) -> None:
    """A user may have registries, and a mirror of the built-in one."""
    path = tmp_path / "settings.yaml"
    path.write_text(f'registries:\n  acme: "{URL}"\n  dfinity: "{URL}"\n')

    assert load_user_settings(path).registries == {"acme": URL, "dfinity": URL}


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    """Nothing need be in it."""
    path = tmp_path / "settings.yaml"
    path.write_text("# later\n")

    assert load_user_settings(path).registries == {}


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Each mistake has its place, and secrets of URLs are left out."""
    path = tmp_path / "settings.yaml"
    path.write_text(
        "registry: {}\n"
        "registries:\n"
        '  "a/b": "https://recipes.test/{name}/{version}"\n'
        '  one: "https://me:hunter2@recipes.test/{name}/{version}"\n'
        "  two: [1]\n"
    )

    with pytest.raises(ManifestError) as caught:
        load_user_settings(path)

    found = [(each.slug, each.span.line if each.span else 0) for each in caught.value.diagnostics]
    assert found == [
        ("manifest/unknown-key", 1),
        ("manifest/invalid-name", 3),
        ("manifest/invalid-registry", 4),
        ("manifest/wrong-type", 5),
    ]
    assert not any("hunter2" in f"{each.summary}{each.span.text if each.span else ''}" for each in caught.value.diagnostics)


@pytest.mark.parametrize("text", ["[1]", "a: [", "registries: 1"])
def test_a_file_that_is_no_settings_file(tmp_path: Path, text: str) -> None:
    """It is an error, not an empty file."""
    path = tmp_path / "settings.yaml"
    path.write_text(text)

    with pytest.raises(ManifestError):
        load_user_settings(path)
