"""Fixtures of the sandbox's unit tests."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def component_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache directory that the whole session shares, so that a component is compiled once."""
    return tmp_path_factory.mktemp("components")
