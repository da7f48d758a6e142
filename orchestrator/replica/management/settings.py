"""Canister settings: from a request's optional fields to checked values, and back.

Source: the IC interface specification, sections "IC method create_canister" and "IC method update_settings".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, cast

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.canister import Settings, Visibility
from orchestrator.replica.management.context import refuse

__all__ = ["apply_settings", "render_settings", "render_visibility"]

_NUMBERS = {
    "compute_allocation": 100,
    "memory_allocation": 2**64 - 1,
    "freezing_threshold": 2**64 - 1,
    "reserved_cycles_limit": 2**128 - 1,
    "minimum_incoming_canister_call_cycles": 2**128 - 1,
    "wasm_memory_limit": 2**48,
    "wasm_memory_threshold": 2**48,
    "log_memory_limit": limits.MAX_LOG_MEMORY_BYTES,
}
"""The largest allowed value of every setting that is a number."""
_VISIBILITIES = ("log_visibility", "snapshot_visibility", "status_visibility")


def apply_settings(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Return the settings with every given change; raises `RejectedError` for a value that is not allowed."""
    given = {name: value for name, value in changes.items() if value is not None}
    updates: dict[str, object] = {}
    for name, value in given.items():
        if name in _NUMBERS:
            updates[name] = _number(name, value)
        elif name in _VISIBILITIES:
            updates[name] = _visibility(name, cast("Variant", value))
    if "controllers" in given:
        updates["controllers"] = _controllers(cast("Sequence[Principal]", given["controllers"]))
    if "environment_variables" in given:
        updates["environment_variables"] = _environment(cast("Sequence[Mapping[str, str]]", given["environment_variables"]))
    return replace(settings, **updates)  # type: ignore[arg-type]  # names and types were matched above


def _number(name: str, value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _NUMBERS[name]:
        raise refuse(f"{name} must be between 0 and {_NUMBERS[name]}, and is {value}")
    return value


def _controllers(controllers: Sequence[Principal]) -> tuple[bytes, ...]:
    distinct = tuple(dict.fromkeys(principal.raw for principal in controllers))
    if len(controllers) > limits.MAX_CONTROLLERS:
        raise refuse(f"a canister has at most {limits.MAX_CONTROLLERS} controllers, not {len(controllers)}")
    return distinct


def _visibility(name: str, value: Variant) -> Visibility:
    if value.label != "allowed_viewers":
        return Visibility(cast("Literal['controllers', 'public']", value.label))
    viewers = cast("Sequence[Principal]", value.value)
    if len(viewers) > limits.MAX_VIEWERS:
        raise refuse(f"{name} names at most {limits.MAX_VIEWERS} viewers, not {len(viewers)}")
    return Visibility("allowed_viewers", tuple(viewer.raw for viewer in viewers))


def _environment(variables: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    pairs = tuple((variable["name"], variable["value"]) for variable in variables)
    if len(pairs) > limits.MAX_ENVIRONMENT_VARIABLES:
        raise refuse(f"a canister has at most {limits.MAX_ENVIRONMENT_VARIABLES} environment variables, not {len(pairs)}")
    if len({name for name, _ in pairs}) != len(pairs):
        raise refuse("the names of environment variables must differ")
    for name, value in pairs:
        if max(len(name.encode()), len(value.encode())) > limits.MAX_ENVIRONMENT_VARIABLE_BYTES:
            raise refuse(
                f"an environment variable's name and value have at most {limits.MAX_ENVIRONMENT_VARIABLE_BYTES} bytes each: `{name}`"
            )
    return pairs


def render_settings(settings: Settings) -> dict[str, object]:
    """Return the settings as `canister_status` reports them."""
    return {
        "controllers": [Principal(raw) for raw in settings.controllers],
        "environment_variables": [{"name": name, "value": value} for name, value in settings.environment_variables],
        **{name: render_visibility(getattr(settings, name)) for name in _VISIBILITIES},
        **{name: getattr(settings, name) for name in _NUMBERS},
    }


def render_visibility(visibility: Visibility) -> Variant:
    """Return a visibility as a Candid variant."""
    viewers = [Principal(raw) for raw in visibility.viewers]
    return Variant(visibility.kind, viewers if visibility.kind == "allowed_viewers" else None)
