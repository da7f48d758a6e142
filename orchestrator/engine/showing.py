"""A project as it stands for each environment: every recipe expanded, nothing built, nothing sent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.core.project import Canister, Environment, ManagedNetwork, Project, RecipeReference
from orchestrator.errors import OrchestratorError, RecipeError

if TYPE_CHECKING:
    from orchestrator.engine.session import Session

__all__ = ["expand_project", "needs_expansion", "select_shown"]

_FIRST = "local"
"""The environment whose steps the project's own list of canisters has."""
_Key = tuple[str, bool | None]
"""What an expansion depends on: the canister, and for a bundled recipe whether the network is managed."""


def select_shown(project: Project, environment: str) -> Project:
    """Return the project with one environment, its network and its canisters; raises `UsageError` for an unknown one."""
    from orchestrator.engine.session import select_environment  # a project without recipes is shown without a session

    chosen = select_environment(project, environment)
    names = {canister.name for canister in chosen.canisters}
    return replace(
        project,
        canisters=tuple(canister for canister in project.canisters if canister.name in names),
        networks=MappingProxyType({chosen.network.name: chosen.network}),
        environments=MappingProxyType({chosen.name: chosen}),
    )


def needs_expansion(project: Project) -> bool:
    """Tell whether any canister has a recipe."""
    return any(canister.recipe is not None for canister in project.canisters)


async def expand_project(session: "Session", shown: Project) -> Project:
    """Return `shown`, which is the session's project or a selection of it, with every recipe's steps in place.

    Environments share expansions that cannot differ. The project's own list of canisters has the steps of environment
    `local` (of the first environment shown, if that is not among them). Nothing is pinned; what is not, is warned about.
    Raises what is wrong with all recipes at once.
    """
    environments = sorted(shown.environments.values(), key=lambda each: (each.name != _FIRST, each.protected))
    first = environments[0]
    wanted: dict[_Key, tuple[Environment, Canister]] = {}
    for environment, canisters in [(each, each.canisters) for each in environments] + [(first, shown.canisters)]:
        for canister in canisters:
            if canister.recipe is not None:
                wanted.setdefault(_key(canister, canister.recipe, environment), (environment, canister))
    expanded = await _expand_all(session, wanted)
    return replace(
        shown,
        canisters=_with_steps(shown.canisters, first, expanded),
        environments=MappingProxyType(
            {name: replace(each, canisters=_with_steps(each.canisters, each, expanded)) for name, each in shown.environments.items()}
        ),
    )


def _key(canister: Canister, reference: RecipeReference, environment: Environment) -> _Key:
    """Return the key of an expansion; only bundled recipes, whose address is a bare word, are told of the network."""
    bundled = not any(mark in reference.address for mark in "/@:")
    return canister.name, isinstance(environment.network, ManagedNetwork) if bundled else None


async def _expand_all(session: "Session", wanted: Mapping[_Key, tuple[Environment, Canister]]) -> Mapping[_Key, Canister]:
    from orchestrator.engine.recipes import expand_recipes, open_loader

    loader = open_loader(session, writes=False)
    groups: dict[str, list[_Key]] = defaultdict(list)
    for key, (environment, _) in wanted.items():
        groups[environment.name].append(key)
    found: dict[_Key, Canister] = {}
    errors: list[OrchestratorError] = []
    for keys in groups.values():
        environment = wanted[keys[0]][0]
        unprotected = replace(environment, protected=False)  # looking at it changes nothing
        there = replace(session, environment=unprotected, files=session.layout.environment(environment))
        try:
            found.update(zip(keys, await expand_recipes(there, [wanted[key][1] for key in keys], loader=loader), strict=True))
        except OrchestratorError as error:
            errors.append(error)
    _raise_all(errors)
    return found


def _raise_all(errors: Sequence[OrchestratorError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        found = tuple(dict.fromkeys(diagnostic for error in errors for diagnostic in error.diagnostics))
        raise RecipeError("recipes of the project cannot be expanded", slug="recipe/not-expanded", diagnostics=found)


def _with_steps(canisters: Iterable[Canister], environment: Environment, expanded: Mapping[_Key, Canister]) -> tuple[Canister, ...]:
    return tuple(_with_own_steps(canister, environment, expanded) for canister in canisters)


def _with_own_steps(canister: Canister, environment: Environment, expanded: Mapping[_Key, Canister]) -> Canister:
    if canister.recipe is None:
        return canister
    steps = expanded[_key(canister, canister.recipe, environment)]
    return replace(canister, build=steps.build, sync=steps.sync, recipe=None)
