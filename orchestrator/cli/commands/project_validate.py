"""`orchestrator project validate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    from orchestrator.ui.projects import render_valid, validation_to_json

    found = _check(state, strict=strict)
    if state.as_json:
        state.terminal.stdout.write(f"{validation_to_json(found.validation, found.project, manifest=found.manifest)}\n")
        return ExitCode.DONE if found.validation.valid else ExitCode.FAILED
    found.validation.raise_errors()
    show_warnings(state, found.validation.problems)
    if found.project is not None:
        state.terminal.stderr.write(f"{render_valid(found.project, found.validation, base=state.terminal.directory)}\n")
    return ExitCode.DONE


class _Found(NamedTuple):
    """What a project's files are, as far as they could be read, and what is wrong with them."""

    manifest: Path | None
    project: "Project | None"
    validation: "Validation"


def _check(state: State, *, strict: bool) -> _Found:
    from orchestrator.engine.validating import Validation
    from orchestrator.manifest import MANIFEST_FILE, load_project

    manifest, project = None, None
    try:
        manifest = find_directory(state) / MANIFEST_FILE
        project = load_project(manifest.parent)
        validation = _validate(state, project)
    except ManifestError as error:
        problems = (manifest is not None and strict and _strict_problems(manifest.parent)) or error.diagnostics
        validation = Validation(problems=problems, summary=error.summary, detail=error.detail)
    if strict:
        validation = replace(validation, problems=tuple(replace(each, severity="error") for each in validation.problems))
    return _Found(manifest, project, validation)


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
