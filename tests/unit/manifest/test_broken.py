"""Mistakes that people make, and the whole report that they read: `broken-*.yaml`, and what takes several files."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.errors import ManifestError
from orchestrator.manifest import find_project, load_project
from orchestrator.ui.errors import render_diagnostic, render_error

CASES = Path(__file__).parents[2] / "cases" / "manifest"
SECRETS = ("sk_live", "hunter2")


def report(directory: Path) -> str:
    """Return what people read when they load a project: its error, or its warnings."""
    try:
        project = load_project(find_project(directory).parent)
    except ManifestError as error:
        text = render_error(error, base=directory)
    else:
        text = "\n\n".join(render_diagnostic(warning, base=directory) for warning in project.warnings)
    return text.replace(str(directory), "PROJECT")


@pytest.mark.parametrize("name", sorted(path.stem.removeprefix("broken-") for path in CASES.glob("broken-*.yaml")))
def test_report(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Each report says what is wrong, where, why, and what to write instead; no secret is in it."""
    shutil.copy(CASES / f"broken-{name}.yaml", tmp_path / "icp.yaml")
    text = report(tmp_path)

    assert [secret for secret in SECRETS if secret in text] == []
    assert text == snapshot


BUILD = "build: { steps: [{ type: script, command: make }] }\n"
FOLDERS: Mapping[str, Mapping[str, str]] = {
    "only a dfx.json": {"dfx.json": '{"canisters": {}}'},
    "only an icp.yml": {"icp.yml": "canisters: []\n"},
    "only a canister.yaml": {"canister.yaml": f"name: a\n{BUILD}"},
    "an overlay alone": {"orchestrator.yaml": "canisters: []\n"},
    "ids instead of a manifest": {"icp.yaml": '{"backend": {"ic": "rrkah-fqaaa-aaaaa-aaaaq-cai"}}'},
    "line ends of Windows": {"icp.yaml": f"canisters:\r\n  - name: backend\r\n    buld: 1\r\n    {BUILD.strip()}\r\n"},
    "UTF-16": {"icp.yaml": "\ufffe"},
    "one name in two files": {
        "icp.yaml": "canisters: [a, b]\n",
        "a/canister.yaml": f"name: backend\n{BUILD}",
        "b/canister.yaml": f"name: backend\n{BUILD}",
    },
    "problems of several files": {
        "icp.yaml": "canisters: [b, a]\nnetworks: [n.yaml]\nextra: 1\n",
        "a/canister.yaml": f"name: a\nsetings: {{}}\n{BUILD}",
        "b/canister.yaml": "name: b\nbuild: { steps: [] }\n",
        "n.yaml": "name: n\nmode: manged\n",
    },
    "a list in a canister's file": {"icp.yaml": "canisters: [a]\n", "a/canister.yaml": f"canisters:\n  - name: a\n    {BUILD}"},
    "habits of other files": {
        "icp.yaml": f"canisters:\n  - name: a\n    {BUILD}    <<: {{}}\n"
        "    settings: { memory_allocation: 1.5, log_visibility: everybody }\n"
        "dependencies: { lib: ../nolib }\nnetworks: [n.yaml, list.yaml]\n",
        "n.yaml": "{ name: n, mode: connected, url: 'https://a.example', root-key: fetch, gateway: { port: 1 } }\n",
        "list.yaml": "[]\n",
    },
    "a list for a project": {"icp.yaml": "[]\n"},
    "a pattern that matches nothing": {
        "icp.yaml": "canisters: [canister/*]\nenvironments: [{name: prod, canisters: [backend]}]\n",
        "canisters/a/canister.yaml": f"name: backend\n{BUILD}",
    },
    "a pattern of files": {"icp.yaml": "canisters: [canisters/*/canister.yaml]\n", "canisters/a/canister.yaml": f"name: backend\n{BUILD}"},
    "the path of the file": {"icp.yaml": "canisters: [a/canister.yaml]\n", "a/canister.yaml": f"name: a\n{BUILD}"},
    "a home directory": {"icp.yaml": "canisters: [~/canisters/a]\n"},
    "a folder of canisters": {"icp.yaml": "canisters: [canisters]\n", "canisters/a/canister.yaml": f"name: a\n{BUILD}"},
}


@pytest.mark.parametrize("name", FOLDERS)
def test_report_of_folder(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """What takes several files, or other bytes than a text has, is reported as well as the rest."""
    for path, content in FOLDERS[name].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content.encode("utf-16" if content == "\ufffe" else "utf-8"))
    try:
        text = report(tmp_path)
    except ManifestError as error:
        text = render_error(error, base=tmp_path).replace(str(tmp_path), "PROJECT")

    assert text == snapshot


def test_a_hundred_problems_are_enough(tmp_path: Path) -> None:
    """Of very many problems the first hundred are shown, and the last line says how many there are."""
    (tmp_path / "icp.yaml").write_text("".join(f"key{index}: 1\n" for index in range(240)), encoding="utf-8")
    text = report(tmp_path)

    assert text.count("error[manifest/unknown-key]") == 100
    assert text.endswith("error: the project cannot be loaded (100 errors)\n  140 more are not shown")
