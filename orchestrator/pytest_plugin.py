"""The pytest fixture `sync_plugin`: runs sync plugins in their sandbox, against a canister that is not there.

    def test_what_is_there_is_not_sent(sync_plugin):
        report = sync_plugin("plugin.wasm", dirs=["seed"], replies={"get": '("old")'})
        assert report.result == "ok", report.error
        assert [call.method for call in report.calls] == ["get"]

pytest loads this module in every session of an environment that has the package, so it imports nothing until it is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import pytest

if TYPE_CHECKING:
    from typing import TypedDict

    from orchestrator.engine.authoring.mock import Answer, Replies
    from orchestrator.sandbox.limits import Limits
    from orchestrator.sandbox.reports import TrialReport

    class Circumstances(TypedDict, total=False):
        """What a run may be given, by the names of `orchestrator.PluginTrial`; lists do as well as tuples."""

        directory: Path
        dirs: Sequence[str]
        files: Sequence[str]
        environment: str
        canister_id: str
        identity_principal: str
        proxy: str | None
        options: Mapping[str, str]
        fields: Mapping[str, str]
        canisters: Mapping[str, str]
        sections: Mapping[str, bytes]
        limits: Limits
        replies: Replies
        otherwise: Answer
        candid: str | Path
        cache_directory: Path


__all__ = ["SyncPlugin", "sync_plugin"]


class SyncPlugin:
    """Runs plugins, one at a time."""

    def __call__(
        self,
        component: str | Path | bytes,
        *,
        recording: str | Path | None = None,
        record: str | Path | None = None,
        **given: "Unpack[Circumstances]",
    ) -> "TrialReport":
        """Run a plugin to its end, and return what it did.

        `component` is the plugin's file, or its bytes. `given` has fields of `orchestrator.PluginTrial`, such as `dirs`
        and `replies`. Paths are relative to `directory`, by default the working directory. With a `recording` the answers
        come from that file, and what is not given is as recorded; `record` names a file that is written.
        """
        __tracebackhide__ = True
        from orchestrator.errors import OrchestratorError

        try:
            return self._run(component, recording, record, given)
        except OrchestratorError as error:  # a mistake of the test: where it was found says less than what to do about it
            for label, text in (("detail", error.detail), ("hint", error.hint)):
                if text is not None:
                    error.add_note(f"{label}: {text}")
            raise error.with_traceback(None) from None

    def _run(
        self, component: str | Path | bytes, recording: str | Path | None, record: str | Path | None, given: Mapping[str, Any]
    ) -> "TrialReport":
        import anyio

        from orchestrator.engine.authoring.recording import make_recording, replay_of
        from orchestrator.engine.authoring.recording_file import read_recording, write_recording
        from orchestrator.engine.authoring.running import run_plugin_alone
        from orchestrator.engine.authoring.trial import PluginTrial

        _check_not_async()
        fields = _fields(given)
        directory = fields.setdefault("directory", Path.cwd())
        trial = PluginTrial(component=component if isinstance(component, bytes) else Path(component))
        if recording is not None:
            trial = replay_of(trial, read_recording(directory, Path(recording)))
        trial = replace(trial, **fields)
        report = anyio.run(run_plugin_alone, trial)
        if record is not None:
            write_recording(directory / record, make_recording(trial, report))
        return report


def _check_not_async() -> None:
    from anyio import get_current_task

    from orchestrator.errors import UsageError

    try:
        get_current_task()
    except RuntimeError:  # nothing is running: as it should be
        return
    raise UsageError(
        "`sync_plugin` cannot be called from async code",
        slug="usage/async",
        hint="there, use `await orchestrator.run_plugin_alone(orchestrator.PluginTrial(…))`",
    )


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given in the types of the trial's fields."""
    fields = dict(given)
    for name in ("dirs", "files"):
        if name in fields:
            fields[name] = tuple(str(entry) for entry in fields[name])
    if "candid" in fields:
        fields["candid"] = Path(fields["candid"])
    for name in ("options", "fields", "canisters"):
        if name in fields:
            fields[name] = tuple(dict(fields[name]).items())
    return fields


@pytest.fixture
def sync_plugin() -> SyncPlugin:
    """Return what runs a sync plugin in its sandbox, against a canister that is not there."""
    return SyncPlugin()
