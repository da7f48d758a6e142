"""Environments: a network, the canisters that live there, and what differs there."""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.core.project import Arguments, Canister, Environment, Network, Settings
from orchestrator.documents import MappingNode, Node
from orchestrator.errors import Span
from orchestrator.manifest.arguments import read_arguments
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.fields import check_keys, read_entries, read_flag, read_items, read_text, refuse_keys
from orchestrator.manifest.problems import Problems, did_you_mean, listed
from orchestrator.manifest.references import check_canister_or_principal, check_controllers
from orchestrator.manifest.settings import read_settings

__all__ = ["DEFAULT_NETWORK", "implicit_environment", "read_environment"]

DEFAULT_NETWORK = "local"
_KEYS = ("name", "network", "canisters", "settings", "init_args", "upgrade_args", "identity", "proxy", "protected", "settings_merge")
_LATER_KEYS = ("rollout",)
_APPROVERS = "approvers"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the environments of a project can name."""

    canisters: Mapping[str, Canister]
    networks: Mapping[str, Network]
    broken_networks: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overrides:
    """What an environment says about canisters, by name."""

    settings: Mapping[str, Settings]
    init_args: Mapping[str, Arguments]
    upgrade_args: Mapping[str, Arguments]


def implicit_environment(name: str, canisters: Mapping[str, Canister], network: Network) -> Environment:
    """Return an environment with every canister and no override."""
    return Environment(name=name, network=network, canisters=tuple(canisters.values()))


def read_environment(
    entry: NamedEntry,
    canisters: Mapping[str, Canister],
    networks: Mapping[str, Network],
    broken_networks: Collection[str],
    problems: Problems,
) -> Environment | None:
    """Read one environment; None where its network is unknown, or one of `broken_networks` (noted already)."""
    mapping, what = entry.mapping, f"environment `{entry.name}`"
    known = _Known(canisters=canisters, networks=networks, broken_networks=broken_networks)
    check_keys(mapping, (*_KEYS, _APPROVERS), what, problems, severity="warning", unsupported=_LATER_KEYS)
    _refuse_approvers(mapping, what, problems)
    selected = _read_selection(mapping.get("canisters"), what, known, problems)
    merge = read_flag(mapping.get("settings_merge"), "`settings_merge`", problems) or False
    overrides = _read_overrides(entry, selected, merge=merge, problems=problems)
    network = _read_network(mapping.get("network"), what, known, problems)
    identity = read_text(mapping.get("identity"), "`identity`", problems)
    proxy = read_text(mapping.get("proxy"), "`proxy`", problems)
    check_canister_or_principal(mapping.get("proxy"), "`proxy`", canisters, problems)
    protected = read_flag(mapping.get("protected"), "`protected`", problems) or False
    if network is None:
        return None
    return Environment(
        name=entry.name,
        network=network,
        canisters=tuple(_override(canister, selected, overrides, merge=merge) for canister in selected.values()),
        identity=identity,
        proxy=proxy,
        protected=protected,
        span=entry.span,
    )


def _refuse_approvers(mapping: MappingNode, what: str, problems: Problems) -> None:
    """Ignoring who must approve would deploy what nobody approved."""
    refuse_keys(
        mapping,
        (_APPROVERS,),
        what,
        problems,
        detail="nobody would be asked to approve a deployment",
        hint="remove it; with `protected: true`, changing the environment takes `--confirm` and its name",
    )


def _read_network(node: Node | None, what: str, known: _Known, problems: Problems) -> Network | None:
    name = read_text(node, "`network`", problems) if node is not None else DEFAULT_NETWORK
    if name is None:
        return None
    if name not in known.networks and name not in known.broken_networks and node is not None:
        hint = did_you_mean(name, known.networks) or f"the networks are {listed(known.networks)}"
        problems.error("unknown-network", f"{what} names the network `{name}`, which does not exist", node.span, hint=hint)
    return known.networks.get(name)


def _read_selection(node: Node | None, what: str, known: _Known, problems: Problems) -> dict[str, Canister]:
    """Return the environment's canisters in manifest order."""
    items = read_items(node, "`canisters`", problems)
    if items is None:
        return dict(known.canisters)
    names = set()
    for item in items:
        name = read_text(item, "an item of `canisters`", problems)
        if name is not None and name not in known.canisters:
            hint = did_you_mean(name, known.canisters) or "only canisters of this project can be named"
            problems.error("unknown-canister", f"{what} names the canister `{name}`, which does not exist", item.span, hint=hint)
        names.add(name)
    return {name: canister for name, canister in known.canisters.items() if name in names}


def _read_overrides(entry: NamedEntry, selected: Mapping[str, Canister], *, merge: bool, problems: Problems) -> _Overrides:
    settings: dict[str, Settings] = {}
    for name, key_span, node in _entries(entry, "settings", selected, problems):
        directory = selected[name].directory if name in selected else entry.directory
        settings[name] = read_settings(node, directory, problems)
        check_controllers(node, name, selected, problems, severity="warning")
        if name in selected and not merge:
            _warn_about_lost_settings(selected[name], settings[name], key_span, problems)
    return _Overrides(
        settings=settings,
        init_args=_read_arguments(entry, "init_args", selected, problems),
        upgrade_args=_read_arguments(entry, "upgrade_args", selected, problems),
    )


def _read_arguments(
    entry: NamedEntry, key: Literal["init_args", "upgrade_args"], selected: Mapping[str, Canister], problems: Problems
) -> dict[str, Arguments]:
    arguments: dict[str, Arguments] = {}
    for name, _, node in _entries(entry, key, selected, problems):
        directory: Path = selected[name].directory if name in selected else entry.directory
        read = read_arguments(node, key, directory, problems)
        if read is not None:
            arguments[name] = read
    return arguments


def _entries(entry: NamedEntry, key: str, selected: Mapping[str, Canister], problems: Problems) -> tuple[tuple[str, Span, Node], ...]:
    found = read_entries(entry.mapping.get(key), f"`{key}` of environment `{entry.name}`", problems)
    for name, span, _ in found:
        if name not in selected:
            problems.warn(
                "unused-override",
                f"environment `{entry.name}` has no canister `{name}`: its `{key}` are ignored",
                span,
                hint=did_you_mean(name, selected),
            )
    return found


def _warn_about_lost_settings(canister: Canister, override: Settings, span: Span, problems: Problems) -> None:
    lost = [
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(canister.settings, field.name) is not None and getattr(override, field.name) is None
    ]
    if lost:
        problems.warn(
            "settings-replaced",
            f"the settings of `{canister.name}` are replaced as a whole here",
            span,
            detail=f"{listed(lost)} of the canister itself will not apply",
            hint="repeat them here, or add `settings_merge: true` to the environment",
        )


def _override(canister: Canister, selected: Mapping[str, Canister], overrides: _Overrides, *, merge: bool) -> Canister:
    settings = overrides.settings.get(canister.name)
    if settings is not None and merge:
        written = {field.name: value for field in dataclasses.fields(Settings) if (value := getattr(settings, field.name)) is not None}
        settings = dataclasses.replace(canister.settings, **written)
    return dataclasses.replace(
        canister,
        settings=settings if settings is not None else canister.settings,
        init_args=overrides.init_args.get(canister.name, canister.init_args),
        upgrade_args=overrides.upgrade_args.get(canister.name, canister.upgrade_args),
        depends_on=tuple(name for name in canister.depends_on if name in selected),
    )
