"""Running a plugin alone: in the real sandbox, against a canister that is not there, without a network.

report = await run_plugin_alone(PluginTrial(component=Path("plugin.wasm"), dirs=("seed",)))
assert report.result == "ok", report.error
assert [call.method for call in report.calls] == ["put", "put"]
"""

import hashlib
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.engine.authoring.entries import load_entries, load_named_entries
from orchestrator.engine.authoring.methods import check_replies, load_methods
from orchestrator.engine.authoring.mock import MockCanister
from orchestrator.engine.authoring.replay import Replay
from orchestrator.engine.authoring.trace import Ended, Trace, Watcher
from orchestrator.engine.authoring.trial import PluginTrial
from orchestrator.errors import Diagnostic, PluginRefusedError, SandboxError, UsageError
from orchestrator.sandbox.reports import TrialReport, interface_name
from orchestrator.sandbox.request import PluginRequest, PluginResult
from orchestrator.store.user import UserDirectories

if TYPE_CHECKING:
    from orchestrator.sandbox.component import ComponentFacts

__all__ = ["read_component", "run_plugin_alone"]

_SILENT = Watcher()
_OR_LEAVE_OUT = ", or leave it out; the path is relative to the directory that the plugin is run from"


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
        answerer = MockCanister(trial.replies, trial.otherwise, methods, trial.sections)
        check_replies(trial.replies, methods, trial.candid, others=bool(trial.canisters))
    trace = Trace(answerer, trial.proxy, methods, watcher)
    component = await anyio.to_thread.run_sync(_component, trial)
    facts = await anyio.to_thread.run_sync(_facts, component)
    warnings = _unread_options(trial, facts)
    request = result = None
    try:
        request = await anyio.to_thread.run_sync(_request, trial, component, facts)
        warnings = (*await anyio.to_thread.run_sync(_private_contents, request), *warnings)
    except PluginRefusedError as refusal:
        result = PluginResult(outcome="refused", error=refusal.summary, slug=refusal.slug, detail=refusal.detail, hint=_hint_alone(refusal))
    for warning in warnings:
        watcher.on_warning(warning)
    if request is not None:
        result = await _run(request, trace)
    assert result is not None  # noqa: S101  # what is not run was refused
    result = replace(result, interface=result.interface or facts.interface)
    asked = {call.method for call in trace.calls}
    unasked = () if request is None else tuple(method for method in trial.replies if method not in asked)
    report = replace(_report(component, result, trace), warnings=warnings, unasked=unasked)
    return _judge(report, answerer) if isinstance(answerer, Replay) else report


def _hint_alone(refusal: PluginRefusedError) -> str | None:
    """Return the hint of a refusal, which speaks of a step, for a run that has none."""
    if refusal.slug in {"plugin/dir-missing", "plugin/file-missing"} and refusal.hint is not None:
        return refusal.hint.replace(" (a build step may have to run first), or remove it from the step's `dirs`", _OR_LEAVE_OUT).replace(
            " (a build step may have to run first), or remove it from the step's `files`", _OR_LEAVE_OUT
        )
    return refusal.hint


async def _run(request: PluginRequest, trace: Trace) -> PluginResult:
    from orchestrator.sandbox.host import run_plugin

    try:
        with trace.scope:
            return await run_plugin(
                request,
                trace.answer,
                trace.take_line,
                on_phase=trace.on_phase,
                read_section=trace.read_section,
                on_usage=trace.take_usage,
            )
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
        compute_seconds=trace.compute_seconds,
        peak_memory_bytes=trace.peak_memory_bytes,
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
    if find_spec("wasmtime") is None:
        raise UsageError(
            "plugins cannot be run: the package `wasmtime` is not installed",
            slug="usage/no-wasmtime",
            hint="install the orchestrator anew: it comes with it",
        )
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


def _facts(component: bytes) -> "ComponentFacts":
    from orchestrator.sandbox.component import ComponentFacts, inspect_component

    try:
        return inspect_component(component)
    except PluginRefusedError:  # the run will say so
        return ComponentFacts(understood=False)


def _request(trial: PluginTrial, component: bytes, facts: "ComponentFacts") -> PluginRequest:
    """Read what is declared, by the rules of a step; raises `PluginRefusedError`."""
    from orchestrator.sandbox.interface import minor_version

    has_names = facts.interface is not None and minor_version(facts.interface) == "0.2"
    load = load_named_entries if has_names else load_entries
    directories, files = load(trial.directory, trial.dirs, trial.files)
    return PluginRequest(
        component=component,
        sha256=hashlib.sha256(component).hexdigest(),
        canister_id=trial.canister_id,
        environment=trial.environment,
        identity_principal=trial.identity_principal,
        cache_directory=trial.cache_directory or UserDirectories.from_environment(os.environ).components,
        proxy_canister_id=trial.proxy,
        directories=directories,
        files=files,
        options=trial.options,
        fields=trial.fields,
        canister_ids=trial.canisters,
        canisters=tuple(name for name, _ in trial.canisters),
        limits=trial.limits,
    )


def _private_contents(request: PluginRequest) -> tuple[Diagnostic, ...]:
    """Tell of folders that a plugin should not read."""
    from orchestrator.sandbox.private_contents import find_private_contents

    return tuple(each for directory in request.directories for each in find_private_contents(directory))


def _unread_options(trial: PluginTrial, facts: "ComponentFacts") -> tuple[Diagnostic, ...]:
    """Tell of options that a plugin does not ask for."""
    from orchestrator.sandbox.interface import OPTIONS_IMPORT

    if not trial.options or not facts.understood or OPTIONS_IMPORT in facts.imports:
        return ()
    unread = Diagnostic(
        slug="plugin/unread-options",
        severity="warning",
        summary=f"the plugin asks for no options: {', '.join(name for name, _ in trial.options)} will not be read",
        hint="build it for the world `sync-plugin` of orchestrator:sync-plugin@0.1",
    )
    return (unread,)


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
        sections=tuple(trace.sections),
    )


def _judge(report: TrialReport, replay: Replay) -> TrialReport:
    """Add how far the recording was followed; calls that a plugin left out are a failure of a run that ended well."""
    missing = replay.missing() if report.result == "ok" else None
    report = replace(report, replay=replay.report())
    if missing is None:
        return report
    return replace(report, result=missing.outcome, error=missing.error, slug=missing.slug, detail=missing.detail, hint=missing.hint)
