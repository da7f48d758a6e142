"""Recordings of a plugin's run: what was given, and what was asked and answered. `recording_file` keeps them."""

from dataclasses import dataclass, replace

from orchestrator.engine.authoring.trial import PluginTrial
from orchestrator.sandbox.reports import TrialCall, TrialReport, TrialSection
from orchestrator.sandbox.request import CallType

__all__ = ["RecordedCall", "Recording", "make_recording", "replay_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call and its answer: `result` is the reply, `error` why there was none. `batch` numbers the batch it was made in."""

    method: str
    type: CallType
    direct: bool
    cycles: int
    arg: bytes
    result: bytes | None
    error: str | None
    batch: int | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What one run was given, what it asked, and what it was answered; `sections` are those that it read, `component_sha256` is lower-case hex."""

    component_sha256: str
    interface: str | None
    environment: str
    canister_id: str
    identity_principal: str
    proxy: str | None
    dirs: tuple[str, ...]
    files: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...]
    canisters: tuple[tuple[str, str], ...]
    calls: tuple[RecordedCall, ...]
    sections: tuple[TrialSection, ...] = ()


def make_recording(trial: PluginTrial, report: TrialReport) -> Recording:
    """Return what a run is recorded as; a call that was left without an answer is left out."""
    return Recording(
        component_sha256=report.component_sha256,
        interface=report.interface,
        environment=trial.environment,
        canister_id=trial.canister_id,
        identity_principal=trial.identity_principal,
        proxy=trial.proxy,
        dirs=trial.dirs,
        files=trial.files,
        options=trial.options,
        fields=trial.fields,
        canisters=trial.canisters,
        calls=tuple(_recorded(call) for call in report.calls if call.result is not None or call.error is not None),
        sections=report.sections,
    )


def replay_of(trial: PluginTrial, recording: Recording) -> PluginTrial:
    """Return the trial with a recording's answers, and with all that the plugin was given when it was made."""
    return replace(
        trial,
        environment=recording.environment,
        canister_id=recording.canister_id,
        identity_principal=recording.identity_principal,
        proxy=recording.proxy,
        dirs=recording.dirs,
        files=recording.files,
        options=recording.options,
        fields=recording.fields,
        canisters=recording.canisters,
        recording=recording,
    )


def _recorded(call: TrialCall) -> RecordedCall:
    return RecordedCall(
        method=call.method,
        type=call.type,
        direct=call.direct,
        cycles=call.cycles,
        arg=call.arg,
        result=call.result,
        error=call.error,
        batch=call.batch,
        target=call.target,
    )
