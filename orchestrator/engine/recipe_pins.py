"""The lock file: which bytes an unpinned remote recipe had when it was first used.

    orchestrator.lock   {"v": 1, "recipes": {"@dfinity/rust@v3.2.0": "<sha256>", …}}

It belongs into version control, so that everybody deploys the same steps until somebody removes an entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.errors import StoreError
from orchestrator.store import Layout
from orchestrator.store.json_file import hold_file, load_object, write_json

__all__ = ["RecipePins"]

_FORMAT = 1
_HINT = "restore the file from version control, or delete it to pin every recipe anew"


@dataclass(frozen=True, slots=True)
class RecipePins:
    """The pins of a project: a recipe's address, as the manifest writes it, to the SHA-256 of its template in hex."""

    layout: Layout

    def load(self) -> Mapping[str, str]:
        """Read all pins; no file means none. Raises `StoreError` for a damaged file: what it pinned is not known then."""
        document = load_object(self.layout.recipe_lock, hint=_HINT)
        if document is None:
            return {}
        recipes = document.get("recipes")
        if document.get("v") != _FORMAT or not isinstance(recipes, dict) or not all(isinstance(pin, str) for pin in recipes.values()):
            detail = f"expected version {_FORMAT} and a map of recipes to hashes"
            raise StoreError(f"`{self.layout.recipe_lock}` is damaged", slug="store/damaged", detail=detail, hint=_HINT)
        return {str(address): str(pin) for address, pin in recipes.items()}

    def add(self, address: str, sha256: str) -> None:
        """Pin a recipe; other processes are kept out by a lock in the cache, not beside a file that is committed."""
        with hold_file(self.layout.cache / "locks" / "recipes"):
            write_json(self.layout.recipe_lock, {"v": _FORMAT, "recipes": {**self.load(), address: sha256}})
