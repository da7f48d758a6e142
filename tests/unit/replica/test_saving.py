"""What is remembered of attempts to save the state."""

import errno

import anyio
import pytest

from orchestrator.errors import StoreError
from orchestrator.replica.control import ControlError
from orchestrator.replica.saving import WatchedPersistence


class Disk:
    """Saves, or raises what it was given."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def save_created(self) -> None:
        """Save nothing."""
        if self.error is not None:
            raise self.error

    def checkpoint(self) -> float:
        """Save nothing, in half a second."""
        self.save_created()
        return 0.5


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/state/x"), "/state/x: Permission denied"),
        (StoreError("cannot write `x`", detail="Read-only file system"), "cannot write `x`: Read-only file system"),
    ],
    ids=["full", "forbidden", "store"],
)
def test_the_last_failure_is_told_until_the_state_is_saved(error: Exception, reason: str) -> None:
    """Whoever saves learns of a failure, `/state` answers with its reason, and a checkpoint that succeeds ends it."""
    disk = Disk()
    watched = WatchedPersistence(disk)
    state = watched.operations()["/state"]
    assert anyio.run(state, {}) == {"failing": None}
    disk.error = error
    for save in (watched.save_created, watched.checkpoint):
        with pytest.raises(type(error)):
            save()
    assert anyio.run(state, {}) == {"failing": reason}
    disk.error = None
    watched.save_created()
    assert anyio.run(state, {}) == {"failing": reason}
    assert watched.checkpoint() == 0.5
    assert anyio.run(state, {}) == {"failing": None}


def test_the_question_takes_nothing() -> None:
    """What is not understood is refused."""
    with pytest.raises(ControlError):
        anyio.run(WatchedPersistence(Disk()).operations()["/state"], {"x": 1})
