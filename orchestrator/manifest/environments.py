"""Environments: a network, the canisters that live there, and what differs there."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.core.project import Canister, Environment, Network
from orchestrator.documents import MappingNode, Node
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.fields import check_keys, read_flag, read_text, refuse_keys
from orchestrator.manifest.overrides import apply_overrides, select_own
from orchestrator.manifest.problems import Problems, did_you_mean, listed
from orchestrator.manifest.references import check_canister_or_principal
from orchestrator.manifest.scopes import Scope

__all__ = ["DEFAULT_NETWORK", "Known", "implicit_environment", "read_environment", "read_member_environment"]

DEFAULT_NETWORK = "local"
_KEYS = ("name", "network", "canisters", "settings", "init_args", "upgrade_args", "identity", "proxy", "protected", "settings_merge")
_LATER_KEYS = ("rollout",)
_APPROVERS = "approvers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an environment of the root can name: its `own` canisters by name, networks, and what names mean.

    `others` are the canisters of other projects, by their keys, as these projects want them in an environment of this name.
    """

    own: Mapping[str, Canister]
    others: Mapping[str, Canister]
    networks: Mapping[str, Network]
    broken_networks: Collection[str]
    scope: Scope


def implicit_environment(name: str, canisters: Iterable[Canister], network: Network) -> Environment:
    """Return an environment with these canisters and no override."""
    return Environment(name=name, network=network, canisters=_among_themselves(canisters))


def read_member_environment(entry: NamedEntry, own: Mapping[str, Canister], scope: Scope, problems: Problems) -> dict[str, Canister]:
    """Return the canisters (by key) of a project that the root depends on, as it wants them in its environment.

    Its network, identity and the like are for when the project is used alone: the root's environment decides.
    """
    check_keys(entry.mapping, (*_KEYS, _APPROVERS), f"environment `{entry.name}`", problems, severity="warning", unsupported=_LATER_KEYS)
    changed = apply_overrides(entry, select_own(entry, own, problems), scope, problems)
    return {canister.name: canister for canister in changed.values()}


def read_environment(entry: NamedEntry, known: Known, problems: Problems) -> Environment | None:
    """Read one environment of the root; None where its network is unknown, or one of the broken ones (noted already)."""
    mapping, what = entry.mapping, f"environment `{entry.name}`"
    check_keys(mapping, (*_KEYS, _APPROVERS), what, problems, severity="warning", unsupported=_LATER_KEYS)
    _refuse_approvers(mapping, what, problems)
    selected = {**select_own(entry, known.own, problems), **known.others}
    changed = apply_overrides(entry, selected, known.scope, problems)
    network = _read_network(mapping.get("network"), what, known, problems)
    identity = read_text(mapping.get("identity"), "`identity`", problems)
    proxy = read_text(mapping.get("proxy"), "`proxy`", problems)
    check_canister_or_principal(mapping.get("proxy"), "`proxy`", known.scope.names, problems)
    protected = read_flag(mapping.get("protected"), "`protected`", problems) or False
    if network is None:
        return None
    return Environment(
        name=entry.name,
        network=network,
        canisters=_among_themselves(changed.values()),
        identity=identity,
        proxy=known.scope.find(proxy) or proxy if proxy is not None else None,
        protected=protected,
        span=entry.span,
    )


def _among_themselves(canisters: Iterable[Canister]) -> tuple[Canister, ...]:
    """Return canisters that depend on each other only."""
    there = {canister.name: canister for canister in canisters}
    return tuple(
        canister
        if all(name in there for name in canister.depends_on)
        else dataclasses.replace(canister, depends_on=tuple(name for name in canister.depends_on if name in there))
        for canister in there.values()
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


def _read_network(node: Node | None, what: str, known: Known, problems: Problems) -> Network | None:
    name = read_text(node, "`network`", problems) if node is not None else DEFAULT_NETWORK
    if name is None:
        return None
    if name not in known.networks and name not in known.broken_networks and node is not None:
        hint = did_you_mean(name, known.networks) or f"the networks are {listed(known.networks)}"
        problems.error("unknown-network", f"{what} names the network `{name}`, which does not exist", node.span, hint=hint)
    return known.networks.get(name)
