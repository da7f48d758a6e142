"""What every way of running a network offers: find it, start it, end it, forget it. The manager does the rest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.core.project import ManagedNetwork
from orchestrator.network.access import NetworkAccess
from orchestrator.network.settings import NetworkSettings
from orchestrator.store.layout import Layout, NetworkFiles

__all__ = ["Found", "Orphan", "Place", "Runner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A network of a project, and what starting it needs."""

    project_dir: Path
    network: ManagedNetwork
    settings: NetworkSettings

    @property
    def files(self) -> NetworkFiles:
        """Return where it keeps its files."""
        return Layout(self.project_dir).network(self.network.name)

    @property
    def start_seconds(self) -> float:
        """Return how long it may take to start: a real replica takes its time, and an image has to be fetched."""
        return self.settings.start_seconds if self.network.launcher == "embedded" else self.settings.program_seconds

    @property
    def stop_seconds(self) -> float:
        """Return how long it may take to end by itself: a real replica has a large state to save."""
        return self.settings.stop_seconds if self.network.launcher == "embedded" else self.settings.program_stop_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A network that somebody started: its process or container lives, or what it left says that it did.

    `access` is not there when it cannot be known without an answer, and there is none. `listens` is its address, when
    the project has another one by now. `owner` is who else started it (`icp-cli`, `dfx`); `None` means this tool.
    """

    alive: bool
    access: NetworkAccess | None
    pid: int | None = None
    container: str | None = None
    listens: str | None = None
    crashed: bool = False
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A network that still runs although its files are gone."""

    pid: int | None = None
    container: str | None = None


class Runner(Protocol):
    """One way of running networks. Every method raises `NetworkError` for what the user can do something about.

    All but `find` and `find_orphan` are called with the network's lock held.
    """

    async def find(self, place: Place) -> Found | None:
        """Return the network that was started in this place, whether it lives or not."""
        ...

    async def find_orphan(self, place: Place) -> Orphan | None:
        """Return the network that only traces outside of the project still tell of."""
        ...

    async def launch(self, place: Place) -> NetworkAccess:
        """Start it, wait until it is ready, and write down what `find` reads. Nothing runs when this fails."""
        ...

    async def end(self, place: Place, found: Found) -> None:
        """End it, if it lives, and remove what describes it; its state stays where it can."""
        ...

    async def end_orphan(self, place: Place) -> Orphan | None:
        """End what `find_orphan` returns, and return it."""
        ...

    async def clear(self, place: Place) -> None:
        """Delete its state, once it does not run."""
        ...
