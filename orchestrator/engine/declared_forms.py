"""Whether a plugin step is written in the form that its plugin's interface wants."""

from orchestrator.core.project import EntrySection, PluginStep
from orchestrator.errors import PluginRefusedError

__all__ = ["check_forms", "read_interface"]


def read_interface(component: bytes) -> str | None:
    """Return a component's version of icp:sync-plugin, `None` where only compiling it can tell.

    Raises `PluginRefusedError`, without a place, for what is no plugin for this host.
    """
    from orchestrator.sandbox.component import inspect_component

    return inspect_component(component).interface


def check_forms(step: PluginStep, interface: str | None) -> None:
    """Refuse a step whose entries have names that a plugin of this version is not given, or the reverse."""
    from orchestrator.sandbox.interface import minor_version

    version = None if interface is None else minor_version(interface)
    if version == "0.1":
        _check_first(step)
    elif version == "0.2":
        _check_second(step)


def _check_first(step: PluginStep) -> None:
    named: tuple[tuple[EntrySection, tuple[str, ...], tuple[str, ...] | None], ...] = (
        ("dirs", step.dirs, step.dir_keys),
        ("files", step.files, step.file_keys),
    )
    for what, paths, keys in named:
        if keys:
            raise PluginRefusedError(
                f"the plugin is made for icp:sync-plugin@0.1, whose entries have no names, but `{what}` gives `{paths[0]}` the name `{keys[0]}`",
                slug="plugin/entry-names",
                span=step.place_of(what, 0),
                hint=f"write `{what}` as a list of paths, or build the plugin for icp:sync-plugin@0.2",
            )


def _check_second(step: PluginStep) -> None:
    if step.dirs:
        raise PluginRefusedError(
            f"the plugin is made for icp:sync-plugin@0.2, which knows no `dirs`, but the step has `{step.dirs[0]}` there",
            slug="plugin/entry-names",
            span=step.place_of("dirs", 0),
            hint="name the directory under `files`: what is on disk tells a directory from a file",
        )
    if step.files and step.file_keys is None:
        raise PluginRefusedError(
            f"the plugin is made for icp:sync-plugin@0.2, which names every entry, but `{step.files[0]}` has no name",
            slug="plugin/entry-names",
            span=step.place_of("files", 0),
            hint="write `files` as a map from names to paths, or build the plugin for icp:sync-plugin@0.1",
        )
