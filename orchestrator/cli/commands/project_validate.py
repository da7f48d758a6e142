"""`orchestrator project validate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import locked_option, offline_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import find_directory, look_into, show_warnings
from orchestrator.errors import ExitCode, ManifestError

if TYPE_CHECKING:
    from orchestrator.core.project import Project
    from orchestrator.engine.validating import Validation
    from orchestrator.errors import Diagnostic

__all__ = ["validate"]


@click.command(short_help="Check the project's files.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@offline_option
@locked_option
@shared_options
@click.pass_obj
def validate(state: State, *, strict: bool) -> int:
    """Check the project's files and report everything that is wrong at once; nothing is built, sent or written.

    Recipes are expanded for every environment, or for that of `--env`; those that are not at hand are downloaded.
    """
    from orchestrator.engine.validating import Validation
    from orchestrator.manifest import MANIFEST_FILE, load_project
    from orchestrator.ui.projects import render_valid, validation_to_json

    directory = find_directory(state)
    project, validation = None, Validation()
    try:
        project = load_project(directory)
        validation = _validate(state, project)
    except ManifestError as error:
        if not state.as_json and not strict:
            raise
        validation = Validation(problems=error.diagnostics if not strict else _strict_problems(directory) or error.diagnostics)
    if strict:
        validation = replace(validation, problems=tuple(replace(each, severity="error") for each in validation.problems))
    if state.as_json:
        state.terminal.stdout.write(f"{validation_to_json(validation, project, manifest=directory / MANIFEST_FILE)}\n")
        return ExitCode.DONE if validation.valid else ExitCode.FAILED
    validation.raise_errors()
    if project is not None:
        show_warnings(state, validation.problems)
        state.terminal.stderr.write(f"{render_valid(project, validation, base=state.terminal.directory)}\n")
    return ExitCode.DONE


def _validate(state: State, project: "Project") -> "Validation":
    from orchestrator.engine.session import select_environment
    from orchestrator.engine.validating import validate_project

    every = tuple(project.environments.values())
    chosen = (select_environment(project, state.environment),) if state.environment_is_typed else every
    return look_into(state, project, "project validate", lambda session: validate_project(session, chosen), environment=chosen[0].name)


def _strict_problems(directory: Path) -> "tuple[Diagnostic, ...]":
    """Return what loading alone finds, its warnings as errors."""
    from orchestrator.manifest import load_project

    try:
        load_project(directory, strict=True)
    except ManifestError as error:
        return error.diagnostics
    return ()
