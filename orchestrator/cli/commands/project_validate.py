"""`orchestrator project validate`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from orchestrator.cli.options import locked_option, offline_option, shared_options_of_environments
from orchestrator.cli.state import State
from orchestrator.cli.verbs import find_directory, look_into, show_warnings
from orchestrator.errors import ExitCode, ManifestError

if TYPE_CHECKING:
    from orchestrator.core.project import Environment, Project
    from orchestrator.engine.validating import Validation
    from orchestrator.manifest import Reading

__all__ = ["validate"]


@click.command(short_help="Check the project's files.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@offline_option
@locked_option
@shared_options_of_environments
@click.pass_obj
def validate(state: State, *, strict: bool, environments: tuple[str, ...]) -> int:
    """Check the project's files and report everything that is wrong at once; nothing is built, sent or written.

    Recipes are expanded for every environment, or for those of `--env`, which may be repeated; recipes that are not at hand
    are downloaded.
    """
    from orchestrator.ui.projects import render_valid, validation_to_json

    found = _check(state, environments, strict=strict)
    if state.as_json:
        state.terminal.stdout.write(f"{validation_to_json(found.validation, found.project, manifest=found.manifest)}\n")
        return ExitCode.DONE if found.validation.valid else ExitCode.FAILED
    found.validation.raise_errors()
    show_warnings(state, found.validation.problems)
    if found.project is not None:
        state.terminal.stderr.write(f"{render_valid(found.project, found.validation, base=state.terminal.directory)}\n")
    return ExitCode.DONE


class _Found(NamedTuple):
    """A project that can be loaded, and what is wrong or odd about its files."""

    manifest: Path | None
    project: "Project | None"
    validation: "Validation"


def _check(state: State, names: Sequence[str], *, strict: bool) -> _Found:
    from orchestrator.engine.validating import Validation
    from orchestrator.manifest import read_project

    manifest = None
    try:
        reading = read_project(find_directory(state))
        manifest = reading.project.manifest
        validation = _validate(state, reading, names)
    except ManifestError as error:
        reading, validation = None, Validation(problems=error.diagnostics)
    if strict:
        validation = replace(validation, problems=tuple(replace(each, severity="error") for each in validation.problems))
    return _Found(manifest, reading.project if reading is not None and not reading.errors else None, validation)


def _validate(state: State, reading: "Reading", names: Sequence[str]) -> "Validation":
    from orchestrator.engine.validating import validate_project

    chosen = _choose(reading, names or ((state.environment,) if state.environment_is_typed else ()))
    first = chosen[0].name if chosen else next(iter(reading.project.environments))
    return look_into(
        state, reading.project, "project validate", lambda session: validate_project(session, chosen, reading=reading), environment=first
    )


def _choose(reading: "Reading", names: Sequence[str]) -> "tuple[Environment, ...]":
    """Return the environments of these names, or all; one that is not there may be what has a mistake in it."""
    from orchestrator.engine.session import select_environment

    known = reading.project.environments
    if not names:
        return tuple(known.values())
    return tuple(select_environment(reading.project, name) for name in dict.fromkeys(names) if name in known or not reading.errors)
