"""Running a plugin alone: in the real sandbox, against a canister that is not there, without a network.

report = await run_plugin_alone(PluginTrial(component=Path("plugin.wasm"), dirs=("seed",)))
assert report.result == "ok", report.error
assert [call.method for call in report.calls] == ["put", "put"]
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio.lowlevel
import anyio.to_thread

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.engine.authoring.entries import names_entries, split_entries
from orchestrator.engine.authoring.methods import load_methods
from orchestrator.engine.authoring.mock import MockCanister
from orchestrator.engine.authoring.replay import Replay
from orchestrator.engine.authoring.trace import Ended, Trace, Watcher
from orchestrator.engine.authoring.trial import PluginTrial
from orchestrator.errors import Diagnostic, PluginRefusedError, SandboxError, UsageError
from orchestrator.sandbox.reports import TrialReport, interface_name
from orchestrator.sandbox.request import PluginRequest, PluginResult, SectionRequest
from orchestrator.store.user import UserDirectories

__all__ = ["read_component", "run_plugin_alone"]

_SILENT = Watcher()


async def run_plugin_alone(trial: PluginTrial, watcher: Watcher = _SILENT) -> TrialReport:
    """Run a plugin to its end; `watcher` is told what it does while it does it.

    Whatever the plugin does is in the report. Raises `UsageError` for a trial that makes no sense, such as a component
    that is not there, and what a function among the replies raises.
    """
    _check(trial)
    methods = await anyio.to_thread.run_sync(load_methods, trial.directory, trial.candid)
    if trial.recording is not None:
        answerer: Replay | MockCanister = Replay(trial.recording, methods)
    else:
        answerer = MockCanister(trial.replies, trial.otherwise, methods)
    trace = Trace(answerer, trial.proxy, methods, watcher)
    component = await anyio.to_thread.run_sync(_component, trial)
    warnings = await anyio.to_thread.run_sync(_warnings, trial, component)
    for warning in warnings:
        watcher.on_warning(warning)
    try:
        request = await anyio.to_thread.run_sync(_request, trial, component)
    except PluginRefusedError as refusal:
        result = PluginResult(outcome="refused", error=refusal.summary, slug=refusal.slug, detail=refusal.detail, hint=refusal.hint)
    else:
        result = await _run(request, trace, trial.sections)
    report = replace(_report(component, result, trace), warnings=warnings)
    return _judge(report, answerer) if isinstance(answerer, Replay) else report


async def _run(request: PluginRequest, trace: Trace, sections: Mapping[str, bytes]) -> PluginResult:
    from orchestrator.sandbox.host import run_plugin

    async def read_section(asked: SectionRequest) -> bytes | None:
        await anyio.lowlevel.checkpoint()
        return sections.get(asked.name)

    try:
        with trace.scope:
            return await run_plugin(request, trace.answer, trace.take_line, on_phase=trace.on_phase, read_section=read_section)
        ended = trace.ended or Ended(outcome="trap", slug="plugin/ended", error="the run was ended")
    except SandboxError as error:  # the worker itself failed: what it had done until then is worth a report
        ended = Ended(outcome="trap", slug=error.slug, error=error.summary, detail=error.detail, hint=error.hint)
    except BaseExceptionGroup as group:
        raise _sole(group) from group
    return PluginResult(
        outcome=ended.outcome,
        error=ended.error,
        slug=ended.slug,
        detail=ended.detail,
        hint=ended.hint,
        stdout=tuple(line.text for line in trace.lines if line.stream == "stdout"),
        stderr=tuple(line.text for line in trace.lines if line.stream == "stderr"),
    )


def _sole(error: BaseException) -> BaseException:
    """Return what an author's function raised without the groups around it, if it is alone."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def read_component(directory: Path, path: Path) -> bytes:
    """Read a component's file, relative to `directory`; one that is too long is cut off just beyond the limit.

    Raises `UsageError`, which names the path as it was written.
    """
    from orchestrator.sandbox.component import MAX_COMPONENT_BYTES

    try:
        with (directory / path).open("rb") as file:
            return file.read(MAX_COMPONENT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the plugin `{path}` cannot be read",
            slug="usage/no-component",
            detail=error.strerror or str(error),
            hint="name the component file that the plugin's build makes",
        ) from error


def _check(trial: PluginTrial) -> None:
    principals = {"canister id": trial.canister_id, "identity": trial.identity_principal, "proxy": trial.proxy}
    principals |= {f"canister `{name}`": text for name, text in trial.canisters}
    for what, text in principals.items():
        if text is not None:
            try:
                Principal.from_text(text)
            except PrincipalError as error:
                raise UsageError(f"the {what} is not a principal", slug="usage/principal", detail=str(error)) from error


def _component(trial: PluginTrial) -> bytes:
    return trial.component if isinstance(trial.component, bytes) else read_component(trial.directory, trial.component)


def _request(trial: PluginTrial, component: bytes) -> PluginRequest:
    """Read what is declared, by the rules of a step; raises `PluginRefusedError`."""
    from orchestrator.sandbox.declared import read_file, resolve_directory

    has_names = names_entries(component)
    return PluginRequest(
        component=component,
        sha256=hashlib.sha256(component).hexdigest(),
        canister_id=trial.canister_id,
        environment=trial.environment,
        identity_principal=trial.identity_principal,
        cache_directory=trial.cache_directory or UserDirectories.from_environment(os.environ).components,
        proxy_canister_id=trial.proxy,
        directories=tuple(
            replace(resolve_directory(trial.directory, path), key=name) for name, path in split_entries(trial.dirs, has_names=has_names)
        ),
        files=tuple(replace(read_file(trial.directory, path), key=name) for name, path in split_entries(trial.files, has_names=has_names)),
        options=trial.options,
        fields=trial.fields,
        canister_ids=trial.canisters,
        canisters=tuple(name for name, _ in trial.canisters),
        limits=trial.limits,
    )


def _warnings(trial: PluginTrial, component: bytes) -> tuple[Diagnostic, ...]:
    """Say what is odd about what a plugin is given: folders that should not be read, options that it does not ask for."""
    from orchestrator.sandbox.component import inspect_component
    from orchestrator.sandbox.declared import resolve_directory
    from orchestrator.sandbox.interface import OPTIONS_IMPORT
    from orchestrator.sandbox.private_contents import find_private_contents

    warnings: list[Diagnostic] = []
    with contextlib.suppress(PluginRefusedError):  # the result says so
        for _, path in split_entries(trial.dirs, has_names=names_entries(component)):
            warnings += find_private_contents(resolve_directory(trial.directory, path))
        facts = inspect_component(component)
        if trial.options and facts.understood and OPTIONS_IMPORT not in facts.imports:
            warnings.append(
                Diagnostic(
                    slug="plugin/unread-options",
                    severity="warning",
                    summary=f"the plugin asks for no options: {', '.join(name for name, _ in trial.options)} will not be read",
                    hint="build it for the world `sync-plugin` of orchestrator:sync-plugin@0.1",
                )
            )
    return tuple(warnings)


def _report(component: bytes, result: PluginResult, trace: Trace) -> TrialReport:
    return TrialReport(
        component_sha256=hashlib.sha256(component).hexdigest(),
        result=result.outcome,
        error=result.error,
        stdout=result.stdout,
        stderr=result.stderr,
        calls=tuple(trace.calls),
        compute_seconds=result.compute_seconds,
        peak_memory_bytes=result.peak_memory_bytes,
        interface=interface_name(result.interface),
        slug=result.slug,
        detail=result.detail,
        hint=result.hint,
        limit=result.limit,
    )


def _judge(report: TrialReport, replay: Replay) -> TrialReport:
    """Add how far the recording was followed; calls that a plugin left out are a failure of a run that ended well."""
    missing = replay.missing() if report.result == "ok" else None
    report = replace(report, replay=replay.report())
    if missing is None:
        return report
    return replace(report, result=missing.outcome, error=missing.error, slug=missing.slug, detail=missing.detail, hint=missing.hint)
