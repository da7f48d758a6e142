"""The bundled recipes are ordinary templates: icp-cli 1.5.0 renders each golden case to the same steps, and builds with them."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orchestrator.core.project import PrebuiltStep, RecipeReference, ScriptStep
from orchestrator.documents import load_yaml, plain_value
from orchestrator.engine.modules import load_metadata
from orchestrator.manifest import load_steps
from orchestrator.recipes import bundled_names, check_configuration, expand, find_bundled, load_description
from tests.support.official_icp import OfficialIcp, icp_binary
from tests.support.recipe_scripts import EMPTY_MODULE

pytestmark = [pytest.mark.npm, pytest.mark.slow]


class Shown(yaml.CSafeLoader):
    """Reads what `icp project show` prints; its tags do not matter here."""


Shown.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def builds(value: object) -> Iterator[list[dict[str, object]]]:
    """Yield the steps of each `build` in what icp-cli printed."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from builds(item)
    if isinstance(value, dict) and isinstance(build := value.get("build"), dict):
        yield build["steps"]


@pytest.mark.parametrize("name", bundled_names())
def test_cases_render_alike(name: str, tmp_path: Path, npm_modules: Path) -> None:
    """Every script, path and hash that a case stands for is the same in both, character by character."""
    template = find_bundled(name)
    assert template is not None
    description = load_description(template)
    assert description is not None
    shutil.copy(template, tmp_path / "recipe.hbs")
    icp = OfficialIcp(binary=icp_binary(npm_modules), home=tmp_path / "home", folder=tmp_path)
    cases = sorted(template.parent.glob("cases/*/expected.yaml"))
    assert cases
    for expected in cases:
        case = plain_value(load_yaml(expected.with_name("case.yaml")) or pytest.fail("the case is empty"))
        assert isinstance(case, dict)
        reference = RecipeReference(address=name, configuration=case["configuration"])
        configuration = dict(check_configuration(description, reference).values)
        recipe = {"type": "file://recipe.hbs", "configuration": configuration}
        manifest = {
            "canisters": [{"name": "example", "recipe": recipe}],
            "environments": [{"name": "local", "canisters": []}, {"name": "ic", "canisters": []}],
        }
        (tmp_path / "icp.yaml").write_text(json.dumps(manifest), encoding="utf-8")
        (theirs, *_) = builds(yaml.load(icp.run("project", "show"), Shown))  # noqa: S506 - a safe loader with tags
        expansion = expand(reference, template.read_bytes(), template, canister="example", description=description)
        ours = load_steps(expansion.text, expansion.path, directory=tmp_path).build
        assert len(theirs) == len(ours)
        for their, our in zip(theirs, ours, strict=True):
            if isinstance(our, ScriptStep):
                assert their["command"] == our.commands[0]
            else:
                assert isinstance(our, PrebuiltStep)
                shown = our.path.relative_to(tmp_path).as_posix() if our.path is not None else our.url
                assert (their.get("path") or their.get("url"), their.get("sha256")) == (shown, our.sha256)


def test_icp_cli_builds_with_what_is_required(tmp_path: Path, npm_modules: Path) -> None:
    """Without recipe.yaml nothing fills in defaults: the templates do without what is left out, and the scripts run."""
    (tmp_path / "node_modules").symlink_to(npm_modules)
    (tmp_path / "empty.wasm").write_bytes(EMPTY_MODULE)
    (tmp_path / "counter.mo").write_text("persistent actor { public query func f() : async Nat { 1 } }", encoding="utf-8")
    artifact = json.dumps({"filenames": [str(tmp_path / "empty.wasm")], "executable": None}, separators=(",", ":"))
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" > words\necho '{artifact}'\n", encoding="utf-8")
    cargo.chmod(0o755)
    configurations = {
        "rust": {"package": "counter", "metadata": [{"name": "a", "value": "it's"}]},
        "motoko": {"main": "counter.mo"},
        "prebuilt": {"path": "empty.wasm", "metadata": [{"name": "a", "value": "b"}]},
    }
    canisters = [
        {"name": name, "recipe": {"type": f"file://{find_bundled(name)}", "configuration": values}}
        for name, values in configurations.items()
    ]
    (tmp_path / "icp.yaml").write_text(json.dumps({"canisters": canisters}), encoding="utf-8")
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    OfficialIcp(binary=icp_binary(npm_modules), home=tmp_path / "home", folder=tmp_path, environ=environ).run("build")
    built = {name: load_metadata((tmp_path / ".icp" / "cache" / "artifacts" / name).read_bytes()) for name in configurations}
    assert (built["rust"], built["prebuilt"]) == ({"a": b"it's"}, {"a": b"b"})
    assert built["motoko"]["candid:service"].startswith(b"service : {")
    assert (tmp_path / "words").read_text(encoding="utf-8").endswith("--package=counter --profile=release\n")
