"""What plugin steps declare, looked at by itself: nothing is built, downloaded or sent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.core.project import Canister, PluginStep, Project
from orchestrator.errors import Diagnostic, OrchestratorError, PluginRefusedError
from orchestrator.sandbox.request import Preopen

__all__ = ["check_declarations", "find_private", "plugin_steps"]

_MADE_LATER = frozenset({"plugin/dir-missing", "plugin/file-missing"})


def check_declarations(project: Project, *, strict: bool = False) -> tuple[Diagnostic, ...]:
    """Return warnings about what the plugin steps of a project declare; with `strict` they are errors.

    Raises `PluginRefusedError` with all errors. What is not there is left alone, because a build may make it; so are steps
    behind a script, and those of recipes.
    """
    found: list[Diagnostic] = []
    for canister in project.canisters:
        for step, made_before in plugin_steps(canister):
            if made_before:
                found += _problems_with(project, canister, step)
    found = list(dict.fromkeys(replace(each, severity="error") if strict else each for each in found))
    errors = [each for each in found if each.severity == "error"]
    if errors:
        one = errors[0]
        summary = one.summary if len(errors) == 1 else f"plugins are refused for {len(errors)} reasons"
        raise PluginRefusedError(summary, slug=one.slug, span=one.span, diagnostics=errors)
    return tuple(found)


def plugin_steps(canister: Canister) -> Iterator[tuple[PluginStep, bool]]:
    """Yield the plugin steps, and whether their inputs must be there before the first sync step runs."""
    made_before = True
    for step in canister.sync:
        if isinstance(step, PluginStep):
            yield step, made_before
        else:
            made_before = False


def find_private(step: PluginStep, directories: Sequence[Preopen]) -> list[Diagnostic]:
    """Return the warnings about what a step's directories hold, each at its entry's place."""
    from orchestrator.sandbox.private_contents import find_private_contents

    return [each for directory in directories for each in find_private_contents(directory, step.place_of_directory(directory.guest))]


def _problems_with(project: Project, canister: Canister, step: PluginStep) -> list[Diagnostic]:
    from orchestrator.engine.plugins import load_declared

    refused: list[OrchestratorError] = []
    directories, _ = load_declared(canister, step, refused, project.directory)
    errors = [each for error in refused for each in error.diagnostics if each.slug not in _MADE_LATER]
    return [*errors, *find_private(step, directories)]
