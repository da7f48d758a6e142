"""Writing icp-cli's identities: made, imported, chosen, renamed and deleted as icp-cli itself would.

Every change holds icp-cli's own lock file and replaces whole files, so that both tools can run side by side.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator.agent.identities import ANONYMOUS_NAME, NAME_PATTERN, IdentityStore
from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import Ed25519Identity, KeyIdentity, Prime256v1Identity, Secp256k1Identity
from orchestrator.protocol.pem import identity_to_pem
from orchestrator.store.atomic import PRIVATE_MODE, make_directory, write_atomic

__all__ = ["ALGORITHMS", "LOCK_TIMEOUT_SECONDS", "MIN_PASSWORD_CHARACTERS", "IdentityFiles"]

LOCK_TIMEOUT_SECONDS = 10.0
"""How long another tool may hold the lock of the identities."""
MIN_PASSWORD_CHARACTERS = 8

ALGORITHMS: dict[str, Callable[[], KeyIdentity]] = {
    "secp256k1": Secp256k1Identity.generate,
    "prime256v1": Prime256v1Identity.generate,
    "ed25519": Ed25519Identity.generate,
}
"""What makes a key, by icp-cli's names of the algorithms."""

_ALGORITHM_OF = {Secp256k1Identity: "secp256k1", Prime256v1Identity: "prime256v1", Ed25519Identity: "ed25519"}


class IdentityFiles:
    """Changes the identities below one data directory of icp-cli."""

    def __init__(self, data_directory: Path, *, lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> None:
        self._store = IdentityStore(data_directory)
        self._lock_timeout_seconds = lock_timeout_seconds
        self._folder = data_directory / "identity"

    def create(self, name: str, *, algorithm: str = "secp256k1", password: str | None = None) -> KeyIdentity:
        """Make a key under a new name; with a password of at least 8 characters its file is encrypted."""
        generate = ALGORITHMS.get(algorithm)
        if generate is None:
            raise IdentityError(f"there is no key algorithm `{algorithm}`", detail=f"known are {', '.join(ALGORITHMS)}")
        identity = generate()
        self.add(name, identity, password=password)
        return identity

    def add(self, name: str, identity: KeyIdentity, *, password: str | None = None) -> None:
        """Keep a key under a new name; raise `IdentityError` for a name that is taken or cannot be a file's."""
        if NAME_PATTERN.fullmatch(name) is None:
            raise IdentityError(f"`{name}` cannot be an identity's name", detail="use letters, digits, `-`, `_`, `.`", slug="identity/name")
        if password is not None and len(password) < MIN_PASSWORD_CHARACTERS:
            raise IdentityError(
                "the password is too short", detail=f"at least {MIN_PASSWORD_CHARACTERS} characters", slug="identity/password"
            )
        entry: dict[str, object] = {
            "kind": "pem",
            "format": "plaintext" if password is None else "pbes2",
            "algorithm": _ALGORITHM_OF[type(identity)],
            "principal": str(identity.principal),
        }
        pem = identity_to_pem(identity, password)
        with self._locked():
            entries = self._load_entries()
            if name in entries or name == ANONYMOUS_NAME:
                raise IdentityError(
                    f"there is an identity `{name}` already", slug="identity/taken", hint="choose another name, or delete it"
                )
            write_atomic(self._key_path(name), pem.encode("ascii"), PRIVATE_MODE)
            self._write_entries({**entries, name: entry})

    def set_default(self, name: str) -> None:
        """Make an identity the default one."""
        with self._locked():
            if name != ANONYMOUS_NAME:
                self._require(name)
            self._write_default(name)

    def delete(self, name: str) -> None:
        """Delete an identity and its key file; never the default one."""
        with self._locked():
            entries = self._require(name)
            if self._store.load_default_name() == name:
                raise IdentityError(f"`{name}` is the default identity", slug="identity/default", hint="choose another default first")
            self._write_entries({other: entry for other, entry in entries.items() if other != name})
            for path in (self._key_path(name), self._chain_path(name)):
                path.unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        """Give an identity another name; a default stays the default. Keys in the keyring cannot be renamed here."""
        if NAME_PATTERN.fullmatch(new) is None:
            raise IdentityError(f"`{new}` cannot be an identity's name", slug="identity/name")
        with self._locked():
            entries = self._require(old)
            if new in entries or new == ANONYMOUS_NAME:
                raise IdentityError(f"there is an identity `{new}` already", slug="identity/taken")
            if any(record.name == old and record.in_keyring for record in self._store.load_records()):
                raise IdentityError(
                    f"the key of `{old}` is in the keyring", slug="identity/keyring", hint=f"use `icp identity rename {old} {new}`"
                )
            moved = self._copy_files(old, new)
            self._write_entries({new if name == old else name: entry for name, entry in entries.items()})
            if self._store.load_default_name() == old:
                self._write_default(new)
            for source in moved:
                source.unlink()

    def _copy_files(self, old: str, new: str) -> list[Path]:
        """Copy an identity's files to another name and return the old ones, which are still listed until then."""
        pairs = ((self._key_path(old), self._key_path(new)), (self._chain_path(old), self._chain_path(new)))
        present = [(source, target) for source, target in pairs if source.exists()]
        for source, target in present:
            write_atomic(target, source.read_bytes(), PRIVATE_MODE)
        return [source for source, _ in present]

    def export_pem(self, name: str, password: str | None = None) -> str:
        """Return a key as plain PEM text; `password` opens its file."""
        identity = self._store.load(name, None if password is None else lambda _: password)
        if not isinstance(identity, KeyIdentity):
            raise IdentityError(f"the identity `{name}` has no key of its own", slug="identity/unsupported-kind")
        return identity_to_pem(identity)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_directory(self._folder)
        try:
            with FileLock(self._folder / ".lock", timeout=self._lock_timeout_seconds):
                yield
        except Timeout as error:
            raise IdentityError(
                "another program is changing the identities",
                slug="identity/locked",
                detail=f"{self._folder / '.lock'} was held for {self._lock_timeout_seconds:g} s",
                hint="wait for the other program, then try again",
            ) from error

    def _require(self, name: str) -> dict[str, object]:
        entries = self._load_entries()
        if name not in entries or name == ANONYMOUS_NAME:
            raise IdentityError(
                f"there is no identity `{name}` that can be changed", slug="identity/unknown", detail=f"known: {', '.join(entries)}"
            )
        return entries

    def _load_entries(self) -> dict[str, object]:
        return self._store.load_entries() or {ANONYMOUS_NAME: {"kind": ANONYMOUS_NAME}}

    def _write_entries(self, entries: dict[str, object]) -> None:
        self._write_json("identity_list.json", {"v": 1, "identities": entries})

    def _write_default(self, name: str) -> None:
        self._write_json("identity_defaults.json", {"v": 1, "default": name})

    def _write_json(self, file_name: str, value: dict[str, object]) -> None:
        write_atomic(self._folder / file_name, json.dumps(value, indent=2).encode("utf-8"))

    def _key_path(self, name: str) -> Path:
        return self._folder / "keys" / f"{name}.pem"

    def _chain_path(self, name: str) -> Path:
        return self._folder / "delegations" / f"{name}.json"
