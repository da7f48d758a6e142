"""Canister settings: the grammars of their values."""

from pathlib import Path
from typing import Literal

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import LogVisibility, Settings
from orchestrator.core.units import parse_cycles, parse_duration, parse_memory
from orchestrator.documents import MappingNode, Node
from orchestrator.manifest.arguments import read_variables
from orchestrator.manifest.fields import check_keys, read_amount, read_choice, read_integer, read_mapping, read_texts
from orchestrator.manifest.problems import Problems

__all__ = ["SETTING_KEYS", "read_settings"]

SETTING_KEYS = (
    "compute_allocation",
    "controllers",
    "environment_variables",
    "freezing_threshold",
    "log_memory_limit",
    "log_visibility",
    "memory_allocation",
    "reserved_cycles_limit",
    "wasm_memory_limit",
    "wasm_memory_threshold",
)
_LATER_KEYS = ("controllers_exact", "snapshot_visibility", "status_visibility")
_VISIBILITIES: tuple[Literal["controllers", "public"], ...] = ("controllers", "public")


def read_settings(node: Node | None, directory: Path, problems: Problems) -> Settings:
    """Read a `settings` map; files of variables are looked for in `directory`."""
    mapping = read_mapping(node, "`settings`", problems)
    if mapping is None:
        return Settings()
    check_keys(mapping, SETTING_KEYS, "`settings`", problems, severity="warning", unsupported=_LATER_KEYS)

    def memory(key: str) -> int | None:
        return read_amount(mapping.get(key), f"`{key}`", parse_memory, problems, example="512mib")

    return Settings(
        controllers=read_texts(mapping.get("controllers"), "`controllers`", problems),
        compute_allocation=read_integer(mapping.get("compute_allocation"), "`compute_allocation`", problems),
        memory_allocation=memory("memory_allocation"),
        freezing_threshold=read_amount(mapping.get("freezing_threshold"), "`freezing_threshold`", parse_duration, problems, example="30d"),
        reserved_cycles_limit=read_amount(
            mapping.get("reserved_cycles_limit"), "`reserved_cycles_limit`", parse_cycles, problems, example="1.5t"
        ),
        wasm_memory_limit=memory("wasm_memory_limit"),
        wasm_memory_threshold=memory("wasm_memory_threshold"),
        log_memory_limit=memory("log_memory_limit"),
        log_visibility=_read_log_visibility(mapping.get("log_visibility"), problems),
        environment_variables=read_variables(mapping.get("environment_variables"), directory, problems),
    )


def _read_log_visibility(node: Node | None, problems: Problems) -> LogVisibility | None:
    if not isinstance(node, MappingNode):
        return read_choice(node, "`log_visibility`", _VISIBILITIES, problems)
    check_keys(node, ("allowed_viewers",), "`log_visibility`", problems, severity="warning")
    viewers = node.get("allowed_viewers")
    if viewers is None:
        problems.error(
            "missing-key", "`log_visibility` has no `allowed_viewers`", node.span, hint="write `public`, `controllers`, or the list"
        )
        return None
    principals = []
    for text in read_texts(viewers, "`allowed_viewers`", problems) or ():
        try:
            principals.append(Principal.from_text(text))
        except PrincipalError as error:
            problems.error("invalid-principal", "`allowed_viewers` holds a text that is not a principal", viewers.span, detail=str(error))
    return tuple(principals)
