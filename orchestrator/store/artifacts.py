"""Built modules, stored once under the SHA-256 of their bytes, and which one each canister has.

What is read is checked against its name, so a damaged file is noticed and never installed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import StoreError
from orchestrator.store.atomic import write_atomic
from orchestrator.store.json_file import change_json, load_object

__all__ = ["ArtifactStore"]

_SHA256_HEX_DIGITS = 64
_HINT = "delete the file, then run `orchestrator build` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactStore:
    """Modules below `directory`; `index` is the environment's file of the latest module of each canister."""

    directory: Path
    index: Path

    def path(self, sha256: str) -> Path:
        """Return where the module of this hash (64 lower-case hex digits) is, or would be."""
        if len(sha256) != _SHA256_HEX_DIGITS or set(sha256) - set("0123456789abcdef"):
            raise StoreError(f"`{sha256}` is not a SHA-256 in lower-case hex", slug="store/hash")
        return self.directory / f"{sha256}.wasm"

    def add(self, canister: str, wasm: bytes) -> str:
        """Keep a module, make it the canister's latest, and return its SHA-256 in hex."""
        sha256 = hashlib.sha256(wasm).hexdigest()
        if not self._holds(sha256, wasm):
            write_atomic(self.path(sha256), wasm)

        def change(document: dict[str, object]) -> Mapping[str, object] | None:
            return None if document.get(canister) == sha256 else {**document, canister: sha256}

        change_json(self.index, change, hint=_HINT)
        return sha256

    def load(self, sha256: str) -> bytes:
        """Read a module; `StoreError` when it is not there or is not what its name says."""
        path = self.path(sha256)
        try:
            wasm = path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"the module `{path}` cannot be read", slug="store/no-artifact", detail=error.strerror, hint="run `orchestrator build`"
            ) from error
        if hashlib.sha256(wasm).hexdigest() != sha256:
            raise StoreError(f"the module `{path}` is damaged", slug="store/damaged", detail="its bytes do not have this hash", hint=_HINT)
        return wasm

    def latest(self) -> Mapping[str, str]:
        """Return the SHA-256 of each canister's latest module, by canister name."""
        document = load_object(self.index, hint=_HINT) or {}
        for canister, sha256 in document.items():
            if not isinstance(sha256, str):
                detail = f"the hash of `{canister}` is not a text"
                raise StoreError(f"`{self.index}` is damaged", slug="store/damaged", detail=detail, hint=_HINT)
        return {canister: str(sha256) for canister, sha256 in document.items()}

    def _holds(self, sha256: str, wasm: bytes) -> bool:
        try:
            return self.path(sha256).read_bytes() == wasm
        except OSError:
            return False
