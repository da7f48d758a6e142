"""How networks are started on this machine."""

import os
import sys
from pathlib import Path

import orchestrator
from orchestrator.network.settings import NetworkSettings


def test_replica_runs_this_package_under_this_interpreter() -> None:
    """The process finds the package that started it, and nothing in the working directory."""
    settings = NetworkSettings.from_environment({"PYTHONPATH": "/extra", "ORCHESTRATOR_HOME": "/home"})

    parent = str(Path(orchestrator.__file__).parents[1])
    assert settings.command == (sys.executable, "-P", "-m", "orchestrator.replica")
    assert settings.environ["PYTHONPATH"].split(os.pathsep) == [parent, "/extra"]
    assert settings.user.ports == Path("/home/cache/ports")
