"""Which bytes must stand behind an address: what the manifest says, what the lock file says, and what a run may change of that.

The manifest's own `sha256` wins. What has none is pinned by the lock file; what is in neither is pinned on first use.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
import anyio.to_thread

from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.errors import Diagnostic, Span, StoreError, UsageError
from orchestrator.events import Warned
from orchestrator.store import Layout
from orchestrator.store.lock_file import LockFile, PinKind, Pins, pin_name

__all__ = [
    "LOCKED_VARIABLE",
    "LOCK_HINT",
    "PinStore",
    "Pinned",
    "Pinning",
    "Tell",
    "is_locked",
    "open_lock_file",
    "tell_warnings",
    "upgrade_command",
]

LOCKED_VARIABLE: Final = "ORCHESTRATOR_LOCKED"
_NOUNS: Final[dict[PinKind, str]] = {"recipes": "recipe", "plugins": "plugin", "modules": "module"}

LOCK_HINT: Final = "run `orchestrator recipe lock`, and commit `orchestrator.lock`"

Tell = Callable[[Diagnostic], None]


class PinStore(Protocol):
    """Where pins are kept: a `LockFile`, or what `recipe lock` is about to write."""

    def load(self) -> Pins:
        """Return all pins."""
        ...

    def add(self, kind: PinKind, address: str, sha256: str) -> str:
        """Pin what has no pin, and return its pin."""
        ...

    def put(self, kind: PinKind, address: str, sha256: str) -> None:
        """Pin an address to this hash, whatever it was pinned to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """Something that a manifest or a recipe refers to; `stated` is the `sha256` that stands there, `span` its place."""

    kind: PinKind
    address: str
    stated: str | None = None
    span: Span | None = None

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return f"the {_NOUNS[self.kind]} `{redact_url(self.address)}`"


class Pinning:
    """The pins of one run; `tell` is given what is odd. Without `writes` they stay as they are: what has no pin is used, and told."""

    def __init__(self, store: PinStore, *, tell: Tell, writes: bool = True) -> None:
        """Take where the pins are; nothing is read yet."""
        self.writes = writes
        self._store = store
        self._tell = tell
        self._noted: set[tuple[PinKind, str]] = set()
        self._pins: Pins | None = None
        self._turn = anyio.Lock()

    async def wanted(self, what: Pinned, *, locked: str | None = None) -> str | None:
        """Return the SHA-256 that something must have, in lower-case hex; `None` where nobody has said so far.

        `locked` says why nothing may be pinned or pinned anew; `StoreError` (`pins/not-locked`, `pins/contradiction`) where
        something would be. Raises as `LockFile.load` does.
        """
        present = (await self._load()).find(what.kind, what.address)
        if what.stated is None:
            if present is None and locked is not None:
                raise _not_locked(what, locked)
            return present
        stated = what.stated.lower()
        if present is not None and present != stated and locked is not None:
            raise _contradicted(what, stated, present, locked)
        return stated

    async def follow(self, what: Pinned) -> None:
        """Let the manifest's pin count where the lock file has another one: bytes have been seen that have it.

        Whoever wrote it into the manifest has chosen; before there are such bytes, it may be mistyped.
        """
        if what.stated is None:
            return
        stated = what.stated.lower()
        present = (await self._load()).find(what.kind, what.address)
        if present is not None and present != stated:
            await self._overrule(what, stated, present)

    async def pin(self, what: Pinned, sha256: str) -> bool:
        """Pin what was used for the first time; returns whether this run did it, or would have.

        Raises `StoreError` where another process has pinned other bytes meanwhile.
        """
        if not self.writes:
            return self._note(what)
        if self._pins is not None and self._pins.find(what.kind, what.address) is not None:
            return False
        kept = await anyio.to_thread.run_sync(self._store.add, what.kind, what.address, sha256)
        self._pins = (self._pins or Pins()).with_pin(what.kind, what.address, kept)
        if kept != sha256:
            raise changed(what, kept, sha256)
        return True

    async def _load(self) -> Pins:
        async with self._turn:
            if self._pins is None:
                self._pins = await anyio.to_thread.run_sync(self._store.load)
            return self._pins

    def _note(self, what: Pinned) -> bool:
        """Return whether something is told for the first time."""
        key = (what.kind, what.address)
        if key in self._noted:
            return False
        self._noted.add(key)
        return True

    async def _overrule(self, what: Pinned, stated: str, present: str) -> None:
        if self.writes:
            await anyio.to_thread.run_sync(self._store.put, what.kind, what.address, stated)
            self._pins = (self._pins or Pins()).with_pin(what.kind, what.address, stated)
        elif not self._note(what):
            return
        self._tell(
            Diagnostic(
                slug="pins/contradiction",
                summary=f"{what.name} {'was' if self.writes else 'is'} pinned differently in `orchestrator.lock`: the manifest's `sha256` counts",
                severity="warning",
                detail=_describe_both(stated, present),
                span=redact_span(what.span),
                hint="it has been changed there: commit that file" if self.writes else LOCK_HINT,
            )
        )


def open_lock_file(layout: Layout) -> LockFile:
    """Return a project's lock file; what keeps processes apart is in the cache, not beside a file that is committed."""
    return LockFile(path=layout.recipe_lock, guard=layout.cache / "locks" / "recipes")


def is_locked(value: str) -> bool:
    """Read the variable that forbids changes of the lock file; raises `UsageError` for what is neither yes nor no."""
    text = value.strip().lower()
    if text in {"", "0", "false", "no", "off"}:
        return False
    if text in {"1", "true", "yes", "on"}:
        return True
    raise UsageError(f"`{LOCKED_VARIABLE}` must be 1 or 0", slug="usage/locked", detail=f"it is `{text}`")


def changed(what: Pinned, wanted: str, found: str) -> StoreError:
    """Return the error of bytes that are not those that were pinned."""
    return StoreError(
        f"{what.name} is not the one that was pinned",
        slug="pins/changed",
        detail=describe_change(what, wanted, found),
        span=redact_span(what.span),
        hint=hint_of_change(what),
    )


def describe_change(what: Pinned, wanted: str, found: str) -> str:
    """Return both hashes, below each other, and whose they are."""
    by = "the lock file's" if what.stated is None else "the manifest's `sha256`"
    return f"expected SHA-256 {wanted}, {by}\nfound    SHA-256 {found}"


def hint_of_change(what: Pinned) -> str:
    """Return what to do when something has changed."""
    if what.stated is not None:
        return f"if a new {_NOUNS[what.kind]} is meant, review it, and write its hash as `sha256`"
    return f"if a new {_NOUNS[what.kind]} is meant, review it, and run `{upgrade_command(what.address)}`"


def upgrade_command(*addresses: str) -> str:
    """Return the command that looks anew at what is behind addresses; it names them as the lock file does, without secrets."""
    return f"orchestrator recipe lock --upgrade {shlex.join(pin_name(address) for address in addresses)}"


def tell_warnings(emit: Callable[[Warned], None]) -> Tell:
    """Return what makes events of warnings."""

    def tell(found: Diagnostic) -> None:
        emit(Warned(slug=found.slug, summary=found.summary, hint=found.hint, place=found.span))

    return tell


def _contradicted(what: Pinned, stated: str, present: str, locked: str) -> StoreError:
    return StoreError(
        f"{what.name} is pinned differently in `orchestrator.lock`, and {locked}",
        slug="pins/contradiction",
        detail=_describe_both(stated, present),
        span=redact_span(what.span),
        hint="run `orchestrator recipe lock`, look at what it changes, and commit the file",
    )


def _describe_both(stated: str, present: str) -> str:
    return f"`sha256` is {stated}\nthe lock file has {present}"


def _not_locked(what: Pinned, locked: str) -> StoreError:
    return StoreError(
        f"{what.name} is not pinned, and {locked}",
        slug="pins/not-locked",
        detail="it has no `sha256`, and `orchestrator.lock` does not have it",
        span=redact_span(what.span),
        hint=LOCK_HINT,
    )
