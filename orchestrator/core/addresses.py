"""Addresses in the place of paths: what came from another machine is named as the manifest names it, wherever it is kept."""

import re
from pathlib import Path
from typing import Final

from orchestrator.core.redaction import redact_url

__all__ = ["address_path", "is_address", "path_text"]

_SCHEME: Final = re.compile(r"(https?:)/(?=[^/])")
"""How a path begins that was made of a URL: paths have no empty parts."""


def address_path(address: str) -> Path:
    """Return what stands for a file in places: the address, without what may be secret in it."""
    return Path(redact_url(address))


def is_address(path: Path) -> bool:
    """Tell whether a path was made of an address, so that it is no file's."""
    first = path.parts[0] if path.parts else ""
    return first in {"http:", "https:"} or (first.startswith("@") and not path.is_absolute())


def path_text(path: Path) -> str:
    """Return a path as it is shown, an address as it was."""
    return _SCHEME.sub(r"\1//", str(path), count=1) if is_address(path) else str(path)
