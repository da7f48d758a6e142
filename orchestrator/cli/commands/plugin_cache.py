"""`orchestrator plugin cache …`: what is kept of downloads and of compiled plugins."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import locked_option, offline_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import look
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.core.project import Project
    from orchestrator.store import UserDirectories

__all__ = ["cache", "clear", "fetch", "list_", "path"]

_HERE = "orchestrator.cli.commands.plugin_cache"
_COMMANDS = {"list": f"{_HERE}:list_", "fetch": f"{_HERE}:fetch", "clear": f"{_HERE}:clear", "path": f"{_HERE}:path"}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="See, fill and clear the caches of plugins.")
@shared_options
def cache() -> None:
    """See, fill and clear what is kept of plugins: downloads, by their SHA-256, and what plugins are compiled to.

    Both can be deleted at any time; what is needed is downloaded and compiled again.
    """


@click.command("list", short_help="Show what is kept, how large it is, and when it was used.")
@shared_options
@click.pass_obj
def list_(state: State) -> None:
    """Show what is kept, how large it is, and when it was last used.

    In a project, its own plugins are called by their names.
    """
    from orchestrator.engine.packages import name_components
    from orchestrator.sandbox.compiled import list_compiled
    from orchestrator.store import PackageCache
    from orchestrator.ui.plugin_cache import CacheView, cache_to_json, render_cache

    user = _directories(state)
    project = _project_if_any(state)
    names: Mapping[str, str] = {} if project is None else name_components(project)
    packages = PackageCache(user.packages).packages()
    known = {*names, *(package.sha256 for package in packages)}
    view = CacheView(
        packages_directory=user.packages,
        packages=packages,
        components_directory=user.components,
        components=list_compiled(user.components, known),
        names=names,
    )
    _print(state, json.dumps(cache_to_json(view), ensure_ascii=False) if state.as_json else render_cache(view))


@click.command(short_help="Download a project's plugins and pinned modules ahead of time.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@offline_option
@locked_option
@shared_options
@click.pass_obj
def fetch(state: State, *, names: tuple[str, ...]) -> None:
    """Download what the named canisters (or all of the environment) need, so that `--offline` has it.

    That is plugins, modules that are pinned by their `sha256`, and recipes.
    """
    from orchestrator.engine.packages import fetch_packages
    from orchestrator.store import PackageCache
    from orchestrator.ui.plugin_cache import packages_to_json, render_packages

    wanted = set(look(state, "plugin cache fetch", lambda session: fetch_packages(session, names)))
    packages = [each for each in PackageCache(_directories(state).packages).packages() if each.sha256 in wanted]
    _print(state, json.dumps(packages_to_json(packages), ensure_ascii=False) if state.as_json else render_packages(packages))


@click.command(short_help="Delete what is kept.")
@click.option("--packages", "only_packages", is_flag=True, help="Delete downloads only.")
@click.option("--components", "only_components", is_flag=True, help="Delete compiled plugins only.")
@shared_options
@click.pass_obj
def clear(state: State, *, only_packages: bool, only_components: bool) -> None:
    """Delete downloads and compiled plugins, or one of the two; nothing else is lost than time."""
    from orchestrator.sandbox.compiled import clear_compiled
    from orchestrator.store import PackageCache
    from orchestrator.ui.plugin_cache import Cleared, cleared_to_json, render_cleared

    user = _directories(state)
    both = only_packages == only_components
    packages = components = None
    if both or only_packages:
        files, size = PackageCache(user.packages).clear()
        packages = Cleared(files=files, size=size)
    if both or only_components:
        files, size = clear_compiled(user.components)
        components = Cleared(files=files, size=size)
    told = json.dumps(cleared_to_json(packages, components)) if state.as_json else render_cleared(packages, components)
    _print(state, told)


@click.command(short_help="Print where downloads and compiled plugins are.")
@shared_options
@click.pass_obj
def path(state: State) -> None:
    """Print the folder of downloads and the folder of compiled plugins, a line each."""
    user = _directories(state)
    value = {"schema": 1, "packages_path": str(user.packages), "components_path": str(user.components)}
    _print(state, json.dumps(value, ensure_ascii=False) if state.as_json else f"{user.packages}\n{user.components}")


def _directories(state: State) -> "UserDirectories":
    from orchestrator.store import UserDirectories

    return UserDirectories.from_environment(state.terminal.environ)


def _project_if_any(state: State) -> "Project | None":
    """Return the project that the command was typed in, if there is one, and it can be read; nothing is said about it."""
    from orchestrator import manifest

    try:
        return manifest.load_project(state.project) if state.project else manifest.load_nearest(state.terminal.directory)
    except OrchestratorError:
        return None


def _print(state: State, text: str) -> None:
    state.terminal.stdout.write(f"{text}\n")
