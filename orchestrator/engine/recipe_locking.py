"""`recipe lock`: the pins of everything remote that a project uses, in all of its environments."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep, PrebuiltStep
from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.engine.building import wanted_module
from orchestrator.engine.modules import describe_defect
from orchestrator.engine.pins import LOCKED_VARIABLE, Pinning, open_lock_file
from orchestrator.engine.recipes import expand_recipes, open_loader
from orchestrator.engine.session import Session
from orchestrator.engine.sources import load_remote
from orchestrator.engine.tasks import run_all
from orchestrator.errors import BuildError, Diagnostic, Span, StoreError, UsageError
from orchestrator.events import Event, Warned
from orchestrator.store.lock_file import PIN_KINDS, PinKind, Pins, pin_name
from orchestrator.store.lock_report import LockReport, compare_pins

__all__ = ["LOCK_ATTEMPTS", "lock_recipes"]

LOCK_ATTEMPTS: Final = 5
"""How often the lock file is put together anew when another command has changed it meanwhile."""
_EXPECTED = frozenset({"recipe/unpinned", "pins/contradiction", "build/unpinned"})
"""Warnings about what this command is for."""


async def lock_recipes(
    session: Session, *, environment: str | None = None, upgrade: Sequence[str] | None = None, check: bool = False
) -> LockReport:
    """Resolve what all environments (or one) use, and write the lock file; with `check` nothing is written.

    What is pinned stays as it is, but for the addresses in `upgrade` (all, if there are none in it), which are looked at anew.
    Pins that nothing uses are removed when all environments are looked at. Raises everything that cannot be had, at once; and
    `StoreError` in a locked session where the file would change.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            return await _lock_once(session, environment, upgrade, check=check)
        except StoreError as error:  # what was downloaded is at hand, so that another attempt is quick
            if error.slug != "pins/busy" or attempt == LOCK_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


async def _lock_once(session: Session, environment: str | None, upgrade: Sequence[str] | None, *, check: bool) -> LockReport:
    file = open_lock_file(session.layout)
    old = await anyio.to_thread.run_sync(file.load)
    draft = Draft(_without(old, upgrade))
    chosen = [environment] if environment is not None else list(session.project.environments)
    await _collect(session, chosen, draft)
    _refuse_unused(upgrade, draft.used)
    new = draft.used if environment is None else _merged(old, draft.used)
    changes = compare_pins(old, new)
    if changes and not check:
        _refuse_locked(session)
        await anyio.to_thread.run_sync(lambda: file.replace(new, was=old))
    return LockReport(
        path=file.path, changes=changes, pins=sum(len(new.of(kind)) for kind in PIN_KINDS), written=bool(changes) and not check
    )


def _refuse_locked(session: Session) -> None:
    """Refuse to write what this machine's environment says must not change."""
    if session.locked:
        raise StoreError(
            "`orchestrator.lock` would change, and nothing may change it here",
            slug="pins/not-locked",
            detail=f"`{LOCKED_VARIABLE}` is set",
            hint=f"run `orchestrator recipe lock --check` to see what would change, or unset `{LOCKED_VARIABLE}`",
        )


class Draft:
    """A lock file that is being put together: `known` may be used, `used` is what was."""

    def __init__(self, known: Pins) -> None:
        """Take the pins that need not be looked at anew."""
        self.known = known
        self.used = Pins()

    def load(self) -> Pins:
        """Return the pins that may be used."""
        return self.known

    def add(self, kind: PinKind, address: str, sha256: str) -> str:
        """Pin what has no pin, and return its pin."""
        present = self.known.find(kind, address) or self.used.find(kind, address)
        self.put(kind, address, present or sha256)
        return present or sha256.lower()

    def put(self, kind: PinKind, address: str, sha256: str, span: Span | None = None) -> None:
        """Pin an address; raises `StoreError` when the project pins it to another hash elsewhere."""
        present = self.used.find(kind, address)
        if present is not None and present != sha256.lower():
            raise StoreError(
                f"`{redact_url(address)}` is pinned to two different hashes in this project",
                slug="pins/contradiction",
                detail=f"{present}\n{sha256.lower()}",
                span=redact_span(span),
                hint="write the same `sha256` everywhere",
            )
        self.used = self.used.with_pin(kind, address, sha256)


async def _collect(session: Session, environments: Sequence[str], draft: Draft) -> None:
    """Put everything that the environments use into the draft."""

    def emit(event: Event) -> None:
        if not (isinstance(event, Warned) and event.slug in _EXPECTED):
            session.emit(event)

    def tell(_found: Diagnostic) -> None:
        """Say nothing of manifests that contradict the present file: it is about to follow them."""

    pins = Pinning(draft, tell=tell)
    quiet = replace(session, locked=False, emit=emit)
    loader = open_loader(quiet, pins=pins)
    canisters: list[Canister] = []
    for name in environments:
        environment = replace(session.project.environments[name], protected=False)
        canisters += await expand_recipes(replace(quiet, environment=environment), environment.canisters, loader=loader)

    async def one(canister: Canister) -> None:
        if canister.expanded is not None and canister.expanded.remote:
            draft.put("recipes", canister.expanded.address, canister.expanded.sha256, canister.expanded.span)
        for step in (*canister.build, *canister.sync):
            if isinstance(step, PluginStep | PrebuiltStep) and step.path is None and step.url is not None:
                await _pin_step(quiet, canister, step, draft, pins)

    await run_all(_without_repetition(canisters), one)


def _without_repetition(canisters: Iterable[Canister]) -> list[Canister]:
    """Return what differs: most environments have the same canisters, and what is wrong with one is told once."""
    seen: dict[str, list[Canister]] = {}
    for canister in canisters:
        same_name = seen.setdefault(canister.name, [])
        if canister not in same_name:
            same_name.append(canister)
    return [canister for same_name in seen.values() for canister in same_name]


async def _pin_step(session: Session, canister: Canister, step: PluginStep | PrebuiltStep, draft: Draft, pins: Pinning) -> None:
    """Pin what is behind a step's URL: what stands there, what the file has, or what is there now."""
    url = step.url or ""
    if isinstance(step, PluginStep):
        if step.sha256 is not None:
            draft.put("plugins", url, step.sha256, step.span)
        return
    sha256 = step.sha256 or draft.known.find("modules", url) or draft.used.find("modules", url)
    if sha256 is None:
        async with session.limiter:
            data = await load_remote(session, step, wanted_module(canister), pins)
        sha256 = await anyio.to_thread.run_sync(lambda: hashlib.sha256(data).hexdigest())
        if (defect := describe_defect(data)) is not None:
            raise BuildError(
                f"the module of canister `{canister.name}` is not a WebAssembly module",
                slug="build/not-wasm",
                detail=f"{redact_url(url)}: {defect}",
                span=redact_span(step.span),
            )
    draft.put("modules", url, sha256, step.span)


def _without(pins: Pins, upgrade: Sequence[str] | None) -> Pins:
    """Return the pins that are not to be looked at anew."""
    if upgrade is None:
        return pins
    names = {pin_name(address) for address in upgrade} | set(upgrade)
    kept = {kind: {name: pin for name, pin in pins.of(kind).items() if names and name not in names} for kind in PIN_KINDS}
    return Pins(**kept)


def _merged(old: Pins, new: Pins) -> Pins:
    return Pins(**{kind: {**old.of(kind), **new.of(kind)} for kind in PIN_KINDS})


def _refuse_unused(upgrade: Sequence[str] | None, used: Pins) -> None:
    """Raise `UsageError` for an address that nothing in the project has: it may be misspelt."""
    known = {name for kind in PIN_KINDS for name in used.of(kind)}
    for address in upgrade or ():
        if pin_name(address) not in known and address not in known:
            raise UsageError(
                f"nothing in the project uses `{redact_url(address)}`",
                slug="usage/unknown-address",
                detail=f"remote addresses are {', '.join(f'`{name}`' for name in sorted(known))}" if known else "nothing is remote",
            )
