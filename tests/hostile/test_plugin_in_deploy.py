"""Plugins that misbehave, in a deployment by the real command: what the user reads, and what is left."""

from pathlib import Path

import pytest

from tests.support import components
from tests.support.workspace import Completed, Workspace, workspace

MANIFEST = """canisters:
  - name: phrasebook
    build:
      steps:
        - type: pre-built
          path: phrasebook.wasm
    sync:
      steps:
        - type: plugin
          name: odd
          path: odd.wasm
          dirs: [seed]
          compute: 1s
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
"""


def deploy_with(folder: Path, component: bytes) -> tuple[Completed, Completed]:
    """Deploy the example with this plugin; return what came, and whether the canister answers all the same."""
    with workspace(folder, example="hello", manifest=MANIFEST) as project:
        (project.directory / "odd.wasm").write_bytes(component)
        done = project.run("deploy", "--env", "local")
        answer = project.run("canister", "call", "phrasebook", "list")
        check_nothing_written(project)
    assert "Traceback" not in done.stdout + done.stderr, str(done)
    return done, answer


def check_nothing_written(project: Workspace) -> None:
    """Insist that the declared directory is as it was."""
    seed = project.directory / "seed"
    assert sorted(path.name for path in seed.rglob("*.txt")) == ["en.txt", "fr.txt", "gsw.txt", "ja.txt"]


@pytest.mark.parametrize(
    ("component", "slug", "says"),
    [
        pytest.param(components.component_that_traps(), "plugin/trap", "unreachable", id="trap"),
        pytest.param(components.component_that_loops(), "plugin/", "compute", id="loop", marks=pytest.mark.slow),
        pytest.param(components.component_that_fails("no seeds today"), "plugin/", "no seeds today", id="err", marks=pytest.mark.slow),
        pytest.param(
            components.component_that_calls("nosuch", b"DIDL\0\0"), "plugin/", "nosuch", id="unknown-method", marks=pytest.mark.slow
        ),
    ],
)
def test_a_misbehaving_plugin_fails_the_deploy_in_plain_words(tmp_path: Path, component: bytes, slug: str, says: str) -> None:
    """The deploy fails with the plugin's slug, the step's name and the reason; the canister itself is installed and answers."""
    done, answer = deploy_with(tmp_path, component)

    assert done.exit_code == 1, str(done)
    assert slug in done.stderr, str(done)
    assert says in done.stderr, str(done)
    assert "phrasebook" in done.stderr
    assert answer.exit_code == 0, str(answer)


@pytest.mark.parametrize(
    ("component", "slug"),
    [
        pytest.param(b"\0asm\x01\0\0\0", "plugin/core-module", id="core-module"),
        pytest.param(b"not wasm at all", "plugin/not-a-component", id="garbage", marks=pytest.mark.slow),
    ],
)
def test_what_is_no_plugin_is_refused_before_anything_is_created(tmp_path: Path, component: bytes, slug: str) -> None:
    """A step that could never start fails the deploy first: no canister exists afterwards."""
    done, answer = deploy_with(tmp_path, component)

    assert done.exit_code == 1, str(done)
    assert slug in done.stderr, str(done)
    assert "hint:" in done.stderr
    assert "is not deployed" in answer.stderr, str(answer)


@pytest.mark.slow
def test_a_plugin_is_repaired_and_the_next_deploy_goes_on(tmp_path: Path) -> None:
    """After a failed sync, a deploy with a sound plugin only syncs: the module is not installed again."""
    with workspace(tmp_path, example="hello", manifest=MANIFEST) as project:
        (project.directory / "odd.wasm").write_bytes(components.component_that_traps())
        failed = project.run("deploy")
        (project.directory / "odd.wasm").write_bytes(components.component_that_returns_ok())
        repaired = project.run("deploy", "--json")

    assert failed.exit_code == 1, str(failed)
    assert repaired.exit_code == 0, str(repaired)
    assert '"step": "install"' not in repaired.stdout
    assert '"step": "upgrade"' not in repaired.stdout
