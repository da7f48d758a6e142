"""Ask an embedded network whether it can save its state."""

from pathlib import Path

from orchestrator.errors import NetworkError, StoreError
from orchestrator.network.control import request_control
from orchestrator.network.descriptor import load_descriptor
from orchestrator.store.layout import NetworkFiles

__all__ = ["find_save_failure"]

ASK_SECONDS = 1.0
"""How long the answer is waited for: one that comes later is not worth it."""


async def find_save_failure(project_dir: Path, files: NetworkFiles) -> str | None:
    """Return why a network that runs cannot save its state; `None` when it can, and when it does not tell."""
    try:
        descriptor = load_descriptor(files.descriptor)
        if descriptor is None or descriptor.control_port is None or not descriptor.is_of(project_dir):
            return None
        answer = await request_control(descriptor, "/state", {}, seconds=ASK_SECONDS)
    except (NetworkError, StoreError):
        return None
    failing = answer.get("failing")
    return failing if isinstance(failing, str) else None
