"""Canister settings: from a request's optional fields to checked values, and back.

Source: the IC interface specification, sections "IC method create_canister" and "IC method update_settings".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, cast

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, Settings, Visibility
from orchestrator.replica.fees import frozen_cycles
from orchestrator.replica.management.context import Context, refuse
from orchestrator.replica.rejects import Reason, RejectedError, reject

__all__ = ["apply_settings", "check_allocations", "render_settings", "render_visibility"]

_NUMBERS = {
    "compute_allocation": (100, "ComputeAllocation expected to be in the range [0..100], got {}"),
    "memory_allocation": (2**64 - 1, "MemoryAllocation expected to be in the range [0..18446744073709551615], got {}"),
    "freezing_threshold": (2**64 - 1, "Freezing threshold expected to be in the range of [0..2^64-1], got {}"),
    "reserved_cycles_limit": (2**128 - 1, "Reserved cycles limit expected to be in the range of [0..2^128-1], got {}"),
    "minimum_incoming_canister_call_cycles": (
        2**128 - 1,
        "Minimum incoming canister call cycles expected to be in the range of [0..2^128-1], got {}",
    ),
    "wasm_memory_limit": (2**48, "Wasm memory limit expected to be in the range of [0..2^48], got {}"),
    "wasm_memory_threshold": (2**48, "Wasm memory threshold expected to be in the range of [0..2^48], got {}"),
    "log_memory_limit": (
        limits.MAX_LOG_MEMORY_BYTES,
        f"Log memory limit expected to be in the range of [0..{limits.MAX_LOG_MEMORY_BYTES}], got {{}}",
    ),
}
"""The largest allowed value of every setting that is a number, and what is said about a larger one."""
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


def check_allocations(context: Context, canister: Canister, before: Settings) -> None:
    """Raise `RejectedError` when new settings take more than the canister can pay, or less memory than it has already."""
    canister.forget_size()
    after, fees = canister.settings, context.environment.fees
    instance = canister.instance
    used = instance.memory_bytes if instance is not None else 0
    if after.wasm_memory_limit != before.wasm_memory_limit and 0 < after.wasm_memory_limit < used:
        raise _invalid(f"The Wasm memory limit of {after.wasm_memory_limit} bytes is below the {used} bytes in use")
    missing = 0 if canister.is_free else frozen_cycles(canister, fees) - canister.cycles
    if missing <= 0:
        return
    for reason, wanted, old in (
        (Reason.COMPUTE_CYCLES, after.compute_allocation, before.compute_allocation),
        (Reason.MEMORY_CYCLES, after.memory_allocation, before.memory_allocation),
    ):
        if wanted > old:
            raise RejectedError(reject(reason, wanted=wanted, missing=f"{missing:_}"))


def _invalid(message: str) -> RejectedError:
    """Make the error of a setting that no canister can have."""
    return RejectedError(reject(Reason.INVALID_SETTING, detail=message))


def _number(name: str, value: object) -> int:
    largest, text = _NUMBERS[name]
    if not isinstance(value, int) or not 0 <= value <= largest:
        raise _invalid(text.format(value))
    return value


def _controllers(controllers: Sequence[Principal]) -> tuple[bytes, ...]:
    if len(controllers) > limits.MAX_CONTROLLERS:
        raise refuse(
            f"Error decoding candid: The number of elements exceeds maximum allowed {limits.MAX_CONTROLLERS}: {len(controllers)} controllers"
        )
    return tuple(dict.fromkeys(principal.raw for principal in controllers))


def _visibility(name: str, value: Variant) -> Visibility:
    if value.label != "allowed_viewers":
        return Visibility(cast("Literal['controllers', 'public']", value.label))
    viewers = cast("Sequence[Principal]", value.value)
    if len(viewers) > limits.MAX_VIEWERS:
        raise refuse(
            f"Error decoding candid: The number of elements exceeds maximum allowed {limits.MAX_VIEWERS}: {len(viewers)} in {name}"
        )
    return Visibility("allowed_viewers", tuple(viewer.raw for viewer in viewers))


def _environment(variables: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    pairs = tuple((variable["name"], variable["value"]) for variable in variables)
    if len({name for name, _ in pairs}) != len(pairs):
        raise refuse("Duplicate environment variables are not allowed")
    if len(pairs) > limits.MAX_ENVIRONMENT_VARIABLES:
        raise refuse(f"Too many environment variables: {len(pairs)} (max: {limits.MAX_ENVIRONMENT_VARIABLES})")
    longest = limits.MAX_ENVIRONMENT_VARIABLE_BYTES
    for what, texts in (("name", [name for name, _ in pairs]), ("value", [value for _, value in pairs])):
        for text in texts:
            if len(text.encode()) > longest:
                raise refuse(f'Environment variable {what} "{text}" exceeds the maximum allowed length of {longest}.')
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
