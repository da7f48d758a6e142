"""`orchestrator project schema`."""

import json
from pathlib import Path

import click

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.errors import UsageError

__all__ = ["schema"]

_NAMES = ("icp", "overlay", "canister", "network", "environment", "recipe")


@click.command(short_help="Print JSON Schemas of the project's files.")
@click.argument("name", metavar="[icp|overlay|canister|network|environment|recipe]", type=click.Choice(_NAMES), required=False)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write NAME.schema.json into this folder; without a name, all of them.",
)
@shared_options
@click.pass_obj
def schema(state: State, *, name: str | None, output: Path | None) -> None:
    """Print the JSON Schema of icp.yaml, or of another file: editors check and explain keys with it.

    overlay is orchestrator.yaml, recipe is recipe.yaml; canister, network and environment are files that icp.yaml names.
    """
    from orchestrator.manifest.json_schema import SCHEMA_NAMES, make_schema, schema_file
    from orchestrator.store import write_atomic

    if output is None:
        indent = None if state.as_json else 2
        wanted = next((each for each in SCHEMA_NAMES if each == name), SCHEMA_NAMES[0])
        state.terminal.stdout.write(f"{json.dumps(make_schema(wanted), ensure_ascii=False, indent=indent)}\n")
        return
    directory = state.terminal.directory / output
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"`{output}` is not a folder", hint="name a folder with `-o DIR`")
    for each in SCHEMA_NAMES:
        if name in {None, each}:
            text = json.dumps(make_schema(each), ensure_ascii=False, indent=2)
            write_atomic(directory / schema_file(each), f"{text}\n".encode())
            state.terminal.stderr.write(f"wrote {output / schema_file(each)}\n")
