"""A project's files to one `Project`: everything that is wrong is said at once."""

from pathlib import Path
from types import MappingProxyType

from orchestrator.core.project import Network, Project
from orchestrator.documents import MappingNode, SequenceNode
from orchestrator.errors import Span
from orchestrator.manifest.canisters import read_canister
from orchestrator.manifest.entries import Document, NamedEntry, collect_entries
from orchestrator.manifest.environments import implicit_environment, read_environment
from orchestrator.manifest.fields import check_keys
from orchestrator.manifest.files import MANIFEST_FILE, OVERLAY_FILE, find_project, load_map
from orchestrator.manifest.networks import IMPLICIT_NETWORKS, read_network
from orchestrator.manifest.problems import Problems
from orchestrator.manifest.references import check_references

__all__ = ["load_project"]

_KEYS = ("canisters", "networks", "environments")
_LATER_KEYS = ("registries",)
_RESERVED_NETWORK = "ic"


def load_project(directory: Path, *, strict: bool = False) -> Project:
    """Load the project whose `icp.yaml` is in `directory`; with `strict`, warnings are errors.

    Files that the manifest names (canister manifests, arguments, values of variables) are read too. Recipes are
    not expanded, nothing is fetched. Raise `ManifestError` with every problem.
    """
    directory = directory.absolute()
    path = directory / MANIFEST_FILE
    if not path.is_file():
        find_project(directory)
    problems = Problems()
    manifest = _read_top(path, problems)
    overlay = _read_top(directory / OVERLAY_FILE, problems) if (directory / OVERLAY_FILE).is_file() else None
    sections = {section: collect_entries(manifest, overlay, section, problems) for section in _KEYS}
    problems.raise_unreadable()
    canisters = {entry.name: read_canister(entry, problems) for entry in sections["canisters"]}
    check_references(sections["canisters"], problems)
    networks = _read_networks(sections["networks"], problems)
    broken = {entry.name for entry in sections["networks"]} - networks.keys()
    environments = {network.name: implicit_environment(network.name, canisters, networks[network.name]) for network in IMPLICIT_NETWORKS}
    for entry in sections["environments"]:
        environment = read_environment(entry, canisters, networks, broken, problems)
        if environment is not None:
            environments[entry.name] = environment
    problems.raise_errors(strict=strict)
    return Project(
        directory=directory,
        manifest=path,
        canisters=tuple(canisters.values()),
        networks=MappingProxyType(networks),
        environments=MappingProxyType(environments),
        warnings=problems.warnings,
    )


def _read_top(path: Path, problems: Problems) -> Document:
    mapping = load_map(path, problems) or MappingNode(entries=(), span=Span(path=path, line=1, column=1))
    check_keys(mapping, (*_KEYS, "dependencies"), f"`{path.name}`", problems, severity="error", unsupported=_LATER_KEYS)
    dependencies = mapping.entry("dependencies")
    if dependencies is not None and not (isinstance(dependencies.value, SequenceNode) and not dependencies.value.items):
        problems.error("not-supported", "dependencies on other projects are not supported", dependencies.key.span)
    return Document(mapping=mapping, directory=path.parent)


def _read_networks(entries: tuple[NamedEntry, ...], problems: Problems) -> dict[str, Network]:
    networks: dict[str, Network] = {network.name: network for network in IMPLICIT_NETWORKS}
    for entry in entries:
        if entry.name == _RESERVED_NETWORK:
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
