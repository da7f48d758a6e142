"""An apply in progress: what its steps need, how they are reported, and which canisters have failed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from orchestrator.core.principal import Principal
from orchestrator.engine.failures import name_failure
from orchestrator.engine.ports import Connection, NetworkPort
from orchestrator.engine.preparing import Preparation
from orchestrator.engine.recorder import Operation, Recorder
from orchestrator.engine.session import Session
from orchestrator.engine.stores import Stores
from orchestrator.errors import DeployError, Diagnostic, OrchestratorError, OutcomeUnknownError
from orchestrator.events import StepFailed, StepFinished, StepKind, StepStarted

__all__ = ["Failures", "Run", "fail_step", "run_step"]


@dataclass(slots=True)
class Failures:
    """What failed so far, by canister; the one value of a run that grows."""

    by_canister: dict[str, list[OrchestratorError]] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)

    def add(self, canister: str, error: OrchestratorError) -> None:
        """Keep a failure; the canister takes no further steps."""
        self.by_canister.setdefault(canister, []).append(error)

    def block(self, canister: str, reason: str) -> None:
        """Keep that a canister was not tried because of another's failure."""
        self.blocked[canister] = reason

    def stopped(self, canister: str) -> bool:
        """Return whether a canister takes no further steps."""
        return canister in self.by_canister or canister in self.blocked

    def raise_all(self) -> None:
        """Raise everything at once; an outcome that is not known decides the exit code."""
        errors = [error for failures in self.by_canister.values() for error in failures]
        if not errors:
            return
        if len(errors) == 1 and not self.blocked:
            raise errors[0]
        raise _combined(errors, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that the steps of one apply share.

    `creation_times` are those that creations were asked for with, `proxies` those that serve this identity, and
    `preparation` is what is ready for plugins.
    """

    session: Session
    connection: Connection
    recorder: Recorder
    stores: Stores
    failures: Failures = field(default_factory=Failures)
    creation_times: set[int] = field(default_factory=set)
    proxies: set[Principal] = field(default_factory=set)
    preparation: Preparation = field(default_factory=Preparation)

    def port(self, operation: Operation) -> NetworkPort:
        """Return a port whose update calls are journaled as part of `operation`."""
        return self.connection.open_port(operation)


def _combined(errors: list[OrchestratorError], failures: Failures) -> OrchestratorError:
    """Return one error that carries all of them."""
    diagnostics: list[Diagnostic] = [diagnostic for error in errors for diagnostic in error.diagnostics]
    unknown = any(isinstance(error, OutcomeUnknownError) for error in errors)
    names = ", ".join(f"`{name}`" for name in sorted(failures.by_canister))
    causes = [f"`{name}`: {error.summary}" for name, kept in sorted(failures.by_canister.items()) for error in kept]
    waiting = ", ".join(f"`{name}` ({reason})" for name, reason in sorted(failures.blocked.items()))
    kind = OutcomeUnknownError if unknown else DeployError
    detail = "\n".join([*causes, *([f"not tried: {waiting}"] if waiting else [])])
    return kind(f"failed: {names}", detail=detail, diagnostics=diagnostics)


def fail_step(
    run: Run, canister: str, step: StepKind, error: OrchestratorError, *, index: int = 1, total: int = 1, name: str | None = None
) -> None:
    """Keep and report a failure, which ends this canister's steps only."""
    run.failures.add(canister, name_failure(error, canister))
    run.session.emit(
        StepFailed(
            canister=canister,
            step=step,
            index=index,
            total=total,
            slug=error.slug,
            summary=error.summary,
            detail=error.detail,
            hint=error.hint,
            name=name,
        )
    )


async def run_step(
    run: Run,
    canister: str,
    step: StepKind,
    action: Callable[[], Awaitable[None]],
    *,
    index: int = 1,
    total: int = 1,
    name: str | None = None,
) -> bool:
    """Report a step around `action`; a failure is kept in the run and ends this canister's steps only.

    Returns whether it succeeded. Cancellation and bugs pass through.
    """
    emit = run.session.emit
    started = anyio.current_time()
    emit(StepStarted(canister=canister, step=step, index=index, total=total, name=name))
    try:
        await action()
    except OrchestratorError as error:
        fail_step(run, canister, step, error, index=index, total=total, name=name)
        return False
    seconds = anyio.current_time() - started
    emit(StepFinished(canister=canister, step=step, index=index, total=total, seconds=seconds, name=name))
    return True
