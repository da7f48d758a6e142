"""The projects of a workspace: the root's, and those that it depends on, directly or not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MAX_FRIENDLY_NAMES", "Dependency", "Member", "friendly_names", "key_of", "project_of", "resolve_name"]

MAX_FRIENDLY_NAMES = 16
"""Friendly names of one canister that are used: projects can share a dependency on exponentially many ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One entry of a project's `dependencies`: `project` is the key of the other one."""

    alias: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One project. `key` is its directory relative to the root's (with `/`, links resolved), empty for the root.

    `bindings` are what its canisters are called in it (`core`, `lib:core`), and their keys in the workspace.
    """

    key: str
    directory: Path
    dependencies: tuple[Dependency, ...]
    bindings: Mapping[str, str]


def key_of(project: str, local_name: str) -> str:
    """Return the key of a canister: its name in the root, else the project's key and its name."""
    return f"{project}:{local_name}" if project else local_name


def project_of(key: str) -> str:
    """Return the key of the project that a canister belongs to, empty for the root."""
    return key.rpartition(":")[0]


def resolve_name(name: str, keys: Collection[str], members: Sequence[Member], scope: str) -> str:
    """Return the key of the canister that a user means who works in project `scope`; what nobody knows is returned as it is.

    `keys` come first, as for icp-cli; then what that project calls its own canisters and those of its dependencies.
    """
    if name in keys:
        return name
    return next((member.bindings.get(name, name) for member in members if member.key == scope), name)


def friendly_names(members: Sequence[Member]) -> Mapping[str, tuple[str, ...]]:
    """Return what canisters are called on the way from the root: `core.lib` is `core` of the root's dependency `lib`.

    Nested dependencies come innermost first. A project that is reached on several ways gives its canisters several
    names, shortest first.
    """
    by_key = {member.key: member for member in members}
    names: dict[str, list[str]] = {}
    ways: list[tuple[Member, str]] = [(by_key[""], "")] if "" in by_key else []
    count = dict.fromkeys(by_key, 0)
    for member, suffix in ways:  # grows on the way: breadth first
        for local_name, key in member.bindings.items():
            if ":" not in local_name:
                names.setdefault(key, []).append(f"{local_name}{suffix}")
        for dependency in member.dependencies:
            if count[dependency.project] < MAX_FRIENDLY_NAMES:
                count[dependency.project] += 1
                ways.append((by_key[dependency.project], f".{dependency.alias}{suffix}"))
    return {key: tuple(found) for key, found in names.items()}
