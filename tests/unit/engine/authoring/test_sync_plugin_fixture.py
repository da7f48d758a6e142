"""The fixture `sync_plugin` and the function behind it, as authors use them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

import orchestrator
from orchestrator.candid import parse_arguments
from orchestrator.engine.authoring.recording import make_recording
from orchestrator.engine.authoring.recording_file import write_recording
from orchestrator.engine.authoring.trial import PluginTrial
from orchestrator.errors import UsageError
from orchestrator.pytest_plugin import SyncPlugin
from orchestrator.sandbox.reports import TrialCall, TrialReport, TrialSection
from orchestrator.sandbox.request import CanisterCallRequest
from tests.support.components import (
    BatchCall,
    component_that_calls,
    component_that_fails,
    component_that_prints,
    component_that_reports_batch,
    component_that_reports_options,
    component_that_returns_reply,
    component_that_touches,
)
from tests.support.precompiled import precompile
from tests.support.second_plugins import plugin_that_reads

GREETING = parse_arguments('("hi")', None)
NOTHING_DONE = TrialReport(
    component_sha256="", result="ok", error=None, stdout=(), stderr=(), calls=(), compute_seconds=0.0, peak_memory_bytes=0, interface=None
)


class Prepared(SyncPlugin):
    """The fixture's function; what it runs was compiled without a process."""

    def __call__(self, component: str | Path | bytes, **given: Any) -> TrialReport:
        """Compile and run a plugin."""
        if isinstance(component, bytes) and "cache_directory" in given:
            precompile(component, given["cache_directory"])
        return super().__call__(component, **given)


@pytest.fixture
def sync_plugin() -> SyncPlugin:
    """Return what stands for the fixture of the same name, which other tests here have in a session of its own."""
    return Prepared()


def test_a_run_is_reported(sync_plugin: SyncPlugin, component_cache: Path) -> None:
    """The report has the result, the calls with texts, and what was answered."""
    report = sync_plugin(component_that_calls("put", GREETING, times=2), replies={"put": "(1 : nat)"}, cache_directory=component_cache)

    assert (report.result, report.error, len(report.calls)) == ("ok", None, 2)
    assert (report.calls[0].method, report.calls[0].arg_text, report.calls[0].result_text) == ("put", '("hi")', "(1 : nat)")
    assert report.failure() is None


def test_a_file_is_found_below_the_directory(sync_plugin: SyncPlugin, component_cache: Path, tmp_path: Path) -> None:
    """Paths are relative to `directory`, the component's too, and lists do."""
    (tmp_path / "x.wasm").write_bytes(component_that_prints(stdout=b"hello"))
    (tmp_path / "seed").mkdir()

    report = sync_plugin("x.wasm", directory=tmp_path, dirs=["seed"], cache_directory=component_cache)

    assert (report.result, report.stdout, report.stderr) == ("ok", ("hello",), ())


def test_a_model_answers(sync_plugin: SyncPlugin, component_cache: Path) -> None:
    """A function is given the call, and gives bytes, text or a failure; it may be async."""
    seen: list[CanisterCallRequest] = []

    def at_once(request: CanisterCallRequest) -> str:
        seen.append(request)
        return '("modelled")'

    async def later(_request: CanisterCallRequest) -> orchestrator.CallFailure:
        await anyio.lowlevel.checkpoint()
        return orchestrator.CallFailure("not today")

    first = sync_plugin(component_that_returns_reply("get"), replies={"get": at_once}, cache_directory=component_cache)
    second = sync_plugin(component_that_returns_reply("get"), replies={"get": later}, cache_directory=component_cache)

    assert first.calls[0].result == parse_arguments('("modelled")', None)
    assert [call.method for call in seen] == ["get"]
    assert (second.error, second.calls[0].error) == ("not today", "not today")


def test_what_a_model_raises_reaches_the_test(sync_plugin: SyncPlugin, component_cache: Path) -> None:
    """An assertion in a model fails the test as itself, even from a batch."""

    def refuse(request: CanisterCallRequest) -> bytes:
        raise AssertionError(request.method)

    with pytest.raises(AssertionError, match="many"):
        sync_plugin(component_that_reports_batch([BatchCall(method=b"many")]), otherwise=refuse, cache_directory=component_cache)


def test_a_model_that_answers_nonsense_is_named(sync_plugin: SyncPlugin, component_cache: Path) -> None:
    """What is neither bytes nor text nor a failure is a mistake of the test, and says of which method."""
    with pytest.raises(TypeError, match="a model of `get` answered with NoneType"):
        sync_plugin(
            component_that_returns_reply("get"),
            replies={"get": lambda _request: None},  # type: ignore[dict-item, return-value]  # the mistake
            cache_directory=component_cache,
        )


def test_options_arrive(sync_plugin: SyncPlugin, component_cache: Path) -> None:
    """A plugin that asks for options is given them."""
    asked = sync_plugin(component_that_reports_options(), options={"colour": "red"}, cache_directory=component_cache)

    assert [(call.method, call.arg) for call in asked.calls] == [("colour", b"red")]
    assert asked.warnings == ()


def test_sections_are_read_and_recorded(sync_plugin: SyncPlugin, component_cache: Path, tmp_path: Path) -> None:
    """A plugin of 0.2 reads the sections that the test gives; the report has them, and a replay gives them again."""
    plugin = plugin_that_reads("name")
    first = sync_plugin(plugin, sections={"name": b"value"}, record="r.json", directory=tmp_path, cache_directory=component_cache)
    again = sync_plugin(plugin, recording="r.json", directory=tmp_path, cache_directory=component_cache)

    assert (first.error, first.sections) == ("value", (TrialSection(name="name", direct=True, result=b"value"),))
    assert (again.error, again.sections) == ("value", first.sections)


def test_a_run_that_is_ended_tells_what_it_took(sync_plugin: SyncPlugin, component_cache: Path, tmp_path: Path) -> None:
    """At a call that is not the recorded one the run is ended; its computing and its memory until then are in the report."""
    write_recording(tmp_path / "r.json", make_recording(PluginTrial(component=b""), NOTHING_DONE))

    ended = sync_plugin(component_that_touches(16, method="put"), recording="r.json", directory=tmp_path, cache_directory=component_cache)

    assert (ended.slug, ended.interface) == ("plugin/replay", "icp:sync-plugin@0.1.0")
    assert ended.compute_seconds > 0
    assert 16 << 20 <= ended.peak_memory_bytes < 40 << 20


def test_a_call_with_a_long_argument_is_short_to_print() -> None:
    """What a failed assertion prints of a report has no megabytes."""
    call = TrialCall(method="put", type="update", direct=False, cycles=0, via_proxy=False, arg=bytes(100_000), result=b"r")
    text = repr(replace(NOTHING_DONE, calls=(call,)))

    assert len(text) < 2_000
    assert "… (100000 bytes), result=b'r')" in text


def test_a_recording_is_written_and_followed(sync_plugin: SyncPlugin, component_cache: Path, tmp_path: Path) -> None:
    """What was recorded is answered again, with the recorded circumstances."""
    first = sync_plugin(
        component_that_calls("put", GREETING, times=2),
        replies={"put": ["(1 : nat)", "(2 : nat)"]},
        record="r.json",
        directory=tmp_path,
        environment="staging",
        cache_directory=component_cache,
    )
    again = sync_plugin(
        component_that_calls("put", GREETING, times=2), recording="r.json", directory=tmp_path, cache_directory=component_cache
    )

    assert again.calls == first.calls
    assert again.replay is not None
    assert (again.replay.recorded, again.replay.answered, again.replay.difference) == (2, 2, None)


def test_a_wrong_trial_is_refused(sync_plugin: SyncPlugin) -> None:
    """A reply that is not Candid, an empty list and a name that is no principal are mistakes of the test."""
    mistakes: tuple[dict[str, Any], ...] = ({"replies": {"m": "(1"}}, {"replies": {"m": []}}, {"canister_id": "backend"})
    for wrong in mistakes:
        with pytest.raises(UsageError):
            sync_plugin(component_that_fails(), **wrong)


def test_async_code_is_told_what_to_use(sync_plugin: SyncPlugin) -> None:
    """In a test that is async itself the fixture cannot run, and says what can."""

    async def main() -> None:
        with pytest.raises(UsageError, match="`sync_plugin` cannot be called from async code") as caught:
            sync_plugin(component_that_fails())
        assert "await orchestrator.run_plugin_alone" in str(caught.value.hint)

    anyio.run(main)


def test_a_missing_engine_is_told(sync_plugin: SyncPlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without wasmtime there is an error in words."""
    monkeypatch.setitem(sys.modules, "wasmtime", None)

    with pytest.raises(UsageError, match="the package `wasmtime` is not installed"):
        sync_plugin(component_that_fails())


def test_the_function_is_public(component_cache: Path) -> None:
    """`orchestrator.run_plugin_alone` runs a trial from async code."""
    trial = orchestrator.PluginTrial(component=component_that_fails("no"), cache_directory=component_cache)
    report = anyio.run(orchestrator.run_plugin_alone, trial)

    assert isinstance(report, orchestrator.TrialReport)
    assert (report.result, report.error, str(report.failure())) == ("err", "no", "plugin returned error: no")


def test_the_fixture_is_there_and_loads_nothing(tmp_path: Path) -> None:
    """Any session has the fixture, and one that does not use it imports nothing of it."""
    heavy = "{'anyio', 'wasmtime', 'httpx', 'orchestrator.engine', 'orchestrator.sandbox'}"
    (tmp_path / "test_it.py").write_text(f"import sys\ndef test_it(sync_plugin):\n    assert not {heavy} & set(sys.modules)\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", "-p", "no:hypothesispytest", "-W", "error", "--basetemp", tmp_path / "t"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.stdout.startswith("."), done.stdout
    assert done.returncode == 0


def test_a_mistake_of_the_test_is_told_with_its_hint(sync_plugin: SyncPlugin, tmp_path: Path) -> None:
    """A wrong path is told with what to do about it, and without the way through the tool."""
    with pytest.raises(UsageError, match="cannot be read") as caught:
        sync_plugin("missing.wasm", directory=tmp_path)

    assert any(note.startswith("hint: name the component file") for note in caught.value.__notes__)
    assert len(caught.traceback) <= 3
