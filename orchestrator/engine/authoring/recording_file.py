"""The file of a recording.

The format is documented in docs/reference/plugin-recordings.md. Bytes are lower-case hex, cycles a decimal string;
texts of arguments and replies are for readers and are not read back.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from orchestrator.engine.authoring.recording import RecordedCall, Recording
from orchestrator.errors import UsageError
from orchestrator.sandbox.reports import TrialSection, message_text
from orchestrator.store.atomic import write_atomic_parts

__all__ = ["MAX_RECORDING_BYTES", "RECORDING_SCHEMA", "read_recording", "recording_parts", "write_recording"]

RECORDING_SCHEMA: Final = 1
MAX_RECORDING_BYTES: Final = 640 << 20
"""Bytes of a recording that is read; the longest that is written has twice what a run alone keeps."""
MAX_TEXT_CHARACTERS: Final = 10_000
"""Characters of an argument or reply as Candid text; longer ones are left out of the file."""
MAX_TEXT_BYTES: Final = 10_000
"""Bytes of a message that is shown as Candid text at all."""
MAX_CYCLES: Final = 2**64 - 1


def recording_parts(recording: Recording) -> Iterator[str]:
    """Yield the text of a recording in parts, none of which has more than one call: all of them together may be large."""
    head = {
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
    }
    yield _dumped(head).removesuffix("\n}")
    yield ',\n  "calls": ['
    yield from _items(_call_to_json(call) for call in recording.calls)
    yield ',\n  "sections": ['
    yield from _items(_section_to_json(section) for section in recording.sections)
    yield "\n}\n"


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _items(values: Iterable[object]) -> Iterator[str]:
    """Yield the items of a list in the file's indentation, and its end."""
    end = "]"
    separator = "\n    "
    for value in values:
        yield separator + _dumped(value).replace("\n", "\n    ")
        separator = ",\n    "
        end = "\n  ]"
    yield end


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


def _section_to_json(section: TrialSection) -> dict[str, object]:
    return {
        "name": section.name,
        "target": section.target,
        "direct": section.direct,
        "result_hex": None if section.result is None else section.result.hex(),
        "error": section.error,
    }


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording, whole or not at all; raises `StoreError`."""
    write_atomic_parts(path, (part.encode("utf-8", "surrogatepass") for part in recording_parts(recording)))


def read_recording(directory: Path, path: Path) -> Recording:
    """Read a recording, relative to `directory`; raises `UsageError` that says what of it cannot be."""
    try:
        with (directory / path).open("rb") as file:
            data = file.read(MAX_RECORDING_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the recording `{path}` cannot be read", slug="usage/recording", detail=error.strerror or str(error)) from error
    if len(data) > MAX_RECORDING_BYTES:
        raise _broken(path, f"it is longer than {MAX_RECORDING_BYTES >> 20} MiB")
    try:
        text = data.decode("utf-8", "surrogatepass")
        del data  # a recording may be large: no two forms of it longer than needed
        value = json.loads(text)
        del text
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

    def later(self, key: str) -> list[object]:
        """Return a list that files of before it was do not have."""
        return self.items(key) if key in self._value else []

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        if not all(isinstance(value, str) for value in values):
            raise _MisfitError(f"`{key}` of {self._name} has something else than texts")
        return tuple(str(value) for value in values)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return pairs of texts."""
        found = []
        for value in self.later(key):
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
        raise _MisfitError(f"its schema is {str(schema)[:40]}, and this version reads {RECORDING_SCHEMA}")
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
        sections=tuple(
            _parse_section(_Fields(value, f"section {number}")) for number, value in enumerate(whole.later("sections"), start=1)
        ),
    )


def _parse_section(fields: _Fields) -> TrialSection:
    return TrialSection(
        name=fields.text("name"),
        target=fields.optional_text("target"),
        direct=fields.flag("direct"),
        result=None if fields.any("result_hex") is None else fields.hex("result_hex"),
        error=fields.optional_text("error"),
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
