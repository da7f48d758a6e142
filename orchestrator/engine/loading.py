"""From a folder to a project."""

from pathlib import Path

import anyio.to_thread

from orchestrator.core.project import Project

__all__ = ["load_project"]


async def load_project(directory: Path, *, strict: bool = False) -> Project:
    """Find the `icp.yaml` in `directory` or above it, and load its project.

    Raises `ManifestError` with every problem at once; with `strict`, warnings are errors too.
    """
    from orchestrator import manifest

    def load() -> Project:
        return manifest.load_project(manifest.find_project(directory).parent, strict=strict)

    return await anyio.to_thread.run_sync(load)
