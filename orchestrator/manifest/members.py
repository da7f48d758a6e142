"""The canisters of every project of a workspace: their keys, what they call each other, and what each environment makes of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from orchestrator.core.project import Canister
from orchestrator.core.workspace import Dependency, Member, key_of
from orchestrator.manifest.canisters import read_canister
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.environments import read_member_environment
from orchestrator.manifest.networks import IMPLICIT_NETWORKS, read_network
from orchestrator.manifest.problems import Problems, did_you_mean
from orchestrator.manifest.references import check_circles, check_references
from orchestrator.manifest.scopes import Scope, bind_settings, bind_steps
from orchestrator.manifest.workspace import DependencyFiles, ProjectFiles

__all__ = ["Members", "read_members"]

_FORM_SLUGS = frozenset({"manifest/missing-key", "manifest/out-of-range", "manifest/unknown-variant", "manifest/wrong-type"})
_FORM_PREFIX = "manifest/invalid-"
_IMPLICIT = frozenset(network.name for network in IMPLICIT_NETWORKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """What the projects of a workspace are, root first.

    `own` are the root's canisters by name, `others` those of each other project by key, `environments` what these
    other projects say about theirs: by project and environment, canisters by key.
    """

    members: tuple[Member, ...]
    own: Mapping[str, Canister]
    others: Mapping[str, Mapping[str, Canister]]
    environments: Mapping[str, Mapping[str, Mapping[str, Canister]]]
    root_scope: Scope

    @property
    def canisters(self) -> tuple[Canister, ...]:
        """Return all canisters as they are where no environment says otherwise."""
        return (*self.own.values(), *(canister for project in self.others.values() for canister in project.values()))

    def others_in(self, environment: str) -> Mapping[str, Canister]:
        """Return the canisters of the other projects in an environment, by key."""
        found: dict[str, Canister] = {}
        for project, canisters in self.others.items():
            found |= self.environments[project].get(environment, canisters)
        return found

    def all_in(self, environment: str) -> Iterable[Canister]:
        """Return the canisters of an environment that the root says nothing about."""
        return (*self.own.values(), *self.others_in(environment).values())

    def missing(self, environments: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the projects, by environment, that do not know it; `local` and `ic` everybody knows."""
        found = {
            name: tuple(project for project in self.others if name not in self.environments[project])
            for name in environments
            if name not in _IMPLICIT
        }
        return MappingProxyType({name: projects for name, projects in found.items() if projects})


def read_members(workspace: Sequence[ProjectFiles], problems: Problems) -> Members:
    """Read the canisters of all projects, and the environments of all but the root; note what they say wrongly."""
    scopes = _read_scopes(workspace, problems)
    canisters = {project.key: _read_canisters(project, scopes[project.key], problems) for project in workspace}
    checked = [(project.key, project.canisters, scopes[project.key]) for project in workspace]
    for each in checked:
        check_references(each, problems)
    check_circles(checked, problems)
    root, *others = workspace
    targeted = {*_IMPLICIT, *(entry.name for entry in root.environments)}
    environments = {}
    for project in others:
        _check_networks(project, problems)
        environments[project.key] = _read_environments(project, canisters[project.key], scopes[project.key], targeted, problems)
    return Members(
        members=tuple(_member(project, scopes[project.key]) for project in workspace),
        own=canisters[root.key],
        others={project.key: {each.name: each for each in canisters[project.key].values()} for project in others},
        environments=environments,
        root_scope=scopes[root.key],
    )


def _read_scopes(workspace: Sequence[ProjectFiles], problems: Problems) -> dict[str, Scope]:
    """Return what names mean in each project."""
    names = {project.key: [entry.name for entry in project.canisters] for project in workspace}
    keys = dict.fromkeys(key_of(key, name) for key, found in names.items() for name in found)
    return {project.key: _scope(project, names, keys, problems) for project in workspace}


def _read_environments(
    project: ProjectFiles, own: Mapping[str, Canister], scope: Scope, targeted: Collection[str], problems: Problems
) -> dict[str, Mapping[str, Canister]]:
    return {entry.name: _read_environment(entry, own, scope, problems, counts=entry.name in targeted) for entry in project.environments}


def _read_environment(
    entry: NamedEntry, own: Mapping[str, Canister], scope: Scope, problems: Problems, *, counts: bool
) -> dict[str, Canister]:
    """Read an environment of a member; of one that the root does not have nothing `counts` but its form."""
    noted = problems if counts else Problems()
    found = read_member_environment(entry, own, scope, noted)
    if not counts:
        _add_form(noted, problems)
    return found


def _add_form(noted: Problems, problems: Problems) -> None:
    """Note what is wrong with the form of something: what else is odd about it is for when its project is used alone."""
    problems.add(each for each in noted.errors if each.slug in _FORM_SLUGS or each.slug.startswith(_FORM_PREFIX))


def _scope(project: ProjectFiles, names: Mapping[str, Sequence[str]], keys: Mapping[str, None], problems: Problems) -> Scope:
    own = {name: key_of(project.key, name) for name in names[project.key]}
    bindings = dict(own)
    for dependency in project.dependencies:
        declared = names.get(dependency.project, ())  # a circle, or too many projects: noted already
        for name in _exposed(dependency, declared, problems):
            bindings[f"{dependency.alias}:{name}"] = key_of(dependency.project, name)
    return Scope(own=own, bindings=MappingProxyType(bindings), keys=keys.keys())


def _exposed(dependency: DependencyFiles, declared: Sequence[str], problems: Problems) -> list[str]:
    if dependency.exposed is None:
        return list(declared)
    found = []
    for item in dependency.exposed:
        if item.text in declared:
            found.append(item.text)
            continue
        problems.error(
            "unknown-canister",
            f"dependency `{dependency.alias}` has no canister `{item.text}`",
            item.span,
            hint=did_you_mean(item.text, declared) or "only canisters that the dependency itself declares can be selected",
        )
    return found


def _read_canisters(project: ProjectFiles, scope: Scope, problems: Problems) -> dict[str, Canister]:
    """Return the canisters by local name; those of names that they hold are keys."""
    found = {}
    for entry in project.canisters:
        canister = read_canister(entry, problems)
        found[entry.name] = replace(
            canister,
            name=key_of(project.key, entry.name),
            bindings=scope.bindings,
            settings=bind_settings(canister.settings, scope),
            sync=bind_steps(canister.sync, scope.bindings),
            depends_on=tuple(scope.find(name) or name for name in canister.depends_on),
        )
    return found


def _member(project: ProjectFiles, scope: Scope) -> Member:
    dependencies = tuple(Dependency(alias=each.alias, project=each.project) for each in project.dependencies)
    return Member(key=project.key, directory=project.directory, dependencies=dependencies, bindings=scope.bindings)


def _check_networks(project: ProjectFiles, problems: Problems) -> None:
    """Note networks of a member that are no networks at all; only those of the root count."""
    noted = Problems()
    for entry in project.networks:
        read_network(entry.mapping, entry.name, noted)
    _add_form(noted, problems)
