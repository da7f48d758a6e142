"""Canisters and their answers as text, in icp-cli's layout, and as JSON; every nat is a decimal string there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.observed import CanisterState, ObservedSettings
from orchestrator.core.principal import Principal
from orchestrator.core.project import Visibility
from orchestrator.core.settings import AMOUNTS, VISIBILITIES
from orchestrator.ui.style import harmless

__all__ = [
    "CANISTER_SCHEMA",
    "CanisterReport",
    "answer_to_json",
    "canister_to_json",
    "canisters_to_json",
    "render_answer",
    "render_canister",
]

CANISTER_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterReport:
    """A canister that exists: `name` is the project's, if it has one; `module_hash` lower-case hex; memory in bytes."""

    name: str | None
    id: Principal
    state: CanisterState
    settings: ObservedSettings
    module_hash: str | None
    cycles: int
    memory_bytes: int


def render_canister(report: CanisterReport) -> str:
    """Return a canister's status report, without a final line end; what the network does not say is left out."""
    lines = [f"Canister Id: {report.id}"]
    if report.name is not None:
        lines.append(f"Canister Name: {harmless(report.name)}")
    lines += ["Canister Status Report:", *(f"  {line}" for line in _facts(report))]
    return "\n".join(lines)


def canister_to_json(report: CanisterReport) -> dict[str, object]:
    """Return a canister's status as plain values; `module_hash` is lower-case hex or null."""
    return {
        "schema": CANISTER_SCHEMA,
        "name": report.name,
        "id": str(report.id),
        "status": report.state,
        "module_hash": report.module_hash,
        "controllers": _controllers(report.settings),
        "cycles": str(report.cycles),
        "settings": _settings_to_json(report.settings),
        "memory_size": str(report.memory_bytes),
    }


def canisters_to_json(environment: str, names: Sequence[str]) -> dict[str, object]:
    """Return the names of an environment's canisters as plain values."""
    return {"schema": CANISTER_SCHEMA, "environment": environment, "canisters": list(names)}


def render_answer(reply: bytes, candid: str | None, output: str) -> str:
    """Return a reply as `candid` text, as `text`, as `hex`, or (`auto`) as Candid where it is, else as hex."""
    match output:
        case "hex":
            return reply.hex()
        case "text":
            return harmless_lines(reply.decode("utf-8", "replace"))
        case _:
            return candid if candid is not None else reply.hex()


def answer_to_json(reply: bytes, candid: str | None) -> dict[str, object]:
    """Return a reply as plain values: bytes as hex, text where the bytes are UTF-8, Candid where they are Candid."""
    try:
        text: str | None = reply.decode()
    except UnicodeDecodeError:
        text = None
    return {
        "schema": CANISTER_SCHEMA,
        "response_bytes": reply.hex(),
        "response_text": text,
        "response_candid": candid,
    }


def harmless_lines(text: str) -> str:
    """Return text whose lines stay lines and whose other control characters are spelled out."""
    return "\n".join(harmless(line) for line in text.splitlines())


def _facts(report: CanisterReport) -> Iterator[str]:
    settings = report.settings
    yield f"Status: {report.state.capitalize()}"
    yield f"Controllers: {', '.join(_controllers(settings))}"
    for name in AMOUNTS:
        amount: int | None = getattr(settings, name)
        if amount is not None:
            yield f"{name.replace('_', ' ').capitalize()}: {amount:_}"
    variables = settings.environment_variables
    yield "Environment Variables:" if variables else "Environment Variables: N/A"
    for name, value in variables.items():
        yield f"  Name: {harmless(name)}, Value: {harmless(value)}"
    for name in VISIBILITIES:
        if (visibility := getattr(settings, name)) is not None:
            yield f"{name.replace('_', ' ').capitalize()}: {_visibility(visibility)}"
    yield f"Module hash: {'0x' + report.module_hash if report.module_hash else '<none>'}"
    yield f"Memory size: {report.memory_bytes:_}"
    yield f"Cycles: {report.cycles:_}"


def _settings_to_json(settings: ObservedSettings) -> dict[str, object]:
    amounts = {name: getattr(settings, name) for name in AMOUNTS}
    return {
        "controllers": _controllers(settings),
        **{name: None if amount is None else str(amount) for name, amount in amounts.items()},
        **{name: _visibility_to_json(getattr(settings, name)) for name in VISIBILITIES},
        "environment_variables": dict(settings.environment_variables),
    }


def _controllers(settings: ObservedSettings) -> list[str]:
    return sorted(str(controller) for controller in settings.controllers)


def _visibility_to_json(visibility: Visibility | None) -> list[str] | str | None:
    return [str(viewer) for viewer in visibility] if isinstance(visibility, tuple) else visibility


def _visibility(visibility: Visibility) -> str:
    if isinstance(visibility, tuple):
        return f"Allowed viewers: {', '.join(str(viewer) for viewer in visibility)}"
    return visibility.capitalize()
