"""Start a program that is a network, and wait for what it says: nothing is left of it when that fails."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio

from orchestrator.errors import NetworkError, OrchestratorError
from orchestrator.network.processes.attempt import Attempt, end_attempt, write_attempt
from orchestrator.network.processes.family import write_family
from orchestrator.network.processes.logs import describe_with_tail
from orchestrator.network.processes.process import load_birth, poll_exit, spawn_detached
from orchestrator.network.runner import Place
from orchestrator.store.atomic import make_directory

__all__ = ["Program", "started_program"]

POLL_SECONDS = 0.02
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that is starting; what it prints goes into the network's log."""

    pid: int
    birth: str
    path: Path
    place: Place

    async def wait_for(self, look: Callable[[], _Answer | None]) -> _Answer:
        """Look until there is something; raises `NetworkError` when the program ends instead."""
        while True:
            self._require_alive()
            answer = look()
            if answer is not None:
                return answer
            await anyio.sleep(POLL_SECONDS)

    async def work(self, task: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Do something that the program has to answer; raises `NetworkError` when it ends instead."""
        failure: OrchestratorError | None = None
        answers: list[_Answer] = []

        async def watch() -> None:
            await self._wait_end()
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            try:
                answers.append(await task())
            except OrchestratorError as error:
                failure = error
            group.cancel_scope.cancel()
        self._require_alive()
        if failure is not None:
            raise failure
        return answers[0]

    async def _wait_end(self) -> None:
        while True:
            if poll_exit_of(self) is not None:
                return
            await anyio.sleep(POLL_SECONDS)

    def _require_alive(self) -> None:
        status = poll_exit_of(self)
        if status is not None:
            raise self._ended(status)

    def _ended(self, status: str) -> NetworkError:
        network, log = self.place.network, self.place.files.log
        return NetworkError(
            f"the `{network.name}` network ended while it started",
            slug="network/start-failed",
            detail=describe_with_tail(f"`{self.path}` ended {status}", log),
            hint=f"see the whole log in `{log}`",
        )


def poll_exit_of(program: Program) -> str | None:
    """Return how a program has ended, in words, or `None` while it runs."""
    status = poll_exit(program.pid)
    if status is not None:
        return f"with status {status}" if status >= 0 else f"by signal {-status}"
    return None if load_birth(program.pid) == program.birth else "by itself"


@asynccontextmanager
async def started_program(place: Place, command: Sequence[str], *, variables: Mapping[str, str] | None = None) -> AsyncIterator[Program]:
    """Start a program; the block waits until it is ready, within the place's time.

    The program, and what it has started, is ended when the block fails or is cancelled. Raises `NetworkError`.
    """
    make_directory(place.files.directory)
    seconds = place.start_seconds
    try:
        pid = spawn_detached(command, environ={**place.settings.environ, **(variables or {})}, log=place.files.log)
    except OSError as error:
        raise _unstartable(place, command[0], error) from error
    program = Program(pid=pid, birth=load_birth(pid) or "", path=Path(command[0]), place=place)
    attempt = Attempt(pid=pid, birth=program.birth)
    ready = timely = False
    try:
        write_attempt(place.files, attempt)
        with anyio.move_on_after(seconds):
            yield program
            timely = True
        if not timely:
            raise _late(place, seconds)
        write_family(place.files, pid)
        ready = True
    finally:
        if not ready:
            with anyio.CancelScope(shield=True):
                await end_attempt(place.files, attempt, seconds=place.stop_seconds)


def _unstartable(place: Place, program: str, error: OSError) -> NetworkError:
    return NetworkError(
        f"the `{place.network.name}` network cannot be started",
        slug="network/start-failed",
        detail=f"`{program}`, with its log in `{place.files.log}`: {error.strerror or error}",
        hint="check that the program runs on this machine, and who owns the folder of the log",
    )


def _late(place: Place, seconds: float) -> NetworkError:
    return NetworkError(
        f"the `{place.network.name}` network did not start in time",
        slug="network/start-timeout",
        detail=describe_with_tail(f"it was not ready after {seconds:g} s and has been stopped", place.files.log),
        hint=f"see the whole log in `{place.files.log}`",
    )
