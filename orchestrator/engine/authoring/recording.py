"""Recordings of a plugin's run: a file that says what was given and what was asked and answered.

The format is documented in docs/reference/plugin-recordings.md. Bytes are lower-case hex, cycles a decimal string;
texts of arguments and replies are for readers and are not read back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from orchestrator.engine.authoring.trial import PluginTrial
from orchestrator.errors import UsageError
from orchestrator.sandbox.reports import TrialCall, TrialReport, message_text
from orchestrator.sandbox.request import CallType
from orchestrator.store.atomic import write_atomic

__all__ = [
    "RECORDING_SCHEMA",
    "RecordedCall",
    "Recording",
    "make_recording",
    "read_recording",
    "recording_to_json",
    "replay_of",
    "write_recording",
]

RECORDING_SCHEMA: Final = 1
MAX_RECORDING_BYTES: Final = 1 << 30
"""Bytes of a recording that is read."""
MAX_TEXT_CHARACTERS: Final = 10_000
"""Characters of an argument or reply as Candid text; longer ones are left out of the file."""
MAX_TEXT_BYTES: Final = 10_000
"""Bytes of a message that is shown as Candid text at all."""
MAX_CYCLES: Final = 2**64 - 1


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
    """What one run was given, what it asked, and what it was answered; `component_sha256` is lower-case hex."""

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


def recording_to_json(recording: Recording) -> dict[str, object]:
    """Return a recording as plain values."""
    return {
        "schema": RECORDING_SCHEMA,
        "component": {"sha256": recording.component_sha256, "interface": recording.interface},
        "input": {
            "environment": recording.environment,
            "canister_id": recording.canister_id,
            "identity_principal": recording.identity_principal,
            "proxy_canister_id": recording.proxy,
            "dirs": list(recording.dirs),
            "files": list(recording.files),
            "options": [list(option) for option in recording.options],
            "fields": [list(pair) for pair in recording.fields],
            "canisters": [list(pair) for pair in recording.canisters],
        },
        "calls": [_call_to_json(call) for call in recording.calls],
    }


def _call_to_json(call: RecordedCall) -> dict[str, object]:
    return {
        "method": call.method,
        "type": call.type,
        "direct": call.direct,
        "cycles": str(call.cycles),
        "batch": call.batch,
        "target": call.target,
        "arg_hex": call.arg.hex(),
        "arg_text": _short_text(call.arg),
        "result_hex": None if call.result is None else call.result.hex(),
        "result_text": None if call.result is None else _short_text(call.result),
        "error": call.error,
    }


def _short_text(data: bytes) -> str | None:
    text = message_text(data) if len(data) <= MAX_TEXT_BYTES else None
    return text if text is not None and len(text) <= MAX_TEXT_CHARACTERS else None


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording, whole or not at all; raises `StoreError`."""
    text = json.dumps(recording_to_json(recording), ensure_ascii=False, indent=2)
    write_atomic(path, f"{text}\n".encode("utf-8", "surrogatepass"))


def read_recording(directory: Path, path: Path) -> Recording:
    """Read a recording, relative to `directory`; raises `UsageError` that says what of it cannot be."""
    whole = directory / path
    try:
        if whole.stat().st_size > MAX_RECORDING_BYTES:
            raise _broken(path, f"it is longer than {MAX_RECORDING_BYTES >> 20} MiB")
        value = json.loads(whole.read_bytes())
    except OSError as error:
        raise UsageError(f"the recording `{path}` cannot be read", slug="usage/recording", detail=error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"it is not JSON: {error}") from error
    try:
        return _parse(_Fields(value, "the file"))
    except _MisfitError as error:
        raise _broken(path, str(error)) from error


def _broken(path: Path, why: str) -> UsageError:
    return UsageError(
        f"`{path}` is not a recording that can be replayed", slug="usage/recording", detail=why, hint="make a new one with `--record FILE`"
    )


class _MisfitError(Exception):
    """Raised with a sentence for what is not as the format says."""


class _Fields:
    """An object of the file, with its name for messages."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise _MisfitError(f"{name} is not an object")
        self._value: Mapping[str, object] = value
        self._name = name

    def any(self, key: str) -> object:
        if key not in self._value:
            raise _MisfitError(f"{self._name} has no `{key}`")
        return self._value[key]

    def text(self, key: str) -> str:
        value = self.any(key)
        if not isinstance(value, str):
            raise _MisfitError(f"`{key}` of {self._name} is not a text")
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self._value.get(key) is None else self.text(key)

    def flag(self, key: str) -> bool:
        value = self.any(key)
        if not isinstance(value, bool):
            raise _MisfitError(f"`{key}` of {self._name} is neither true nor false")
        return value

    def items(self, key: str) -> list[object]:
        value = self.any(key)
        if not isinstance(value, list):
            raise _MisfitError(f"`{key}` of {self._name} is not a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        if not all(isinstance(value, str) for value in values):
            raise _MisfitError(f"`{key}` of {self._name} has something else than texts")
        return tuple(str(value) for value in values)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return pairs of texts; none where the key is not there, as in files of before it was."""
        found = []
        for value in self.items(key) if key in self._value else ():
            pair = _Fields({key: value}, self._name).texts(key)
            if len(pair) != 2:
                raise _MisfitError(f"`{key}` of {self._name} has something else than pairs")
            found.append((pair[0], pair[1]))
        return tuple(found)

    def hex(self, key: str) -> bytes:
        try:
            return bytes.fromhex(self.text(key))
        except ValueError:
            raise _MisfitError(f"`{key}` of {self._name} is not hex") from None


def _parse(whole: _Fields) -> Recording:
    schema = whole.any("schema")
    if schema != RECORDING_SCHEMA:
        raise _MisfitError(f"its schema is {schema}, and this version reads {RECORDING_SCHEMA}")
    component, given = _Fields(whole.any("component"), "`component`"), _Fields(whole.any("input"), "`input`")
    return Recording(
        component_sha256=component.text("sha256"),
        interface=component.optional_text("interface"),
        environment=given.text("environment"),
        canister_id=given.text("canister_id"),
        identity_principal=given.text("identity_principal"),
        proxy=given.optional_text("proxy_canister_id"),
        dirs=given.texts("dirs"),
        files=given.texts("files"),
        options=given.pairs("options"),
        fields=given.pairs("fields"),
        canisters=given.pairs("canisters"),
        calls=tuple(_parse_call(_Fields(value, f"call {number}")) for number, value in enumerate(whole.items("calls"), start=1)),
    )


def _parse_call(fields: _Fields) -> RecordedCall:
    kind, cycles, batch = fields.text("type"), fields.text("cycles"), fields.any("batch")
    if kind not in {"update", "query"}:
        raise _MisfitError(f"a call is an update or a query, not `{kind[:40]}`")
    if not (cycles.isascii() and cycles.isdigit() and len(cycles) <= 20 and int(cycles) <= MAX_CYCLES):
        raise _MisfitError("the cycles of a call are a decimal text below 2^64")
    if batch is not None and (not isinstance(batch, int) or isinstance(batch, bool)):
        raise _MisfitError("the batch of a call is a number or null")
    result = None if fields.any("result_hex") is None else fields.hex("result_hex")
    error = fields.optional_text("error")
    if (result is None) == (error is None):
        raise _MisfitError("a call has either a result or an error")
    return RecordedCall(
        method=fields.text("method"),
        type="query" if kind == "query" else "update",
        direct=fields.flag("direct"),
        cycles=int(cycles),
        arg=fields.hex("arg_hex"),
        result=result,
        error=error,
        batch=batch,
        target=fields.optional_text("target"),
    )
