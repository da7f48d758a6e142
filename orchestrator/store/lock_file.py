"""The lock file: which bytes stood behind each address when it was first used.

    orchestrator.lock   {"modules": {"https://…/app.wasm": "<sha256>"}, "plugins": {…}, "recipes": {"@dfinity/rust@v3.2.0": "<sha256>"}, "v": 1}

It belongs into version control, so that everybody deploys the same until somebody changes an entry. Therefore it is sorted, has one
entry a line, and addresses are in it without what could be a secret in them; a hash tells those apart that have different queries.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.errors import Span, StoreError
from orchestrator.store.json_file import hold_file, write_json
from orchestrator.store.regular_file import read_regular

__all__ = ["MAX_LOCK_FILE_BYTES", "PIN_KINDS", "LockFile", "PinKind", "Pins", "pin_name"]

PinKind = Literal["recipes", "plugins", "modules"]
PIN_KINDS: Final[tuple[PinKind, ...]] = get_args(PinKind)
MAX_LOCK_FILE_BYTES: Final = 16 << 20
"""A lock file that is larger was not written by this tool."""
_FORMAT: Final = 1
_MAX_SHOWN_CHARACTERS: Final = 500
_QUERY_DIGITS: Final = 16
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_CONFLICT: Final = re.compile(rb"^(<{7}|={7}|>{7}|\|{7})( .*)?\r?$", re.MULTILINE)
_HINT: Final = "restore the file from version control, or delete it and run `orchestrator recipe lock` to pin everything anew"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a lock file says: by kind, names as `pin_name` makes them to SHA-256 in lower-case hex."""

    recipes: Mapping[str, str] = field(default_factory=lambda: _NONE)
    plugins: Mapping[str, str] = field(default_factory=lambda: _NONE)
    modules: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def of(self, kind: PinKind) -> Mapping[str, str]:
        """Return the pins of a kind."""
        return {"recipes": self.recipes, "plugins": self.plugins, "modules": self.modules}[kind]

    def find(self, kind: PinKind, address: str) -> str | None:
        """Return the pin of an address as the manifest has it, `None` without one."""
        pins = self.of(kind)
        return pins.get(pin_name(address), pins.get(address))

    def with_pin(self, kind: PinKind, address: str, sha256: str) -> "Pins":
        """Return the same pins and one more, or another one."""
        changed = {each: dict(self.of(each)) for each in PIN_KINDS}
        changed[kind].pop(address, None)  # older files have addresses as they are
        changed[kind][pin_name(address)] = sha256.lower()
        return Pins(**changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFile:
    """A project's lock file at `path`; `guard` is what processes that change it take turns with, which is not committed."""

    path: Path
    guard: Path

    def load(self) -> Pins:
        """Read all pins; no file means none. Raises `StoreError` for what cannot be read: what it pinned is not known then."""
        try:
            data = read_regular(self.path, MAX_LOCK_FILE_BYTES, follow_link=True)
        except FileNotFoundError:
            return Pins()
        except OSError as error:
            raise StoreError(
                f"`{self.path}` cannot be read", slug="pins/unreadable", detail=error.strerror or str(error), hint=_HINT
            ) from error
        if len(data) > MAX_LOCK_FILE_BYTES:
            raise self._damaged(f"it is larger than {MAX_LOCK_FILE_BYTES} bytes")
        self._refuse_conflict(data)
        try:
            document = json.loads(data, object_pairs_hook=_without_repetition)
        except json.JSONDecodeError as error:
            raise self._damaged(f"not JSON: {error.msg}", self._place(error)) from error
        except UnicodeDecodeError as error:
            raise self._damaged("it is not UTF-8 text") from error
        except RecursionError as error:
            raise self._damaged("it is nested too deeply") from error
        except ValueError as error:
            raise self._damaged(str(error)) from error
        return self._read(document)

    def add(self, kind: PinKind, address: str, sha256: str) -> str:
        """Pin what is used for the first time, and return its pin: another process may have been faster, and its pin counts."""
        with hold_file(self.guard):
            pins = self.load()
            present = pins.find(kind, address)
            if present is None:
                self._write(pins.with_pin(kind, address, sha256))
            return present or sha256.lower()

    def put(self, kind: PinKind, address: str, sha256: str) -> None:
        """Pin an address to this hash, whatever it was pinned to."""
        with hold_file(self.guard):
            pins = self.load()
            if pins.find(kind, address) != sha256.lower():
                self._write(pins.with_pin(kind, address, sha256))

    def replace(self, pins: Pins, *, was: Pins) -> None:
        """Write these pins and no others; without any, no file is made. Raises `StoreError` unless what is there is what `was`."""
        with hold_file(self.guard):
            if self.load() != was:
                raise StoreError(
                    f"`{self.path}` has been changed by another process meanwhile", slug="pins/busy", hint="run the command again"
                )
            self._write(pins)

    def _write(self, pins: Pins) -> None:
        document: dict[str, object] = {kind: dict(pins.of(kind)) for kind in PIN_KINDS if pins.of(kind)}
        present = self.path.exists()
        if document or present:
            self._forget_leftovers()
            # A link to a file that several projects share stays one.
            write_json(self.path.resolve() if present else self.path, document | {"v": _FORMAT})

    def _forget_leftovers(self) -> None:
        """Delete what writers left behind that were killed: it would be committed. The guard is held, so nobody is writing now."""
        for path in self.path.parent.glob(f".{self.path.name}.*.tmp"):
            with suppress(OSError):
                path.unlink()

    def _read(self, document: object) -> Pins:
        if not isinstance(document, dict):
            raise self._damaged(f"expected a JSON object, found {type(document).__name__}")
        version = document.get("v")
        if isinstance(version, int) and not isinstance(version, bool) and version > _FORMAT:
            raise StoreError(
                f"`{self.path}` was written by a newer version of this tool",
                slug="pins/version",
                detail=f"its format is {version}, and {_FORMAT} is the newest that this version knows",
                hint="install a newer version: `pip install --upgrade icp-orchestrator`",
            )
        if version != _FORMAT or isinstance(version, bool):
            raise self._damaged(f'expected `"v": {_FORMAT}`')
        return Pins(**{kind: self._read_kind(kind, document.get(kind, {})) for kind in PIN_KINDS})

    def _read_kind(self, kind: PinKind, entries: object) -> dict[str, str]:
        if not isinstance(entries, dict):
            raise self._damaged(f"`{kind}` must be an object of addresses and hashes")
        for address, sha256 in entries.items():
            if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
                raise self._damaged(f"`{redact_url(address)}` in `{kind}` has no SHA-256, which is 64 hexadecimal digits")
        return {address: sha256.lower() for address, sha256 in entries.items()}

    def _refuse_conflict(self, data: bytes) -> None:
        found = _CONFLICT.search(data)
        if found is None:
            return
        line = data.count(b"\n", 0, found.start()) + 1
        text = found.group().decode("utf-8", "replace").rstrip()
        raise StoreError(
            f"`{self.path.name}` has the marks of a merge conflict",
            slug="pins/merge-conflict",
            span=Span(path=self.path, line=line, column=1, length=max(1, len(text)), text=text),
            hint=f"keep one side with `git checkout --ours {self.path.name}` (or `--theirs`), then run `orchestrator recipe lock`",
        )

    def _place(self, error: json.JSONDecodeError) -> Span | None:
        line = error.doc.split("\n")[error.lineno - 1].rstrip("\r")
        shown = line if len(line) <= _MAX_SHOWN_CHARACTERS else ""
        return redact_span(Span(path=self.path, line=error.lineno, column=error.colno, text=shown))

    def _damaged(self, detail: str, span: Span | None = None) -> StoreError:
        return StoreError(f"`{self.path}` is damaged", slug="pins/damaged", detail=detail, span=span, hint=_HINT)


def pin_name(address: str) -> str:
    """Return an address as it may be committed."""
    shown = redact_url(address)
    query = address.partition("#")[0].partition("?")[2]
    if shown == address or not query:
        return shown
    return f"{shown}#{hashlib.sha256(query.encode('utf-8', 'surrogatepass')).hexdigest()[:_QUERY_DIGITS]}"


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of pairs; a name that is there twice, as merging makes it, has two meanings."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            raise ValueError(f"`{redact_url(name)}` is there twice, with different values")
        found[name] = value
    return found
