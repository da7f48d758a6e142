"""What commands about recipes share: the project that they were typed in, if any, and the recipe that a word means."""

from typing import TYPE_CHECKING

from orchestrator.cli.state import State
from orchestrator.cli.verbs import open_project, show_warnings, wait
from orchestrator.errors import ManifestError

if TYPE_CHECKING:
    from orchestrator.core.project import Project
    from orchestrator.recipes.authored import AuthoredRecipe

__all__ = ["load_any_recipe", "open_project_if_any"]


def open_project_if_any(state: State) -> "Project | None":
    """Load the project that the command was typed in; None where there is none. Raises `ManifestError` for a broken one."""
    from orchestrator import manifest

    if state.project is None:
        try:
            manifest.find_project(state.terminal.directory)
        except ManifestError:
            return None
    return open_project(state)


def load_any_recipe(state: State, text: str) -> "AuthoredRecipe":
    """Find the recipe that was named; a project is looked for only where an address needs its pins and registries."""
    from orchestrator.engine.authoring.recipe_addresses import load_recipe
    from orchestrator.engine.authoring.recipe_files import find_template, open_recipe

    terminal = state.terminal
    if find_template(text, terminal.directory) is not None:
        return open_recipe(text, terminal.directory)
    project = open_project_if_any(state) if text.startswith(("@", "https://", "http://")) else None
    offline = bool(state.offline)
    found = wait(lambda: load_recipe(text, terminal.directory, project=project, environ=terminal.environ, offline=offline))
    show_warnings(state, found.warnings)
    return found
