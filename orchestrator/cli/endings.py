"""What ended a command, whatever it was, as one error."""

import errno
from collections.abc import Iterator

from orchestrator.errors import BugError, InterruptedRunError, OrchestratorError, StoreError

__all__ = ["describe_ending", "leaves_of"]

_MAY_NOT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def describe_ending(ending: BaseException) -> OrchestratorError:
    """Return the error that stands for an exception, or for all that tasks side by side ended with."""
    leaves = tuple(leaves_of(ending))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        return InterruptedRunError("interrupted")
    known = [error for leaf in leaves if (error := _known(leaf)) is not None]
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


def _known(leaf: BaseException) -> OrchestratorError | None:
    """Return what is no bug: an error of ours, or a file that the system does not let us use."""
    if isinstance(leaf, OrchestratorError):
        return leaf
    if not isinstance(leaf, OSError) or not (leaf.errno in _NO_ROOM or (leaf.errno in _MAY_NOT and leaf.filename is not None)):
        return None
    reason = leaf.strerror or str(leaf)
    if leaf.filename is None:
        return StoreError("a file cannot be written", slug="store/write", detail=reason, hint="make room on the disk, then try again")
    hint = (
        "make room on the disk, then try again"
        if leaf.errno in _NO_ROOM
        else "check who owns it and its folder, and that both may be written"
    )
    return StoreError(f"`{leaf.filename}` cannot be used", slug="store/refused", detail=reason, hint=hint)


def _combined(errors: list[OrchestratorError]) -> OrchestratorError:
    """Return one error of the worst one's kind that carries what all of them say."""
    worst = max(errors, key=lambda error: error.exit_code)
    combined = type(worst).__new__(type(worst))
    diagnostics = [each for error in errors for each in error.diagnostics]
    OrchestratorError.__init__(combined, worst.summary, slug=worst.slug, diagnostics=diagnostics)
    return combined
