"""Directories and files of a run alone: what is written about them, resolved and read by the rules of a step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.request import InlineFile, Preopen

__all__ = ["load_entries", "load_named_entries"]


def load_entries(base: Path, dirs: Sequence[str], files: Sequence[str]) -> tuple[tuple[Preopen, ...], tuple[InlineFile, ...]]:
    """Resolve the entries of a plugin of 0.1: paths. Raises `PluginRefusedError`."""
    from orchestrator.sandbox.declared import read_file, resolve_directory

    return tuple(resolve_directory(base, path) for path in dirs), tuple(read_file(base, path) for path in files)


def load_named_entries(base: Path, dirs: Sequence[str], files: Sequence[str]) -> tuple[tuple[Preopen, ...], tuple[InlineFile, ...]]:
    """Resolve the entries of a plugin of 0.2, `NAME=PATH`: a file that is a directory is one. Raises `PluginRefusedError`."""
    from orchestrator.sandbox.declared import read_file, resolve_directory

    named = list(_split(files))
    directories = [*_split(dirs), *((name, path) for name, path in named if (base / path).is_dir())]
    return (
        tuple(replace(resolve_directory(base, path, project_directory=base), key=name) for name, path in directories),
        tuple(replace(read_file(base, path, project_directory=base), key=name) for name, path in named if not (base / path).is_dir()),
    )


def _split(entries: Sequence[str]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        name, _, path = entry.partition("=")
        if not name or not path:
            raise PluginRefusedError(
                f"the plugin is made for icp:sync-plugin@0.2, which names every entry, but `{entry}` is not of the form NAME=PATH",
                slug="plugin/entry-names",
                hint=f"write `NAME={path or name}`, with the name that the step has under `files`",
            )
        yield name, path
