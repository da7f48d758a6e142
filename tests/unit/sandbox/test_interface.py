"""What a plugin may import, and where the interface's text is."""

import re
from pathlib import Path

import pytest

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.interface import check_imports, extension_version, interface_version, list_names, wit_directory

TYPES = "icp:sync-plugin/types@0.1.0"
EXTENSION = "orchestrator:sync-plugin/extension@"


def test_wit_is_packaged() -> None:
    """The interface's text is found, and names the version it is filed under."""
    text = (wit_directory() / "icp-sync-plugin-0.1.0" / "icp-sync-plugin.wit").read_text(encoding="utf-8")

    assert "package icp:sync-plugin@0.1.0;" in text
    assert re.findall(r"^    (?:import|export) ([a-z-]+):", text, re.MULTILINE) == ["canister-call", "exec"]


def test_wit_of_a_wheel_and_of_a_source_tree(tmp_path: Path) -> None:
    """A wheel carries the texts inside the package, a source tree has them beside it; the package's own come first."""
    package = tmp_path / "orchestrator"
    with pytest.raises(FileNotFoundError, match="missing from the installation"):
        wit_directory(package)
    (tmp_path / "wit").mkdir()
    beside = wit_directory(package)
    (package / "data" / "wit").mkdir(parents=True)

    assert beside == tmp_path / "wit"
    assert wit_directory(package) == package / "data" / "wit"


@pytest.mark.parametrize("version", ["0.1.0", "0.1.7"])
def test_patches_are_compatible(version: str) -> None:
    """Any patch of an implemented version is the same interface."""
    assert interface_version([f"icp:sync-plugin/types@{version}"]) == version


@pytest.mark.parametrize("version", ["0.0.1", "0.3.0", "0.10.1", "1.0.0", "0.1.0-rc.1"])
def test_other_versions_are_refused(version: str) -> None:
    """Versions that are not implemented are named, and so is what is."""
    with pytest.raises(PluginRefusedError, match=re.escape(f"icp:sync-plugin@{version}")) as caught:
        check_imports([f"icp:sync-plugin/types@{version}"])

    assert caught.value.slug == "plugin/interface-version"
    assert caught.value.detail is not None
    assert "icp:sync-plugin@0.1" in caught.value.detail


def test_no_interface() -> None:
    """A component of another world is told which one it should have."""
    with pytest.raises(PluginRefusedError, match="does not implement a supported sync-plugin interface") as caught:
        check_imports(["wasi:cli/stdout@0.2.0"])

    assert caught.value.slug == "plugin/no-interface"


def test_unknown_imports_are_all_named() -> None:
    """Everything that the host does not offer is listed at once."""
    with pytest.raises(PluginRefusedError) as caught:
        check_imports([TYPES, "canister-call", "wasi:http/types@0.2.0", "wasi:cli/stdout@0.2.6", "wasi:cli/stdout@0.3.0", "make-coffee"])

    assert caught.value.slug == "plugin/unknown-import"
    assert "`wasi:http/types@0.2.0`, `wasi:cli/stdout@0.3.0`, `make-coffee`" in caught.value.summary


def test_extension_includes_the_interface() -> None:
    """The extension's text is packaged with an exact copy of the interface that its world includes."""
    folder = wit_directory() / "orchestrator-sync-plugin-0.1.0"
    text = (folder / "orchestrator-sync-plugin.wit").read_text(encoding="utf-8")
    included = folder / "deps" / "icp-sync-plugin-0.1.0" / "icp-sync-plugin.wit"

    assert "package orchestrator:sync-plugin@0.1.0;" in text
    assert "include icp:sync-plugin/sync-plugin@0.1.0;" in text
    assert re.findall(r"^    import ([a-z-]+):", text, re.MULTILINE) == ["canister-call-batch", "options"]
    assert included.read_bytes() == (wit_directory() / "icp-sync-plugin-0.1.0" / "icp-sync-plugin.wit").read_bytes()


@pytest.mark.parametrize(
    ("imports", "version"),
    [
        ([TYPES, "canister-call"], None),
        ([TYPES, f"{EXTENSION}0.1.0", "canister-call-batch"], "0.1.0"),
        ([TYPES, f"{EXTENSION}0.1.4", "options"], "0.1.4"),
        ([TYPES, "options"], "0.1.0"),
    ],
)
def test_extension_version(imports: list[str], version: str | None) -> None:
    """The extension's version is that of its types; its functions alone are of the first version."""
    assert check_imports(imports) == "0.1.0"
    assert extension_version(imports) == version


@pytest.mark.parametrize(
    ("imports", "named"),
    [
        ([TYPES, f"{EXTENSION}0.2.0"], "orchestrator:sync-plugin@0.2.0"),
        ([TYPES, "orchestrator:sync-plugin/anything@1.0.0"], "orchestrator:sync-plugin@1.0.0"),
        ([TYPES, "icp:sync-plugin/types@0.3.0"], "icp:sync-plugin@0.3.0"),
        ([TYPES, "icp:sync-plugin/more@0.3.0"], "icp:sync-plugin@0.3.0"),
    ],
)
def test_one_version_too_many(imports: list[str], named: str) -> None:
    """Beside an implemented version, another one of either package is refused by its name."""
    with pytest.raises(PluginRefusedError, match=re.escape(named)) as caught:
        check_imports(imports)

    assert caught.value.slug == "plugin/interface-version"


@pytest.mark.parametrize(
    "name", ["icp:sync-plugin/host@0.1.0", "orchestrator:sync-plugin/host@0.1.0", "other:sync-plugin/types@0.1.0", "canister-calls"]
)
def test_near_misses_are_unknown(name: str) -> None:
    """A name that is almost one of ours is not offered."""
    with pytest.raises(PluginRefusedError, match=re.escape(f"`{name}`")) as caught:
        check_imports([TYPES, name])

    assert caught.value.slug == "plugin/unknown-import"


def test_names_in_messages_are_few_and_short() -> None:
    """A component's names are shown as far as one reads them: ten, of a hundred characters each."""
    assert list_names(["a", "b"]) == "`a`, `b`"
    assert list_names(map(str, range(12))) == "`0`, `1`, `2`, `3`, `4`, `5`, `6`, `7`, `8`, `9` and 2 more"
    assert list_names(["x" * 101]) == f"`{'x' * 100}…`"
    assert list_names([]) == ""


def test_many_unknown_imports() -> None:
    """A component with a hundred thousand unknown imports is refused in one line."""
    with pytest.raises(PluginRefusedError) as refusal:
        check_imports(["icp:sync-plugin/types@0.1.0", *(f"import-{number}" for number in range(100_000))])

    assert "and 99990 more" in refusal.value.summary
    assert len(refusal.value.summary) < 500
