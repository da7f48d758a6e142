"""`orchestrator plugin new` and `orchestrator plugin componentize`."""

import json
from pathlib import Path
from typing import get_args

import click

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.core.plugin_project import Language

__all__ = ["componentize", "new"]

_PATH = click.Path(path_type=Path)
_DEFAULT_NAME = "plugin"


@click.command(short_help="Write the project of a new plugin.")
@click.argument("directory", metavar="[DIR]", type=_PATH, required=False)
@click.option("--lang", "language", type=click.Choice(get_args(Language)), required=True, help="The language to write it in.")
@click.option("--name", metavar="NAME", help="The plugin's name [default: the folder's].")
@click.option("--extended", is_flag=True, help="Make calls in batches, which only this tool offers.")
@shared_options
@click.pass_obj
def new(state: State, *, directory: Path | None, language: Language, name: str | None, extended: bool) -> None:
    """Write a small plugin that works into DIR, by default a new folder with the plugin's name.

    The project has its source, the interface's text, a build script where one is needed, a test and a README. It is
    built by one command. No file is overwritten.
    """
    from orchestrator.engine.authoring.plugin_project import write_plugin_project
    from orchestrator.ui.new_plugins import plugin_project_to_json, render_plugin_project

    terminal = state.terminal
    shown = directory if directory is not None else Path(name or _DEFAULT_NAME)
    project = write_plugin_project(terminal.directory / shown, language=language, name=name, extended=extended)
    text = json.dumps(plugin_project_to_json(project), ensure_ascii=False) if state.as_json else render_plugin_project(project, shown)
    terminal.stdout.write(f"{text}\n")
    terminal.stdout.flush()


@click.command(short_help="Make a plugin of a core module in C or Zig.")
@click.argument("core", metavar="CORE.wasm", type=_PATH)
@click.option("-o", "--output", metavar="X.wasm", type=_PATH, required=True, help="Where to write the plugin.")
@shared_options
@click.pass_obj
def componentize(state: State, *, core: Path, output: Path) -> None:
    """Make a sync plugin of CORE.wasm, a core module that speaks the canonical ABI itself; no other tool is needed.

    It exports `memory`, `cabi_realloc` and `exec`, and imports what it uses of `canister-call` and WASI 0.2 directly:
    `plugin new` writes the declarations for C and Zig. The same module gives the same plugin, byte for byte.
    """
    from orchestrator.engine.authoring.running import read_component
    from orchestrator.sandbox.componentizing import componentize as make
    from orchestrator.store.atomic import write_atomic
    from orchestrator.ui.new_plugins import render_component_made

    terminal = state.terminal
    component = make(read_component(terminal.directory, core))
    write_atomic(terminal.directory / output, component)
    terminal.stderr.write(f"{render_component_made(output, component)}\n")
