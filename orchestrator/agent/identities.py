"""icp-cli's identities: which there are, which is the default, and the keys that are files.

Layout of the folder `identity` below icp-cli's data directory: `identity_list.json`, `identity_defaults.json`,
`keys/<name>.pem` and `delegations/<name>.json`. It is read here; `identity_files` writes it.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from orchestrator.agent.clock import Clock, SystemClock
from orchestrator.agent.delegation_files import load_delegated
from orchestrator.agent.keyring import KeyringReader, system_keyring
from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import AnonymousIdentity, Identity, KeyIdentity
from orchestrator.protocol.pem import MAX_PEM_BYTES, identity_from_pem

__all__ = [
    "ANONYMOUS_NAME",
    "NAME_PATTERN",
    "IdentityRecord",
    "IdentityStore",
    "PasswordSource",
    "icp_data_directory",
    "load_identity",
    "load_identity_file",
]

ANONYMOUS_NAME = "anonymous"
_VERSION = 1
_MAX_LIST_BYTES = 4 * 1024 * 1024
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+ -]{0,127}")
_USABLE_KINDS = frozenset({ANONYMOUS_NAME, "pem", "keyring", "delegation"})
_UNREADABLE_KINDS = {
    "hsm": "its key is in a hardware security module",
    "web-auth": "it signs in through a web browser",
    "internet-identity": "it signs in through a web browser",
    "pending-delegation": "its delegation has not arrived yet",
}

PasswordSource: TypeAlias = Callable[[str], str | bytes]
"""Asked for the password of an identity by its name, and only when the key is encrypted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRecord:
    """An identity as icp-cli lists it; `principal` is None where the list does not tell.

    `kind` is icp-cli's word (`anonymous`, `pem`, `keyring`, …); `usable` says whether it can be loaded here;
    `in_keyring` says that its key, or its session's, is in the operating system's keyring.
    """

    name: str
    kind: str
    principal: Principal | None
    is_default: bool = False
    in_keyring: bool = False

    @property
    def usable(self) -> bool:
        """Whether `load_identity` can load it."""
        return self.kind in _USABLE_KINDS


def icp_data_directory(environ: Mapping[str, str] | None = None, home: Path | None = None, platform: str = sys.platform) -> Path:
    """Return icp-cli's data directory: `ICP_HOME`, or where the platform keeps an application's data."""
    variables = os.environ if environ is None else environ
    if variables.get("ICP_HOME"):
        return Path(variables["ICP_HOME"])
    user = home or Path.home()
    if platform == "darwin":
        return user / "Library" / "Application Support" / "org.dfinity.icp-cli"
    if platform == "win32":
        roaming = variables.get("APPDATA")
        return (Path(roaming) if roaming else user / "AppData" / "Roaming") / "dfinity" / "icp-cli" / "data"
    data = variables.get("XDG_DATA_HOME")
    return (Path(data) if data and Path(data).is_absolute() else user / ".local" / "share") / "icp-cli"


class IdentityStore:
    """The identities below one data directory of icp-cli."""

    def __init__(self, data_directory: Path, *, keyring: KeyringReader | None = None, clock: Clock | None = None) -> None:
        self._folder = data_directory / "identity"
        self._keyring = keyring or system_keyring()
        self._clock = clock or SystemClock()

    @property
    def folder(self) -> Path:
        """The folder that holds the lists and keys."""
        return self._folder

    def load_default_name(self) -> str:
        """Return the name of the default identity; `anonymous` when none was chosen."""
        name = self._load_json("identity_defaults.json").get("default", ANONYMOUS_NAME)
        if not isinstance(name, str):
            raise self._broken("identity_defaults.json", "`default` is not a name")
        return name

    def load_records(self) -> tuple[IdentityRecord, ...]:
        """Return all identities, `anonymous` first and the others by name."""
        default = self.load_default_name()
        entries = self.load_entries()
        records = [self._record(name, entries[name], default) for name in sorted(entries) if name != ANONYMOUS_NAME]
        anonymous = IdentityRecord(
            name=ANONYMOUS_NAME, kind=ANONYMOUS_NAME, principal=AnonymousIdentity().principal, is_default=default == ANONYMOUS_NAME
        )
        return (anonymous, *records)

    def load_entries(self) -> dict[str, object]:
        """Return the list as it stands in the file: name -> icp-cli's fields."""
        entries = self._load_json("identity_list.json").get("identities", {})
        if not isinstance(entries, dict):
            raise self._broken("identity_list.json", "`identities` is not a map")
        return entries

    def load(self, name: str | None = None, password: PasswordSource | None = None) -> Identity:
        """Load an identity by name (None: the default one); raise `IdentityError` if it cannot sign here."""
        wanted = name or self.load_default_name()
        if wanted == ANONYMOUS_NAME:
            return AnonymousIdentity()
        records = {record.name: record for record in self.load_records()}
        record = records.get(wanted)
        if record is None:
            raise IdentityError(
                f"there is no identity `{wanted}`",
                slug="identity/unknown",
                detail=f"known in {self._folder}: {', '.join(records)}",
                hint=f"create it with `orchestrator identity new {wanted}`, or choose another with `--identity`",
            )
        if not record.usable:
            raise _unusable(record)
        if NAME_PATTERN.fullmatch(record.name) is None:
            raise self._broken("identity_list.json", f"`{record.name}` cannot be the name of a file")
        key = self._load_key(record, password)
        identity: Identity = key
        if record.kind == "delegation":
            identity = load_delegated(self._folder / "delegations" / f"{record.name}.json", key, now_ns=self._clock.now_ns())
        if record.principal is not None and identity.principal != record.principal:
            raise IdentityError(
                f"the stored key of identity `{record.name}` is another identity's",
                slug="identity/mismatch",
                detail=f"the list says {record.principal}, the key is of {identity.principal}",
            )
        return identity

    def _load_key(self, record: IdentityRecord, password: PasswordSource | None) -> KeyIdentity:
        if record.in_keyring:
            return identity_from_pem(self._keyring(f"delegation:{record.name}" if record.kind == "delegation" else record.name))
        return load_identity_file(self._folder / "keys" / f"{record.name}.pem", password, name=record.name)

    def _record(self, name: str, entry: object, default: str) -> IdentityRecord:
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(kind, str):
            raise self._broken("identity_list.json", f"the identity `{name}` has no `kind`")
        text = entry.get("principal")
        try:
            principal = Principal.from_text(text) if isinstance(text, str) else None
        except PrincipalError as error:
            raise self._broken("identity_list.json", f"the identity `{name}`: {error}") from error
        storage = entry.get("storage")
        kept = kind == "keyring" or (isinstance(storage, dict) and storage.get("kind") == "keyring")
        return IdentityRecord(name=name, kind=kind, principal=principal, is_default=name == default, in_keyring=kept)

    def _load_json(self, file_name: str) -> dict[str, object]:
        path = self._folder / file_name
        try:
            if path.stat().st_size > _MAX_LIST_BYTES:
                raise self._broken(file_name, f"it has more than {_MAX_LIST_BYTES} bytes")
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise self._broken(file_name, str(error)) from error
        if not isinstance(value, dict):
            raise self._broken(file_name, "it is not a map")
        if value.get("v", _VERSION) != _VERSION:
            raise self._broken(file_name, f"it is of version {value['v']}, and only version {_VERSION} is understood")
        return value

    def _broken(self, file_name: str, reason: str) -> IdentityError:
        return IdentityError(f"{self._folder / file_name} cannot be used", slug="identity/store", detail=reason)


def _unusable(record: IdentityRecord) -> IdentityError:
    reason = _UNREADABLE_KINDS.get(record.kind, f"its kind `{record.kind}` is not known here")
    hint = "use an identity whose key is a file: `orchestrator identity new NAME` makes one; choose it with `--identity NAME`"
    return IdentityError(
        f"the identity `{record.name}` cannot be used here",
        slug="identity/unsupported-kind",
        detail=reason,
        hint=hint,
    )


def load_identity(
    name: str | None = None, home: Path | None = None, password: PasswordSource | None = None, *, keyring: KeyringReader | None = None
) -> Identity:
    """Load one of icp-cli's identities (None: its default); `home` is icp-cli's data directory.

    `password` is asked when the key is encrypted. Raises `IdentityError`.
    """
    return IdentityStore(home or icp_data_directory(), keyring=keyring).load(name, password)


def load_identity_file(path: Path, password: PasswordSource | None = None, *, name: str | None = None) -> KeyIdentity:
    """Load an identity from a PEM file; `name` is what the password is asked for, the file's name otherwise."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise IdentityError(f"the key file {path} cannot be read", slug="identity/file", detail=error.strerror or str(error)) from error
    try:
        return identity_from_pem(text)
    except IdentityError as error:
        if error.slug != "identity/password-needed" or password is None:
            raise
    return identity_from_pem(text, password(name or path.stem))
