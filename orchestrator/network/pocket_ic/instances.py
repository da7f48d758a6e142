"""The name of a network's state, for networks that have none of their own: as long as the state is kept."""

import secrets

from orchestrator.errors import StoreError
from orchestrator.store.json_file import load_object, write_json
from orchestrator.store.layout import NetworkFiles

__all__ = ["ensure_instance"]

_FORMAT = 1
_NAME_BYTES = 16


def ensure_instance(files: NetworkFiles) -> str:
    """Return the name of the state in `files`; an empty state gets a new one."""
    kept = files.program_state.exists() and any(files.program_state.iterdir())
    try:
        document = load_object(files.instance, hint="delete the file") or {}
    except StoreError:
        document = {}
    name = document.get("instance_id")
    if kept and isinstance(name, str):
        return name
    name = secrets.token_hex(_NAME_BYTES)
    write_json(files.instance, {"v": _FORMAT, "instance_id": name})
    return name
