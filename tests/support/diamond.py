"""A workspace of three projects: the root's canister and the one of `mid` are both told about those of `lib`."""

from pathlib import Path

from tests.support.replica_modules import told

__all__ = ["KEYS", "write_diamond"]

KEYS = ("app", "../lib:core", "../lib:spare", "../mid:core")
_ROOT = """canisters:
  - {{name: app, build: {{steps: [{{type: pre-built, path: a.wasm}}]}}}}
dependencies:
  - {{name: lib, path: ../lib}}
  - {{name: mid, path: ../mid}}
networks:
{networks}
environments:
{environments}
"""
_LIB = """canisters:
  - {name: core, build: {steps: [{type: pre-built, path: a.wasm}]}, settings: {controllers: [spare]}}
  - {name: spare, build: {steps: [{type: pre-built, path: a.wasm}]}}
environments: [{name: theirs}]
"""
_MID = """canisters:
  - name: core
    build: {steps: [{type: pre-built, path: a.wasm}]}
    sync: {steps: [{type: script, command: "echo $ICP_CLI_CID $ICP_CLI_CID____LIB_CORE > $ICP_CLI_ENVIRONMENT.txt"}]}
dependencies:
  - {name: thelib, path: ../lib, canisters: [core]}
environments: [{name: theirs}]
"""


def write_diamond(root: Path, *, networks: str, environments: str = "  []") -> None:
    """Write the root into its folder and the others beside it; each canister tells what it knows another by."""
    projects = {
        root: (_ROOT.format(networks=networks, environments=environments), "PUBLIC_CANISTER_ID:mid:core"),
        root.parent / "lib": (_LIB, "PUBLIC_CANISTER_ID:spare"),
        root.parent / "mid": (_MID, "PUBLIC_CANISTER_ID:thelib:core"),
    }
    for folder, (manifest, variable) in projects.items():
        folder.mkdir(exist_ok=True)
        (folder / "icp.yaml").write_text(manifest, encoding="utf-8")
        (folder / "a.wasm").write_bytes(told(variable))
