"""Environments: a network, the canisters that live there, and what differs there."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.core.project import Canister, Environment, Network
from orchestrator.core.rollout import Approvers, Rollout
from orchestrator.documents import MappingNode
from orchestrator.manifest.approvers import read_approvers
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.fields import check_keys, read_flag, read_text, span_of_value
from orchestrator.manifest.networks import MAINNET
from orchestrator.manifest.overrides import apply_overrides, select_own
from orchestrator.manifest.problems import Problems, did_you_mean, listed
from orchestrator.manifest.references import check_canister_or_principal
from orchestrator.manifest.rollout import read_rollout
from orchestrator.manifest.scopes import Scope

__all__ = ["DEFAULT_NETWORK", "Known", "implicit_environment", "read_environment", "read_member_environment"]

DEFAULT_NETWORK = "local"
_KEYS = (
    *("name", "network", "canisters", "settings", "init_args", "upgrade_args"),
    *("identity", "proxy", "protected", "settings_merge", "approvers", "rollout"),
)
_MAINNET_NAMES = frozenset({"mainnet", "main", "icp", "IC"})


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
    check_keys(entry.mapping, _KEYS, f"environment `{entry.name}`", problems, severity="warning")
    read_text(entry.mapping.get("network"), "`network`", problems)
    changed = apply_overrides(entry, select_own(entry, own, problems), scope, problems)
    return {canister.name: canister for canister in changed.values()}


def read_environment(entry: NamedEntry, known: Known, problems: Problems) -> Environment | None:
    """Read one environment of the root; None where its network is unknown, or one of the broken ones (noted already)."""
    mapping, what = entry.mapping, f"environment `{entry.name}`"
    check_keys(mapping, _KEYS, what, problems, severity="warning")
    selected = {**select_own(entry, known.own, problems), **known.others}
    changed = apply_overrides(entry, selected, known.scope, problems)
    network = _read_network(entry, what, known, problems)
    identity = read_text(mapping.get("identity"), "`identity`", problems)
    if identity == "":
        problems.error("invalid-name", "`identity` is empty", span_of_value(mapping, "identity"), hint="remove it for the default identity")
    proxy = read_text(mapping.get("proxy"), "`proxy`", problems)
    check_canister_or_principal(mapping.get("proxy"), "`proxy`", known.scope.names, problems)
    protected = read_flag(mapping.get("protected"), "`protected`", problems) or False
    approvers = _read_approvers(mapping, what, problems)
    rollout = _read_rollout(entry, changed, problems)
    if network is None:
        return None
    return Environment(
        name=entry.name,
        network=network,
        canisters=_among_themselves(changed.values()),
        identity=identity,
        proxy=known.scope.find(proxy) or proxy if proxy is not None else None,
        protected=protected,
        approvers=approvers,
        rollout=rollout,
        span=entry.span,
    )


def _default_network(entry: NamedEntry, what: str, problems: Problems) -> str:
    """Return the network of an environment that names none: an overlay adds to the `ic` that every project has."""
    if entry.name != MAINNET:
        return DEFAULT_NETWORK
    if entry.only_overlay:
        return MAINNET
    problems.warn(
        "local-mainnet",
        f"{what} is on the network `{DEFAULT_NETWORK}`, as it names none",
        entry.span,
        hint=f"add `network: {MAINNET}`, or give it another name",
    )
    return DEFAULT_NETWORK


def _among_themselves(canisters: Iterable[Canister]) -> tuple[Canister, ...]:
    """Return canisters that depend on each other only."""
    there = {canister.name: canister for canister in canisters}
    return tuple(
        canister
        if all(name in there for name in canister.depends_on)
        else dataclasses.replace(canister, depends_on=tuple(name for name in canister.depends_on if name in there))
        for canister in there.values()
    )


def _read_approvers(mapping: MappingNode, what: str, problems: Problems) -> Approvers | None:
    approvers, entry = read_approvers(mapping.get("approvers"), problems), mapping.entry("approvers")
    if approvers is not None and entry is not None:
        problems.warn(
            "not-supported",
            f"{what} has `approvers`, and this version asks nobody yet: nothing there can be changed",
            entry.key.span,
            detail="building, planning and reading work; what would change the environment is refused",
            hint="to change it by `--confirm` and its name, use `protected: true` instead",
        )
    return approvers


def _read_rollout(entry: NamedEntry, canisters: Mapping[str, Canister], problems: Problems) -> Rollout | None:
    rollout = read_rollout(entry.mapping.get("rollout"), canisters, entry.name, problems)
    key = entry.mapping.entry("rollout")
    if rollout is not None and rollout.stages and key is not None:
        detail = "`deploy` changes all canisters at once, without stages and gates"
        problems.warn("not-supported", f"the key `rollout` in environment `{entry.name}` has no effect yet", key.key.span, detail=detail)
    return rollout


def _read_network(entry: NamedEntry, what: str, known: Known, problems: Problems) -> Network | None:
    node = entry.mapping.get("network")
    name = read_text(node, "`network`", problems) if node is not None else _default_network(entry, what, problems)
    if name is None:
        return None
    if name not in known.networks and name not in known.broken_networks and node is not None:
        guess = "mainnet is called `ic`" if name in _MAINNET_NAMES else did_you_mean(name, known.networks)
        hint = guess or f"the networks are {listed(known.networks)}"
        problems.error("unknown-network", f"{what} names the network `{name}`, which does not exist", node.span, hint=hint)
    return known.networks.get(name)
