"""Project files to `core.project` values, every problem with its place."""

from orchestrator.manifest.files import MANIFEST_FILE, OVERLAY_FILE, find_project
from orchestrator.manifest.load import load_project

__all__ = ["MANIFEST_FILE", "OVERLAY_FILE", "find_project", "load_project"]
