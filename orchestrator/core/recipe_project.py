"""What a new recipe's folder is."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["RecipeProject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeProject:
    """A recipe that was written: where, what it is called, and its files' paths, sorted."""

    directory: Path
    name: str
    files: tuple[str, ...]
