"""Builds, deploys and syncs Internet Computer projects per environment.

The names below are the Python API, and the command line is its first user:

    project = await orchestrator.load_project(Path("."))
    session = orchestrator.open_session(project, "local", verb="deploy")
    await orchestrator.deploy(session)

Each is imported where it is asked for first (PEP 562), so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator import errors, events
    from orchestrator.core.plan import Plan
    from orchestrator.core.project import Project
    from orchestrator.core.version import __version__ as __version__
    from orchestrator.engine import Options, Session, apply, build, call, deploy, load_project, open_session, plan, sync
    from orchestrator.engine.authoring.mock import CallFailure
    from orchestrator.engine.authoring.recipe_cases import run_recipe_cases
    from orchestrator.engine.authoring.recipe_files import open_recipe
    from orchestrator.engine.authoring.recipe_lint import lint_recipe
    from orchestrator.engine.authoring.recipe_rendering import RecipeInput, render_recipe
    from orchestrator.engine.authoring.running import run_plugin_alone
    from orchestrator.engine.authoring.trial import PluginTrial
    from orchestrator.network.control import advance_time
    from orchestrator.network.manager import connect
    from orchestrator.sandbox.reports import TrialCall, TrialReport, TrialSection

__all__ = [
    "CallFailure",
    "Options",
    "Plan",
    "PluginTrial",
    "Project",
    "RecipeInput",
    "Session",
    "TrialCall",
    "TrialReport",
    "TrialSection",
    "advance_time",
    "apply",
    "build",
    "call",
    "connect",
    "deploy",
    "errors",
    "events",
    "lint_recipe",
    "load_project",
    "open_recipe",
    "open_session",
    "plan",
    "render_recipe",
    "run_plugin_alone",
    "run_recipe_cases",
    "sync",
]

_HOMES = {
    "core.plan": ("Plan",),
    "core.project": ("Project",),
    "core.version": ("__version__",),
    "engine": ("Options", "Session", "apply", "build", "call", "deploy", "load_project", "open_session", "plan", "sync"),
    "engine.authoring.mock": ("CallFailure",),
    "engine.authoring.recipe_cases": ("run_recipe_cases",),
    "engine.authoring.recipe_files": ("open_recipe",),
    "engine.authoring.recipe_lint": ("lint_recipe",),
    "engine.authoring.recipe_rendering": ("RecipeInput", "render_recipe"),
    "engine.authoring.running": ("run_plugin_alone",),
    "engine.authoring.trial": ("PluginTrial",),
    "network.control": ("advance_time",),
    "network.manager": ("connect",),
    "sandbox.reports": ("TrialCall", "TrialReport", "TrialSection"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}
_SUBMODULES = frozenset({"errors", "events"})


def __getattr__(name: str) -> object:
    """Import a public name's module when it is asked for."""
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
