"""Failures of steps that a recipe made: told where the manifest uses the recipe, since nobody wrote the step itself there."""

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.project import BuildStep, Canister, SyncStep
from orchestrator.core.redaction import redact_url
from orchestrator.errors import Diagnostic, OrchestratorError

__all__ = ["blame_recipe"]


def blame_recipe(error: OrchestratorError, canister: Canister, steps: Sequence[BuildStep | SyncStep]) -> None:
    """Move the places of an error in `steps`, which a canister's recipe made, to the recipe in the manifest; they stay beside it."""
    origin = canister.expanded
    if origin is None or origin.span is None:
        return
    rendered = {step.span.path for step in steps if step.span is not None}
    note = f"rendered from the recipe `{redact_url(origin.address)}`"

    def moved(diagnostic: Diagnostic) -> Diagnostic:
        if diagnostic.span is None or diagnostic.span.path not in rendered:
            return diagnostic
        return replace(diagnostic, span=origin.span, related=((diagnostic.span, note), *diagnostic.related))

    error.diagnostics = tuple(map(moved, error.diagnostics))
    if error.span is not None and error.span.path in rendered:
        error.span = origin.span
