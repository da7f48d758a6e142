"""Canister settings: the grammars of their values."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from orchestrator.core.principal import Principal, PrincipalError, is_principal
from orchestrator.core.project import Settings, Visibility
from orchestrator.core.units import parse_cycles, parse_duration, parse_memory
from orchestrator.documents import MappingNode, Node, SequenceNode
from orchestrator.manifest.arguments import read_variables
from orchestrator.manifest.fields import (
    check_keys,
    read_amount,
    read_choice,
    read_flag,
    read_integer,
    read_items,
    read_mapping,
    read_text,
    read_texts,
    wrong_type,
)
from orchestrator.manifest.problems import Problems

__all__ = ["SETTING_KEYS", "merge_settings", "read_settings"]

SETTING_KEYS = (
    "compute_allocation",
    "controllers",
    "controllers_exact",
    "environment_variables",
    "freezing_threshold",
    "log_memory_limit",
    "log_visibility",
    "memory_allocation",
    "reserved_cycles_limit",
    "snapshot_visibility",
    "status_visibility",
    "wasm_memory_limit",
    "wasm_memory_threshold",
)
_MAX_COMPUTE_PERCENT = 100
"""What a network accepts as `compute_allocation`."""
_VISIBILITIES: tuple[Literal["controllers", "public"], ...] = ("controllers", "public")


def read_settings(node: Node | None, directory: Path, problems: Problems, *, below: Settings | None = None) -> Settings:
    """Read a `settings` map; files of variables are looked for in `directory`.

    `below` are settings that these are going to be merged over: what one key needs of another may stand there.
    """
    mapping = read_mapping(node, "`settings`", problems)
    if mapping is None:
        return Settings()
    check_keys(mapping, SETTING_KEYS, "`settings`", problems, severity="warning")

    def memory(key: str) -> int | None:
        return read_amount(mapping.get(key), f"`{key}`", parse_memory, problems, example="512mib")

    return Settings(
        controllers=_read_controllers(mapping.get("controllers"), problems),
        controllers_exact=_read_exact(mapping, below, problems),
        compute_allocation=_read_percent(mapping.get("compute_allocation"), problems),
        memory_allocation=memory("memory_allocation"),
        freezing_threshold=read_amount(mapping.get("freezing_threshold"), "`freezing_threshold`", parse_duration, problems, example="30d"),
        reserved_cycles_limit=read_amount(
            mapping.get("reserved_cycles_limit"), "`reserved_cycles_limit`", parse_cycles, problems, example="1.5t"
        ),
        wasm_memory_limit=memory("wasm_memory_limit"),
        wasm_memory_threshold=memory("wasm_memory_threshold"),
        log_memory_limit=memory("log_memory_limit"),
        log_visibility=_read_visibility(mapping, "log_visibility", problems),
        snapshot_visibility=_read_visibility(mapping, "snapshot_visibility", problems),
        status_visibility=_read_visibility(mapping, "status_visibility", problems),
        environment_variables=read_variables(mapping.get("environment_variables"), directory, problems),
    )


def _read_controllers(node: Node | None, problems: Problems) -> tuple[str, ...] | None:
    """Read names and principals; the latter may be in capitals, and are kept in their own form."""
    texts = read_texts(node, "`controllers`", problems)
    return tuple(text.lower() if is_principal(text.lower()) else text for text in texts) if texts is not None else None


def _read_percent(node: Node | None, problems: Problems) -> int | None:
    percent = read_integer(node, "`compute_allocation`", problems)
    if percent is not None and node is not None and percent > _MAX_COMPUTE_PERCENT:
        problems.warn(
            "out-of-range",
            f"`compute_allocation` is more than {_MAX_COMPUTE_PERCENT}",
            node.span,
            detail="it is a percentage of one core; no network accepts more",
            hint=f"write a number from 0 to {_MAX_COMPUTE_PERCENT}",
        )
    return percent


def _read_exact(mapping: MappingNode, below: Settings | None, problems: Problems) -> bool | None:
    exact = read_flag(node := mapping.get("controllers_exact"), "`controllers_exact`", problems)
    listed = mapping.get("controllers") is not None or (below is not None and below.controllers is not None)
    if exact and node is not None and not listed:
        problems.error(
            "missing-key",
            "`controllers_exact: true` needs `controllers`",
            node.span,
            detail="it removes every controller that `controllers` does not list",
            hint="list all controllers, `controllers: []` for nobody but who deploys",
        )
    return exact


def merge_settings(below: Settings, over: Settings) -> Settings:
    """Return settings with others laid over: each key wins, and environment variables are merged by name."""
    written = {field.name: value for field in fields(Settings) if (value := getattr(over, field.name)) is not None}
    if over.environment_variables is not None:
        written["environment_variables"] = {**(below.environment_variables or {}), **over.environment_variables}
    return replace(below, **written)


def _read_visibility(settings: MappingNode, key: str, problems: Problems) -> Visibility | None:
    node, what = settings.get(key), f"`{key}`"
    if isinstance(node, SequenceNode):
        wrong_type(node, what, "text or a map", problems, hint=f"write the list as `{key}: {{ allowed_viewers: [PRINCIPAL] }}`")
        return None
    if not isinstance(node, MappingNode):
        return read_choice(node, what, _VISIBILITIES, problems, also=f", or a list as `{key}: {{ allowed_viewers: [PRINCIPAL] }}`")
    check_keys(node, ("allowed_viewers",), what, problems, severity="error")
    viewers = node.get("allowed_viewers")
    if not node.entries:
        problems.error("missing-key", f"{what} has no `allowed_viewers`", node.span, hint="write `public`, `controllers`, or the list")
    if node.entry("allowed_viewers") is None:
        return None
    principals = []
    for item in read_items(viewers, "`allowed_viewers`", problems) or ():
        text = read_text(item, "an item of `allowed_viewers`", problems)
        try:
            principals += [Principal.from_text(text.lower())] if text is not None else []
        except PrincipalError as error:
            summary = f"`{text}` in `allowed_viewers` is not a principal"
            hint = "write a principal; canisters are not known by name here"
            problems.error("invalid-principal", summary, item.span, detail=str(error), hint=hint)
    return tuple(principals)
