"""What an environment says about canisters: which ones it has, and what differs there."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.core.project import Arguments, Canister, Settings
from orchestrator.documents import Node
from orchestrator.errors import Span
from orchestrator.manifest.arguments import read_arguments
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.fields import read_entries, read_flag, read_items, read_text
from orchestrator.manifest.problems import Problems, did_you_mean, listed
from orchestrator.manifest.references import check_controllers
from orchestrator.manifest.scopes import Scope, bind_settings
from orchestrator.manifest.settings import merge_settings, read_settings

__all__ = ["apply_overrides", "select_own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overrides:
    """What an environment says about canisters, by name."""

    settings: Mapping[str, Settings]
    init_args: Mapping[str, Arguments]
    upgrade_args: Mapping[str, Arguments]


def select_own(entry: NamedEntry, own: Mapping[str, Canister], problems: Problems) -> dict[str, Canister]:
    """Return the environment's canisters among the project's `own` (by local name), in the order of the manifest."""
    items = read_items(entry.mapping.get("canisters"), "`canisters`", problems)
    if items is None:
        return dict(own)
    names = set()
    for item in items:
        name = read_text(item, "an item of `canisters`", problems)
        if name is not None and name not in own:
            summary = f"environment `{entry.name}` names the canister `{name}`, which does not exist"
            problems.error("unknown-canister", summary, item.span, hint=_hint_for_selected(name, own))
        names.add(name)
    return {name: canister for name, canister in own.items() if name in names}


def _hint_for_selected(name: str, own: Mapping[str, Canister]) -> str:
    if ":" in name:
        return "leave it out: `canisters` selects among the project's own, and those of its dependencies are always there"
    return did_you_mean(name, own) or (f"the canisters here are {listed(own)}" if own else "the project has no canisters of its own")


def apply_overrides(entry: NamedEntry, selected: Mapping[str, Canister], scope: Scope, problems: Problems) -> dict[str, Canister]:
    """Return the canisters of an environment, by the names that it calls them, with what it says about them in place."""
    merge = read_flag(entry.mapping.get("settings_merge"), "`settings_merge`", problems) or False
    settings: dict[str, Settings] = {}
    for name, key_span, node in _entries(entry, "settings", selected, scope, problems):
        directory = selected[name].directory if name in selected else entry.directory
        below = selected[name].settings if merge and name in selected else None
        settings[name] = bind_settings(read_settings(node, directory, problems, below=below), scope)
        check_controllers(node, name, scope, problems, severity="warning")
        if name in selected and not merge:
            _warn_about_lost_settings(selected[name], name, settings[name], key_span, problems)
    overrides = _Overrides(
        settings=settings,
        init_args=_read_arguments(entry, "init_args", selected, scope, problems),
        upgrade_args=_read_arguments(entry, "upgrade_args", selected, scope, problems),
    )
    return {name: _override(canister, name, overrides, merge=merge) for name, canister in selected.items()}


def _read_arguments(
    entry: NamedEntry, key: Literal["init_args", "upgrade_args"], selected: Mapping[str, Canister], scope: Scope, problems: Problems
) -> dict[str, Arguments]:
    arguments: dict[str, Arguments] = {}
    for name, _, node in _entries(entry, key, selected, scope, problems):
        directory: Path = selected[name].directory if name in selected else entry.directory
        read = read_arguments(node, key, directory, problems)
        if read is not None:
            arguments[name] = read
    return arguments


def _entries(
    entry: NamedEntry, key: str, selected: Mapping[str, Canister], scope: Scope, problems: Problems
) -> tuple[tuple[str, Span, Node], ...]:
    found = read_entries(entry.mapping.get(key), f"`{key}` of environment `{entry.name}`", problems)
    for name, span, _ in found:
        if name not in selected:
            meant = scope.find(name)
            problems.warn(
                "unused-override",
                f"environment `{entry.name}` has no canister `{name}`: its `{key}` are ignored",
                span,
                hint=f"write its key in the workspace, `{meant}`" if meant in selected else did_you_mean(name, selected),
            )
    return found


def _warn_about_lost_settings(canister: Canister, name: str, override: Settings, span: Span, problems: Problems) -> None:
    lost = [
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(canister.settings, field.name) is not None and getattr(override, field.name) is None
    ]
    if lost:
        problems.warn(
            "settings-replaced",
            f"the settings of `{name}` are replaced as a whole here",
            span,
            detail=f"{listed(lost)} of the canister itself will not apply",
            hint="repeat them here, or add `settings_merge: true` to the environment",
        )


def _override(canister: Canister, name: str, overrides: _Overrides, *, merge: bool) -> Canister:
    settings = overrides.settings.get(name)
    if settings is not None and merge:
        settings = merge_settings(canister.settings, settings)
    return dataclasses.replace(
        canister,
        settings=settings if settings is not None else canister.settings,
        init_args=overrides.init_args.get(name, canister.init_args),
        upgrade_args=overrides.upgrade_args.get(name, canister.upgrade_args),
    )
