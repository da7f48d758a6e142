"""Files that steps name, looked at before anything runs."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.core.project import Canister, PluginStep, PrebuiltStep, ScriptStep
from orchestrator.errors import Diagnostic, OrchestratorError, PluginRefusedError, Span
from orchestrator.store.download import MAX_DOWNLOAD_BYTES
from orchestrator.store.regular_file import read_regular

__all__ = ["check_steps"]

_MADE_LATER = frozenset({"plugin/dir-missing", "plugin/file-missing"})


def check_steps(canister: Canister, project_directory: Path) -> tuple[Sequence[Diagnostic], int]:
    """Return what is wrong with the files that a canister's steps name, and how many a script may make or change first."""
    found: list[Diagnostic] = []
    unchecked = 0
    scripted = False
    for build in canister.build:
        if isinstance(build, ScriptStep):
            scripted = True
        elif build.path is not None and scripted:
            unchecked += 1
        else:
            found += _check_module(build)
    for step in canister.sync:
        if isinstance(step, ScriptStep):
            scripted = True
        elif scripted:
            unchecked += (step.path is not None) + len(step.dirs) + len(step.files)
        else:
            found += _check_plugin(step)
        if isinstance(step, PluginStep):
            found += _check_declared(canister, step, project_directory, scripted=scripted)
    return found, unchecked


def _check_module(step: PrebuiltStep) -> Iterator[Diagnostic]:
    from orchestrator.engine.modules import describe_defect

    data, found = _look_at_file("module", step)
    yield from found
    if data is not None and (defect := describe_defect(data)) is not None:
        yield Diagnostic(
            slug="build/not-wasm",
            summary="the pre-built module is not a module",
            detail=f"{step.path}: {defect}",
            span=step.span,
            hint="name the `.wasm` or `.wasm.gz` file that the canister's build makes",
        )


def _check_plugin(step: PluginStep) -> Iterator[Diagnostic]:
    from orchestrator.engine.declared_forms import check_forms, read_interface

    data, found = _look_at_file("plugin", step)
    yield from found
    if data is None:
        return
    try:
        check_forms(step, read_interface(data))
    except PluginRefusedError as error:
        yield from (each if each.span is not None else replace(each, span=step.span) for each in error.diagnostics)


def _look_at_file(noun: str, step: PrebuiltStep | PluginStep) -> tuple[bytes | None, Sequence[Diagnostic]]:
    """Return a step's file, if it has one that can be read, and what is wrong with it as any file."""
    if step.path is None:
        return None, ()
    data = _read(step.path)
    if isinstance(data, str):
        return None, (_missing(noun, step.path, data, step.span),)
    return data, tuple(_check_hash(noun, step.path, data, step.sha256, step.span))


def _check_declared(canister: Canister, step: PluginStep, project_directory: Path, *, scripted: bool) -> Iterator[Diagnostic]:
    """Yield what a plugin must not be given, and what is not there; what a script makes later is left alone."""
    from orchestrator.engine.declarations import find_private
    from orchestrator.engine.plugins import load_declared

    refused: list[OrchestratorError] = []
    directories, _ = load_declared(canister, step, refused, project_directory)
    for diagnostic in (each for error in refused for each in error.diagnostics):
        if diagnostic.slug not in _MADE_LATER:
            yield diagnostic
        elif not scripted:
            yield replace(diagnostic, severity="warning", hint="make it before the deployment, or in a script step before this one")
    if not scripted:
        yield from find_private(step, directories)


def _read(path: Path) -> bytes | str:
    """Return a file's bytes, or why there are none."""
    try:
        return read_regular(path, MAX_DOWNLOAD_BYTES, follow_link=True)
    except OSError as error:
        return error.strerror or str(error)


def _missing(noun: str, path: Path, reason: str, span: Span | None) -> Diagnostic:
    home = "; the shell's `~` means nothing here: write the path from the canister's folder" if "~" in path.parts else ""
    return Diagnostic(
        slug="build/missing-module" if noun == "module" else "plugin/missing",
        summary=f"the {noun}'s file cannot be read",
        severity="warning",
        detail=f"{path}: {reason}",
        span=span,
        hint=f"make it before the deployment, or correct the path{home}",
    )


def _check_hash(noun: str, path: Path, data: bytes, wanted: str | None, span: Span | None) -> Iterator[Diagnostic]:
    if wanted is not None and (actual := hashlib.sha256(data).hexdigest()) != wanted:
        yield Diagnostic(
            slug="build/checksum" if noun == "module" else "plugin/checksum",
            summary=f"the {noun} is not the one that the manifest names",
            detail=f"expected SHA-256 {wanted}\nfound    SHA-256 {actual} in {path}",
            span=span,
            hint=f"if a new {noun} is meant, review it, and write its hash as `sha256`",
        )
