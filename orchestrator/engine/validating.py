"""Everything that is wrong with a project, as far as that can be known without building or sending anything.

Beyond what loading finds: recipes are expanded for every environment, arguments are read as what they say they are, and the
files that steps name are looked at, unless a script before them may make or change them. Nothing is written, no lock file either.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.project import Canister, Environment, Project
from orchestrator.engine.argument_checks import check_arguments
from orchestrator.engine.pins import Pinning, open_lock_file
from orchestrator.engine.recipe_loading import RecipeLoader
from orchestrator.engine.recipes import expand_recipes, open_loader
from orchestrator.engine.session import Session
from orchestrator.engine.step_checks import check_steps
from orchestrator.errors import Diagnostic, ManifestError, OrchestratorError, Span
from orchestrator.events import Emit, Event, Warned
from orchestrator.manifest import Reading
from orchestrator.manifest.problems import is_guess, limit_problems, say_left

__all__ = ["Validation", "validate_project"]

_UNCHECKED_SLUGS = frozenset({"recipe/offline", "download/offline"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What was found; `unchecked` counts the files that only a build can tell about, because a script comes before them.

    `left` is how many problems are not among them, because there are too many.
    """

    problems: tuple[Diagnostic, ...] = ()
    unchecked: int = 0
    left: int = 0

    @property
    def valid(self) -> bool:
        """Tell whether nothing is wrong; what is odd does not count."""
        return all(each.severity == "warning" for each in self.problems)

    def raise_errors(self) -> None:
        """Raise `ManifestError` with everything, if something is wrong."""
        if self.valid:
            return
        if len(self.problems) == 1:
            (one,) = self.problems
            raise ManifestError(one.summary, slug=one.slug, diagnostics=self.problems)
        raise ManifestError("the project is not valid", detail=say_left(self.left), diagnostics=self.problems)


async def validate_project(session: Session, environments: Sequence[Environment], *, reading: Reading) -> Validation:
    """Check what was read of a session's project, its recipes for each of these environments; the session's own does not matter.

    What reading found comes first; what may be wrong only because something could not be read is left out.
    """
    collector = _Collector(session.emit)
    session = replace(session, emit=collector.emit)
    loader = open_loader(session, pins=Pinning(open_lock_file(session.layout), tell=collector.tell, writes=False))
    canisters: list[Canister] = []
    for environment in environments:
        canisters += await _expand(replace(session, environment=environment), environment.canisters, loader, collector)
    unchecked = 0
    for canister in _without_repetition(canisters):
        collector.found += check_arguments(canister)
        found, skipped = check_steps(canister, session.project.directory)
        collector.found += found
        unchecked += skipped
    if not reading.errors:
        collector.found += _look_for_emptiness(session.project, environments)
        collector.found += _look_for_the_unusable(session.project, environments)
    found = collector.found if reading.complete else [each for each in collector.found if not is_guess(each)]
    problems, left = limit_problems([*reading.errors, *session.project.warnings, *found])
    return Validation(problems=problems, unchecked=unchecked, left=left)


class _Collector:
    """What was found so far; what is no warning is passed on."""

    def __init__(self, emit: Emit) -> None:
        self.found: list[Diagnostic] = []
        self._emit = emit

    def emit(self, event: Event) -> None:
        """Note what the engine warns about."""
        if isinstance(event, Warned):
            self.tell(Diagnostic(slug=event.slug, summary=event.summary, severity="warning", span=event.place, hint=event.hint))
        else:
            self._emit(event)

    def tell(self, diagnostic: Diagnostic) -> None:
        """Note a problem."""
        self.found.append(diagnostic)

    def refuse(self, error: OrchestratorError) -> None:
        """Note what an error says; what could not be looked at offline is odd, not wrong."""
        self.found += map(_with_way_on, error.diagnostics)


def _with_way_on(diagnostic: Diagnostic) -> Diagnostic:
    """Return a problem; one that a network has says how to check the rest, and what that leaves out is no error."""
    if diagnostic.slug in _UNCHECKED_SLUGS:
        return replace(diagnostic, severity="warning", hint="validate once with a connection, or without `--offline`")
    if diagnostic.slug == "recipe/download":
        return replace(diagnostic, hint=f"{diagnostic.hint}; `--offline` checks the rest and makes this a warning")
    return diagnostic


async def _expand(session: Session, canisters: Sequence[Canister], loader: RecipeLoader, collector: _Collector) -> Sequence[Canister]:
    """Return the canisters whose steps are known; what is wrong with the recipes of the others is noted."""
    try:
        return await expand_recipes(session, canisters, loader=loader)
    except OrchestratorError as error:
        collector.refuse(error)
    quiet = replace(session, emit=lambda _event: None)
    expanded: list[Canister] = []
    for canister in canisters:
        try:
            expanded += await expand_recipes(quiet, [canister], loader=loader)
        except OrchestratorError:  # noted above, with all others
            expanded.append(replace(canister, sync=()))  # its arguments can be looked at; its steps come after unknown ones
    return expanded


def _without_repetition(canisters: Iterable[Canister]) -> Iterator[Canister]:
    """Yield what differs: most environments have the same canisters."""
    seen: dict[str, list[Canister]] = {}
    for canister in canisters:
        same_name = seen.setdefault(canister.name, [])
        if canister not in same_name:
            same_name.append(canister)
            yield canister


def _look_for_emptiness(project: Project, environments: Sequence[Environment]) -> Iterator[Diagnostic]:
    """Yield what is allowed and rarely meant."""
    if not project.canisters:
        yield Diagnostic(
            slug="manifest/no-canisters",
            summary="the project has no canisters",
            severity="warning",
            span=Span(path=project.manifest, line=1, column=1),
            hint="add `canisters:` with a list; each has a `name` and a `build` or a `recipe`",
        )
        return
    for environment in environments:
        if not environment.canisters:
            yield Diagnostic(
                slug="manifest/no-canisters",
                summary=f"the environment `{environment.name}` has no canisters: nothing is deployed there",
                severity="warning",
                span=environment.span,
                hint="name some in its `canisters`, or remove that key for all of them",
            )


def _look_for_the_unusable(project: Project, environments: Sequence[Environment]) -> Iterator[Diagnostic]:
    """Yield environments that nothing can be done with until every project of the workspace knows them."""
    for environment in environments:
        if missing := project.missing_environments.get(environment.name):
            yield Diagnostic(
                slug="manifest/environment-not-defined",
                summary=f"the environment `{environment.name}` cannot be used: {', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not define it",
                severity="warning",
                span=environment.span,
                hint=f"add `- name: {environment.name}` to `environments` in {', '.join(f'{key}/icp.yaml' for key in missing)}",
            )
