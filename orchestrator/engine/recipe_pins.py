"""The lock file: which bytes an unpinned remote recipe had when it was first used.

    orchestrator.lock   {"v": 1, "recipes": {"@dfinity/rust@v3.2.0": "<sha256>", …}}

It belongs into version control, so that everybody deploys the same steps until somebody removes an entry. Therefore
addresses are in it without what could be a secret in them; a hash tells those apart that have different queries.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.redaction import redact_url
from orchestrator.errors import StoreError
from orchestrator.store import Layout
from orchestrator.store.json_file import hold_file, load_object, write_json

__all__ = ["RecipePins"]

_FORMAT = 1
_QUERY_DIGITS = 16
_HINT = "restore the file from version control, or delete it to pin every recipe anew"


@dataclass(frozen=True, slots=True)
class RecipePins:
    """The pins of a project: a recipe's address, as `_key` writes it, to the SHA-256 of its template in hex."""

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

    def find(self, address: str) -> str | None:
        """Return the pin of a recipe by its address in the manifest, `None` without one; raises as `load` does."""
        pins = self.load()
        return pins.get(_key(address), pins.get(address))

    def add(self, address: str, sha256: str) -> None:
        """Pin a recipe; other processes are kept out by a lock in the cache, not beside a file that is committed."""
        with hold_file(self.layout.cache / "locks" / "recipes"):
            write_json(self.layout.recipe_lock, {"v": _FORMAT, "recipes": {**self.load(), _key(address): sha256}})


def _key(address: str) -> str:
    """Return an address as it may be committed."""
    shown = redact_url(address)
    query = address.partition("#")[0].partition("?")[2]
    if shown == address or not query:
        return shown
    return f"{shown}#{hashlib.sha256(query.encode('utf-8', 'surrogatepass')).hexdigest()[:_QUERY_DIGITS]}"
