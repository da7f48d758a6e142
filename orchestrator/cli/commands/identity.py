"""`orchestrator identity list|principal|default|new`."""

import json
from pathlib import Path

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options
from orchestrator.cli.questions import load_password, make_password_source
from orchestrator.cli.state import State

__all__ = ["default", "identity", "list_identities", "new", "principal"]

_HERE = "orchestrator.cli.commands.identity"
_COMMANDS = {
    "list": f"{_HERE}:list_identities",
    "principal": f"{_HERE}:principal",
    "default": f"{_HERE}:default",
    "new": f"{_HERE}:new",
}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Look at identities, choose and make them.")
@shared_options
def identity() -> None:
    """Look at identities, choose and make them; they are icp-cli's."""


@click.command("list", short_help="List identities.")
@shared_options
@click.pass_obj
def list_identities(state: State) -> None:
    """List all identities with their principals; `*` marks the default one."""
    from orchestrator.agent.identities import IdentityStore, icp_data_directory
    from orchestrator.ui.identities import IdentityRow, identities_to_json, render_identities

    records = IdentityStore(icp_data_directory(state.terminal.environ)).load_records()
    rows = [IdentityRow(name=each.name, principal=each.principal, is_default=each.is_default) for each in records]
    text = json.dumps(identities_to_json(rows), ensure_ascii=False) if state.as_json else render_identities(rows)
    state.terminal.stdout.write(f"{text}\n")


@click.command(short_help="Print an identity's principal.")
@shared_options
@click.pass_obj
def principal(state: State) -> None:
    """Print the principal of the default identity, or of `--identity`."""
    from orchestrator.agent.identities import IdentityStore, icp_data_directory, load_identity

    directory = icp_data_directory(state.terminal.environ)
    found = load_identity(state.identity, directory, make_password_source(state, in_loop=False))
    name = state.identity if state.identity is not None else IdentityStore(directory).load_default_name()
    _print(state, str(found.principal), name=name, principal=str(found.principal))


@click.command(short_help="Print or set the default identity.")
@click.argument("name", required=False)
@shared_options
@click.pass_obj
def default(state: State, *, name: str | None) -> None:
    """Print the name of the default identity, or make NAME the default."""
    from orchestrator.agent.identities import IdentityStore, icp_data_directory
    from orchestrator.agent.identity_files import IdentityFiles

    directory = icp_data_directory(state.terminal.environ)
    if name is None:
        found = IdentityStore(directory).load_default_name()
        _print(state, found, default_identity=found)
        return
    IdentityFiles(directory).set_default(name)
    state.terminal.stderr.write(f"The default identity is `{name}`\n")
    if state.as_json:
        _print(state, name, default_identity=name)


@click.command(short_help="Make an identity.")
@click.argument("name")
@click.option("--storage-password-file", metavar="FILE", type=click.Path(path_type=Path), help="Encrypt the key with this file's password.")
@shared_options
@click.pass_obj
def new(state: State, *, name: str, storage_password_file: Path | None) -> None:
    """Make an identity NAME with a fresh key, and print its principal. Without a password the key is stored as it is."""
    from orchestrator.agent.identities import icp_data_directory
    from orchestrator.agent.identity_files import IdentityFiles

    password = load_password(state, storage_password_file) if storage_password_file is not None else None
    made = IdentityFiles(icp_data_directory(state.terminal.environ)).create(name, password=password)
    protection = "encrypted" if password is not None else "not encrypted; whoever reads the file is this identity"
    state.terminal.stderr.write(f"Made identity `{name}`; its key is {protection}\n")
    _print(state, str(made.principal), name=name, principal=str(made.principal))


def _print(state: State, text: str, **fields: str) -> None:
    """Print a text, or with `--json` the fields that it is about."""
    from orchestrator.ui.identities import IDENTITY_SCHEMA

    shown = json.dumps({"schema": IDENTITY_SCHEMA, **fields}, ensure_ascii=False) if state.as_json else text
    state.terminal.stdout.write(f"{shown}\n")
