"""Project files to `core.project` values, every problem with its place."""

from orchestrator.manifest.files import MANIFEST_FILE, OVERLAY_FILE, find_project
from orchestrator.manifest.load import Reading, load_nearest, load_project, read_project
from orchestrator.manifest.rendered import Steps, load_steps
from orchestrator.manifest.roots import find_root
from orchestrator.manifest.scopes import bind_steps

__all__ = [
    "MANIFEST_FILE",
    "OVERLAY_FILE",
    "Reading",
    "Steps",
    "bind_steps",
    "find_project",
    "find_root",
    "load_nearest",
    "load_project",
    "load_steps",
    "read_project",
]
