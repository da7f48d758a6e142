"""What ended a command, whatever it was, as one error."""

from collections.abc import Iterator

from orchestrator.errors import BugError, InterruptedRunError, OrchestratorError

__all__ = ["describe_ending", "leaves_of"]


def describe_ending(ending: BaseException) -> OrchestratorError:
    """Return the error that stands for an exception, or for all that tasks side by side ended with."""
    leaves = tuple(leaves_of(ending))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        return InterruptedRunError("interrupted")
    known = [leaf for leaf in leaves if isinstance(leaf, OrchestratorError)]
    if len(known) < len(leaves):
        return BugError(f"this is a bug in orchestrator: {type(ending).__name__}: {str(ending).partition(chr(10))[0]}")
    return known[0] if len(known) == 1 else _combined(known)


def leaves_of(ending: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions that a group is made of, or the exception itself."""
    if isinstance(ending, BaseExceptionGroup):
        for each in ending.exceptions:
            yield from leaves_of(each)
    else:
        yield ending


def _combined(errors: list[OrchestratorError]) -> OrchestratorError:
    """Return one error of the worst one's kind that carries what all of them say."""
    worst = max(errors, key=lambda error: error.exit_code)
    combined = type(worst).__new__(type(worst))
    diagnostics = [each for error in errors for each in error.diagnostics]
    OrchestratorError.__init__(combined, worst.summary, slug=worst.slug, diagnostics=diagnostics)
    return combined
