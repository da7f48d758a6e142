"""What plugin steps declare, looked at by itself: nothing is built, downloaded or sent."""

from collections.abc import Iterator, Sequence

from orchestrator.core.project import Canister, PluginStep
from orchestrator.errors import Diagnostic
from orchestrator.sandbox.request import Preopen

__all__ = ["find_private", "plugin_steps"]


def plugin_steps(canister: Canister) -> Iterator[tuple[PluginStep, bool]]:
    """Yield the plugin steps, and whether their inputs must be there before the first sync step runs."""
    made_before = True
    for step in canister.sync:
        if isinstance(step, PluginStep):
            yield step, made_before
        else:
            made_before = False


def find_private(step: PluginStep, directories: Sequence[Preopen]) -> list[Diagnostic]:
    """Return the warnings about what a step's directories hold, each at its entry's place."""
    from orchestrator.sandbox.private_contents import find_private_contents

    return [each for directory in directories for each in find_private_contents(directory, step.place_of_directory(directory.guest))]
