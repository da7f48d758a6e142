"""What whole-output tests share: a command in a folder of its own."""

from pathlib import Path

import pytest

from tests.support.command import Command, Run
from tests.support.precompiled import precompile
from tests.support.workspace import Completed

MANIFEST = """\
canisters:
  - name: backend
    build:
      steps:
        - type: pre-built
          path: backend.wasm
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
  - name: test
    mode: connected
    url: http://127.0.0.1:1
    root-key: 308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae
environments:
  - name: staging
    network: test
"""


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give help pages the same width on every terminal."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with one canister, a managed and a connected network."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "icp.yaml").write_text(MANIFEST)
    return directory


@pytest.fixture
def orchestrator(project: Path, tmp_path: Path) -> Command:
    """Return the command, typed in the project's folder."""
    home = tmp_path / "home"
    environ = {"HOME": str(home), "ORCHESTRATOR_HOME": str(home / "orchestrator"), "ICP_HOME": str(home / "icp"), "PATH": "/usr/bin:/bin"}
    return Command(directory=project, environ=environ)


@pytest.fixture
def run(orchestrator: Command, project: Path, component_cache: Path) -> Run:
    """Return what runs a component as `x.wasm`; all tests share the compiled components."""
    home = project.parent / "home" / "orchestrator" / "cache"
    home.mkdir(parents=True)
    (home / "components").symlink_to(component_cache)

    def run(component: bytes, *options: str) -> Completed:
        (project / "x.wasm").write_bytes(precompile(component, component_cache))
        return orchestrator("plugin", "run", "x.wasm", *options)

    return run
