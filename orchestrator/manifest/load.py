"""A project's files to one `Project`: everything that is wrong is said at once."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from orchestrator.core.project import Network, Project
from orchestrator.errors import Diagnostic
from orchestrator.manifest.entries import NamedEntry
from orchestrator.manifest.environments import Known, implicit_environment, read_environment
from orchestrator.manifest.files import MANIFEST_FILE, find_project
from orchestrator.manifest.members import Members, read_members
from orchestrator.manifest.networks import IMPLICIT_NETWORKS, MAINNET, read_network
from orchestrator.manifest.problems import Problems
from orchestrator.manifest.roots import find_root
from orchestrator.manifest.workspace import read_workspace

__all__ = ["Reading", "load_nearest", "load_project", "read_project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A project as far as it could be read: what is wrong is left out of it, and is among the `errors`.

    Canisters with mistakes in their steps have none. `complete` tells whether every file could be read.
    """

    project: Project
    errors: tuple[Diagnostic, ...]
    complete: bool


def load_project(directory: Path, *, strict: bool = False) -> Project:
    """Load the project whose `icp.yaml` is in `directory`, and those that it depends on; with `strict`, warnings are errors.

    Files that the manifests name (canister manifests, arguments, values of variables) are read too. Recipes are
    not expanded, nothing is fetched. Raise `ManifestError` with every problem.
    """
    problems = Problems()
    project = _read(directory.absolute(), problems)
    problems.raise_errors(strict=strict)
    return project


def read_project(directory: Path) -> Reading:
    """Do what `load_project` does, and go on with what can be read; raise `ManifestError` only where there is no project."""
    problems = Problems()
    project = _read(directory.absolute(), problems)
    return Reading(project=project, errors=problems.errors, complete=problems.complete)


def _read(directory: Path, problems: Problems) -> Project:
    path = directory / MANIFEST_FILE
    if not path.is_file():
        find_project(directory)
    workspace = read_workspace(directory, problems)
    root = workspace[0]
    members = read_members(workspace, problems)
    networks = _read_networks(root.networks, problems)
    broken = {entry.name for entry in root.networks} - networks.keys()
    environments = {
        network.name: implicit_environment(network.name, members.all_in(network.name), networks.get(network.name, network))
        for network in IMPLICIT_NETWORKS
    }
    about: dict[str, tuple[Diagnostic, ...]] = {}
    for entry in root.environments:
        before = problems.warning_count
        environment = read_environment(entry, _known(members, entry, networks, broken), problems)
        about[entry.name] = problems.warnings_since(before)
        if environment is not None:
            environments[entry.name] = environment
    if not problems.complete:
        problems.forget_guesses()
    return Project(
        directory=directory,
        manifest=path,
        canisters=members.canisters,
        networks=MappingProxyType(networks),
        environments=MappingProxyType(environments),
        registries=MappingProxyType({name: url for project in reversed(workspace) for name, url in project.registries.items()}),
        warnings=problems.warnings,
        environment_warnings=MappingProxyType(about),
        members=members.members,
        missing_environments=members.missing(environments),
    )


def load_nearest(start: Path, *, strict: bool = False) -> Project:
    """Load the project of `start` or of its nearest ancestor that has one, or the workspace that it is part of.

    In a workspace the project's `scope` says where `start` is, and a warning (none of those that `strict` makes errors)
    that the root was taken, or that there may be one. Raise `ManifestError` as `load_project` does, and where there is no project.
    """
    found = find_root(start)
    project = load_project(found.directory, strict=strict)
    return replace(project, scope=found.scope, warnings=(*found.warnings, *project.warnings)) if found.warnings else project


def _known(members: Members, entry: NamedEntry, networks: dict[str, Network], broken: set[str]) -> Known:
    return Known(own=members.own, others=members.others_in(entry.name), networks=networks, broken_networks=broken, scope=members.root_scope)


def _read_networks(entries: tuple[NamedEntry, ...], problems: Problems) -> dict[str, Network]:
    networks: dict[str, Network] = {network.name: network for network in IMPLICIT_NETWORKS}
    for entry in entries:
        if entry.name == MAINNET:
            problems.error(
                "reserved-name",
                "`ic` is the name of the mainnet and cannot be redefined",
                entry.span,
                hint="give this network another name",
            )
            continue
        network = read_network(entry.mapping, entry.name, problems)
        if network is not None:
            networks[entry.name] = network
    return networks
