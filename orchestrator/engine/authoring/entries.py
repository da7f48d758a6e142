"""Directories and files as they are written for a run alone: paths, which plugins of icp:sync-plugin@0.2 know by names."""

from collections.abc import Iterable, Iterator

from orchestrator.errors import PluginRefusedError

__all__ = ["names_entries", "split_entries"]

_SECOND = "0.2"


def names_entries(component: bytes) -> bool:
    """Tell whether a component is given names for its directories and files."""
    from orchestrator.sandbox.component import inspect_component
    from orchestrator.sandbox.interface import minor_version

    try:
        interface = inspect_component(component).interface
    except PluginRefusedError:
        return False  # the run will say so
    return interface is not None and minor_version(interface) == _SECOND


def split_entries(entries: Iterable[str], *, has_names: bool) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each entry. `NAME=PATH` has both where names count; a bare path is its own name there."""
    for entry in entries:
        name, sign, path = entry.partition("=")
        if not has_names:
            yield "", entry
        elif sign:
            yield name, path
        else:
            yield entry, entry
