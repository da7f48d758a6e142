"""Whether the state can be saved: the log says every failure, and whoever uses the network is told of the last one."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from orchestrator.errors import OrchestratorError
from orchestrator.replica.control import ControlError, Operations
from orchestrator.replica.driver import Persistence

__all__ = ["WatchedPersistence"]

_T = TypeVar("_T")


class WatchedPersistence:
    """Saves by way of another one, and remembers why that failed, until the state is saved again."""

    def __init__(self, persistence: Persistence) -> None:
        """Take what saves; nothing has failed yet."""
        self._persistence = persistence
        self.failing: str | None = None

    def save_created(self) -> None:
        """Make the ids of new canisters durable."""
        self._watch(self._persistence.save_created)

    def checkpoint(self) -> float:
        """Save what changed, and return how many seconds that took."""
        seconds = self._watch(self._persistence.checkpoint)
        self.failing = None
        return seconds

    def operations(self) -> Operations:
        """Return the control channel's route `/state`, which answers `failing`: why the state cannot be saved, or null."""

        async def state(content: Mapping[str, object]) -> Mapping[str, object]:
            if content:
                raise ControlError(400, "`/state` takes nothing")
            return {"failing": self.failing}

        return {"/state": state}

    def _watch(self, save: Callable[[], _T]) -> _T:
        try:
            return save()
        except OrchestratorError as error:
            self.failing = f"{error.summary}: {error.detail}" if error.detail else error.summary
            raise
        except OSError as error:
            self.failing = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
            raise
