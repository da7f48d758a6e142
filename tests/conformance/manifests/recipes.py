"""Projects with recipes, with keys of this tool's own, and with a manifest laid over the first one."""

import hashlib
import json
from pathlib import Path

from tests.conformance.manifests.tools import BUILD, Case, one_canister, one_network, top
from tests.support.workspaces import CASES

__all__ = ["OWN", "RECIPES", "REMOTE", "written_projects"]

_ROOT = Path(__file__).parents[3]
_STEPS = "build: {steps: [{type: script, command: 'x {{_.canister.name}} {{v}}'}]}\nsync: {steps: [{type: script, command: y}]}\n"


def _recipe(address: str, keys: str = "", **files: str | bytes) -> Case:
    return top(f"canisters: [{{name: a, recipe: {{type: '{address}', configuration: {{v: 1}}}}{keys}}}]\n", **files)


def _rendered(text: str, configuration: str = "{}") -> Case:
    return top(f"canisters: [{{name: a, recipe: {{type: 'file://r.hbs', configuration: {configuration}}}}}]\n", r_dot_hbs=text)


RECIPES: dict[str, Case] = {
    "recipe": _recipe("file://r.hbs", r_dot_hbs=_STEPS),
    "recipe and sync": _recipe("file://r.hbs", ", sync: {steps: [{type: script, command: z}]}", r_dot_hbs=_STEPS),
    "recipe, settings and arguments": _recipe("file://r.hbs", ", settings: {compute_allocation: 1}, init_args: '()'", r_dot_hbs=_STEPS),
    "recipe and an unknown key": _recipe("file://r.hbs", ", candid: x", r_dot_hbs=_STEPS),
    "recipe in a folder": _recipe("file://f/r.hbs", f__r_dot_hbs=_STEPS),
    "recipe with dots": _recipe("file://./f/../r.hbs", f__x="", r_dot_hbs=_STEPS),
    "recipe is a folder": _recipe("file://f", f__x=""),
    "recipe of nothing": _recipe("file://r.hbs", r_dot_hbs=""),
    "recipe is not utf-8": _recipe("file://r.hbs", r_dot_hbs=b"\xff"),
    "recipe has a byte order mark": _recipe("file://r.hbs", r_dot_hbs=b"\xef\xbb\xbf" + _STEPS.encode()),
    "recipe has windows line ends": _recipe("file://r.hbs", r_dot_hbs=_STEPS.replace("\n", "\r\n")),
    "recipe of a canister's folder": Case(
        files={"icp.yaml": "canisters: [c]", "c/canister.yaml": "name: c\nrecipe: {type: 'file://r.hbs'}\n", "r.hbs": BUILD}
    ),
    "recipe in a canister's folder": Case(
        files={"icp.yaml": "canisters: [c]", "c/canister.yaml": "name: c\nrecipe: {type: 'file://r.hbs'}\n", "c/r.hbs": BUILD}
    ),
    "recipe's paths": Case(
        files={
            "icp.yaml": "canisters: [c]",
            "c/canister.yaml": "name: c\nrecipe: {type: 'file://r.hbs'}\n",
            "r.hbs": "build: {steps: [{type: pre-built, path: x.wasm}]}\nsync: {steps: [{type: plugin, path: p.wasm, dirs: [d]}]}\n",
        }
    ),
    "recipe from below": Case(
        files={"icp.yaml": "canisters: [{name: a, recipe: {type: 'file://r.hbs'}}]", "r.hbs": BUILD, "sub/x": ""}, folder="sub"
    ),
    "recipe from below, by the working folder": Case(
        files={"icp.yaml": "canisters: [{name: a, recipe: {type: 'file://r.hbs'}}]", "sub/r.hbs": BUILD}, folder="sub"
    ),
    "two broken recipes": top(
        "canisters: [{name: a, recipe: {type: 'file://x.hbs'}}, {name: b, recipe: {type: 'file://y.hbs'}}]",
        x_dot_hbs="{{#if}}",
        y_dot_hbs="{{",
    ),
    "rendered: a tilde before else if": _rendered(
        "build: {steps: [{type: script, command: '{{#if a}}x{{~else if b}}y{{/if}}'}]}", "{a: false, b: true}"
    ),
    "rendered, then nothing": _rendered("{{! nothing }}"),
    "rendered: list": _rendered("- x\n"),
    "rendered: text": _rendered("x\n"),
    "rendered: two documents": _rendered(f"{BUILD}\n---\n"),
    "rendered: other keys": _rendered(f"{BUILD}\nsettings: {{compute_allocation: 5}}\nname: b\n"),
    "rendered: key twice": _rendered(f"{BUILD}\n{BUILD}\n"),
    "rendered: no steps": _rendered("build: {steps: []}\n"),
    "rendered: sync is null": _rendered(f"{BUILD}\nsync: null\n"),
    "rendered: sync of nothing": _rendered(f"{BUILD}\nsync:\n"),
    "rendered: unknown step": _rendered("build: {steps: [{type: zip}]}\n"),
    "rendered: assets": _rendered(f"{BUILD}\nsync: {{steps: [{{type: assets, dir: d}}]}}\n"),
    "rendered: plugin without hash": _rendered(f"{BUILD}\nsync: {{steps: [{{type: plugin, url: 'https://x.y/z'}}]}}\n"),
    "rendered: unknown key in a step": _rendered("build: {steps: [{type: script, command: x, shell: zsh}]}\n"),
    "configuration of all kinds": _rendered(
        "build:\n  steps:\n{{#each l}}    - {type: script, command: '{{@index}} {{this.k}} {{lookup ../m @index}}'}\n{{/each}}",
        "{l: [{k: a}, {k: 1.0}, {k: null}, {k: [x]}], m: [1, 2, 3, 4]}",
    ),
    "configuration of steps": _rendered(
        "build:\n  steps:\n    - type: script\n      commands:\n{{#each c}}        - {{this}}\n{{/each}}", "{c: [a, b]}"
    ),
    "configuration with anchors": top(
        "canisters:\n- name: a\n  recipe: {type: 'file://r.hbs', configuration: &c {v: 1}}\n- name: b\n  recipe: {type: 'file://r.hbs', configuration: *c}\n",
        r_dot_hbs=_STEPS,
    ),
    "relative address": _recipe("./r.hbs", r_dot_hbs=_STEPS),
    "plain address": _recipe("r.hbs", r_dot_hbs=_STEPS),
    "folder's address": _recipe("./f", f__recipe_dot_hbs=_STEPS),
}
"""Recipes, by name."""


_KEPT = hashlib.sha256(_STEPS.encode()).hexdigest()
_OTHER = hashlib.sha256(b"other").hexdigest()
_URL = "https://recipes.test/r.hbs"
_HOME: dict[str, str | bytes] = {
    "pkg/manifest.json": json.dumps({"tags": {"recipe@dfinity/kept:v1.0.0": _KEPT, f"uri+{_URL}:latest": _KEPT}, "updater_versions": {}}),
    f"pkg/recipes/{_KEPT}/recipe.hbs": _STEPS,
    f"own/cache/packages/sha256/{_KEPT}": _STEPS,
}
"""What both tools have kept of earlier downloads."""


def _remote(address: str, sha256: str) -> Case:
    manifest = f"canisters: [{{name: a, recipe: {{type: '{address}', sha256: {sha256}, configuration: {{v: 1}}}}}}]\n"
    return Case(files={"icp.yaml": manifest}, home=_HOME)


REMOTE: dict[str, Case] = {
    "recipe of a registry": _remote("@dfinity/kept@v1.0.0", _KEPT),
    "recipe of a registry, in capitals": _remote("@dfinity/kept@v1.0.0", _KEPT.upper()),
    "recipe of a URL": _remote(_URL, _KEPT),
    "recipe of a URL that nobody has": _remote("https://recipes.test/none.hbs", _OTHER),
    "recipe of another hash": _remote("@dfinity/kept@v1.0.0", _OTHER),
    "recipe of an unknown registry": _remote("@nobody/kept@v1.0.0", _OTHER),
}
"""Recipes from elsewhere, which both tools have kept, or cannot get."""


def _beside(keys: str) -> Case:
    return one_canister(keys)


OWN: dict[str, Case] = {
    "own: depends_on": top(f"canisters: [{{name: a, {BUILD}}}, {{name: b, {BUILD}, depends_on: [a]}}]\n"),
    "own: labels": _beside("labels: {tier: edge}"),
    "own: health": _beside("health: [{status: running}]"),
    "own: key of a step": _beside("sync: {steps: [{type: plugin, path: p, proxy: none, compute: 90s, memory: 2gib, max_cycles: 1t}]}"),
    "own: inputs of a step": top("canisters: [{name: a, build: {steps: [{type: script, command: x, inputs: [src]}]}}]\n"),
    "own: controllers_exact": _beside("settings: {controllers: [aaaaa-aa], controllers_exact: true}"),
    "own: protected": top("environments: [{name: s, protected: true, identity: me}]\n"),
    "own: settings_merge": top(
        f"canisters: [{{name: a, {BUILD}, settings: {{compute_allocation: 1, memory_allocation: 1gib}}}}]\n"
        "environments: [{name: s, settings_merge: true, settings: {a: {compute_allocation: 5}}}]\n"
    ),
    "own: launcher": one_network("mode: managed, launcher: dfx, gateway: {port: 4943}"),
    "own: bundled recipe": top("canisters: [{name: a, recipe: {type: prebuilt, configuration: {path: a.wasm}}}]\n"),
    "own: overlay": Case(
        files={
            "icp.yaml": f"canisters: [{{name: a, {BUILD}}}]\n",
            "orchestrator.yaml": "canisters: [{name: a, depends_on: []}]\nenvironments: [{name: s, protected: true}]\n",
        }
    ),
    "own: registries": top("registries: {}\n"),
}
"""What icp-cli does not know: keys in `icp.yaml`, by name."""


def written_projects() -> dict[str, Case]:
    """Return what the repository has of projects: examples, the cases of the manifest's errors, and workspaces."""
    found = {
        f"case {path.stem}": Case(files={"icp.yaml": path.read_bytes(), "canisters/x": ""})
        for path in sorted((_ROOT / "tests/cases/manifest").rglob("*.yaml"))
    }
    for manifest in sorted((_ROOT / "examples").rglob("icp.yaml")):
        folder = manifest.parent
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.suffix in {".yaml", ".hbs"}}
        found[f"example {folder.name}"] = Case(files=dict(files))
    for name, case in CASES.items():
        found[f"workspace {name}"] = Case(files=dict(case["files"]), folder=case["directory"])
    return found
