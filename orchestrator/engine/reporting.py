"""The first and the last event of a run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio

from orchestrator.engine.session import Session
from orchestrator.errors import ExitCode, OrchestratorError
from orchestrator.events import RunFinished, RunResult, RunStarted

__all__ = ["reported_run"]

_RESULTS: dict[ExitCode, RunResult] = {
    ExitCode.CHANGES: "changes",
    ExitCode.PAUSED: "paused",
    ExitCode.UNKNOWN: "unknown",
    ExitCode.INTERRUPTED: "interrupted",
}


@contextmanager
def reported_run(session: Session, canisters: Sequence[str] = ()) -> Iterator[None]:
    """Emit `run-started`, run the block, and emit `run-finished` with the exit code, however the block ends."""
    started = anyio.current_time()

    def finish(result: RunResult, exit_code: ExitCode) -> None:
        session.emit(RunFinished(run=session.run, result=result, exit_code=exit_code.value, seconds=anyio.current_time() - started))

    session.emit(
        RunStarted(
            run=session.run,
            verb=session.verb,
            environment=session.environment.name,
            network=session.environment.network.name,
            canisters=tuple(canisters),
        )
    )
    try:
        yield
    except OrchestratorError as error:
        finish(_RESULTS.get(error.exit_code, "failed"), error.exit_code)
        raise
    except anyio.get_cancelled_exc_class():
        finish("interrupted", ExitCode.INTERRUPTED)
        raise
    except Exception:  # a bug's last words still belong to the stream; it is raised on
        finish("failed", ExitCode.BUG)
        raise
    finish("done", ExitCode.DONE)
