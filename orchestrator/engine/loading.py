"""From a folder to a project."""

from functools import partial
from pathlib import Path

import anyio.to_thread

from orchestrator.core.project import Project

__all__ = ["load_project"]


async def load_project(directory: Path, *, strict: bool = False) -> Project:
    """Find the `icp.yaml` in `directory` or above it, and load its project, or the workspace that this is part of.

    Raises `ManifestError` with every problem at once; with `strict`, warnings are errors too.
    """
    from orchestrator import manifest

    return await anyio.to_thread.run_sync(partial(manifest.load_nearest, directory, strict=strict))
