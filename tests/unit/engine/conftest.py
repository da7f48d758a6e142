"""Fixtures of the engine's tests."""

from pathlib import Path

import pytest

from orchestrator.core.project import Project
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import make_canister, make_project


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@pytest.fixture
def network() -> MemoryNetwork:
    """Return an empty network in memory."""
    return MemoryNetwork()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project of two canisters, the second depending on the first."""
    return make_project(tmp_path, [make_canister(tmp_path, "api"), make_canister(tmp_path, "web", depends_on=("api",))])
