"""Recipes of other machines, deployed by the real command to a real network."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.components import component_that_returns_ok
from tests.support.recipe_server import recipe_server
from tests.support.workspace import workspace

TEMPLATE = """\
build:
  steps: [{ type: script, command: 'cp {{ path }} "$ICP_WASM_OUTPUT_PATH"' }]
sync:
  steps: [{ type: plugin, path: plugin.wasm, name: pay, proxy: PROXY }]
"""
MANIFEST = """\
canisters:
  - name: api
    recipe: {{ type: "@acme/pay@v1", configuration: {{ path: a.wasm }} }}
  - name: broken
    recipe: {{ type: "@nobody/x@v1" }}
registries: {{ acme: "{url}/{{name}}/{{version}}" }}
networks:
  - name: local
    mode: managed
    gateway: {{ port: 0 }}
"""


@pytest.mark.slow
def test_what_a_recipe_reaches_needs_a_yes(tmp_path: Path) -> None:
    """Without a terminal nothing is sent until somebody agrees, once; a saved plan has been agreed to; another canister's recipe is no hindrance."""
    with recipe_server({}) as server, workspace(tmp_path, manifest=MANIFEST.format(url=server.url)) as project:
        (project.directory / "a.wasm").write_bytes(b"\0asm\1\0\0\0")
        (project.directory / "plugin.wasm").write_bytes(component_that_returns_ok())
        proxy = json.loads(project.succeed("network", "start", "local", "--json").stdout)["proxy_canister_id"]
        server.files["/pay/v1"] = TEMPLATE.replace("PROXY", proxy).encode()

        refused = project.run("deploy", "api")
        saved = project.run("plan", "api", "--json", "--locked")
        (project.directory / "plan.json").write_text(saved.stdout)
        applied = project.run("apply", "plan.json", "--locked")
        again = project.run("sync", "api", "--offline")
        agreed = project.run("plan", "api")
        (project.directory / "plugin.wasm").write_bytes(component_that_returns_ok() + b"\0\1\0")
        other = project.run("sync", "api")
        everything = project.run("deploy", "--yes")

    assert refused.exit_code == 1
    assert "error[deploy/recipe-consent]" in refused.stderr
    (use,) = json.loads(saved.stdout)["recipes"]
    component = hashlib.sha256(component_that_returns_ok()).hexdigest()
    assert use["reaches"] == [{"step": 1, "name": "pay", "proxy": proxy, "canisters": [], "component": component, "agreed": None}]
    actions = [change["action"] for change in json.loads(saved.stdout)["changes"]]
    assert actions == ["create", "install", "sync"], "nothing was sent before"
    assert applied.exit_code == 0, str(applied)
    assert again.exit_code == 0, str(again)
    assert " (agreed on 2" in agreed.stdout, str(agreed)
    assert (other.exit_code, "error[deploy/recipe-consent]" in other.stderr) == (1, True)
    assert "error[recipe/unknown-registry]" in everything.stderr
    assert server.asked == ["/pay/v1"]


@pytest.mark.slow
def test_commands_at_once_pin_everything(tmp_path: Path) -> None:
    """Four commands that use something for the first time at the same moment all leave their pins in the lock file."""
    names = ("a", "b", "c", "d")
    canisters = "".join(f'  - {{ name: {name}, recipe: {{ type: "@acme/{name}@v1" }} }}\n' for name in names)
    template = b"build: { steps: [{ type: script, command: 'cp a.wasm \"$ICP_WASM_OUTPUT_PATH\"' }] }\n"
    with recipe_server({f"/{name}/v1": template for name in names}) as server:
        text = f'canisters:\n{canisters}registries: {{ acme: "{server.url}/{{name}}/{{version}}" }}\n'
        with workspace(tmp_path, manifest=text) as project:
            (project.directory / "a.wasm").write_bytes(b"\0asm\1\0\0\0")
            running = [project.start("build", name) for name in names]
            said = [process.communicate(timeout=60) for process in running]
            pins = json.loads((project.directory / "orchestrator.lock").read_text())["recipes"]
            check = project.run("recipe", "lock", "--check")

    assert [process.returncode for process in running] == [0, 0, 0, 0], said
    assert sorted(pins) == [f"@acme/{name}@v1" for name in names]
    assert check.exit_code == 0, str(check)
