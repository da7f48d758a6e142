"""What the network tests share: a fake replica, and the certainty that none is left behind."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from orchestrator.network.descriptor import load_descriptor
from orchestrator.network.processes.process import end_process
from orchestrator.network.settings import NetworkSettings
from orchestrator.store import Layout, UserDirectories

FAKE_REPLICA = Path(__file__).parents[2] / "support" / "fake_replica.py"
MakeSettings = Callable[..., NetworkSettings]


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """Return an empty project folder; whatever networks were started in it are ended afterwards."""
    directory = tmp_path / "project"
    directory.mkdir()
    yield directory
    for path in Layout(directory).networks.glob("*/descriptor.json"):
        descriptor = load_descriptor(path)
        if descriptor is not None:
            anyio.run(lambda pid, birth: end_process(pid, birth, seconds=0.1), descriptor.pid, descriptor.birth)


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Return a function that gives settings whose replica is the fake one, behaving as told."""

    def make(behaviour: str = "ready", **deadlines: float) -> NetworkSettings:
        return NetworkSettings(
            user=UserDirectories(cache=tmp_path / "cache", config=tmp_path / "config"),
            command=(sys.executable, str(FAKE_REPLICA)),
            environ={**os.environ, "FAKE_REPLICA": behaviour},
            **{"start_seconds": 20.0, "stop_seconds": 10.0, "answer_seconds": 5.0, **deadlines},
        )

    return make
