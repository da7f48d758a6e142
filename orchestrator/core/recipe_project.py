"""What a new recipe's folder is."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["RecipeProject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeProject:
    """A recipe that was written: where, what it is called, and its files' paths, sorted.

    `address` is how the manifest of the project that it is in names it, None outside of projects.
    """

    directory: Path
    name: str
    files: tuple[str, ...]
    address: str | None = None
