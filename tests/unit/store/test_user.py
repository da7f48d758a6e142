"""The user's directories."""

from pathlib import Path

from orchestrator.store import UserDirectories


def test_home_variable_decides() -> None:
    """With ORCHESTRATOR_HOME everything is below it."""
    directories = UserDirectories.from_environment({"ORCHESTRATOR_HOME": "/somewhere"})

    paths = [directories.components, directories.packages, directories.ports, directories.settings]

    assert all(path.is_relative_to(Path("/somewhere")) for path in paths)
    assert len(set(paths)) == len(paths)


def test_platform_decides_without_it() -> None:
    """Without the variable (or with an empty one) the platform's directories are used."""
    directories = UserDirectories.from_environment({"ORCHESTRATOR_HOME": ""})

    assert "icp-orchestrator" in str(directories.cache)
    assert directories.cache.is_absolute()
