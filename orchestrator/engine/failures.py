"""A failure's own name: which canister it is about, where the network knows ids alone."""

from dataclasses import replace

from orchestrator.errors import AgentError, OrchestratorError, OutcomeUnknownError, RejectError

__all__ = ["name_failure"]


def name_failure(error: OrchestratorError, canister: str) -> OrchestratorError:
    """Return a failure that says by name which canister it is about; one that does so already as it is."""
    named: AgentError
    if isinstance(error, RejectError):
        named = RejectError(error.message, reject_code=error.reject_code, error_code=error.error_code, hint=error.hint, canister=canister)
    elif not isinstance(error, AgentError) or f"`{canister}`" in error.summary:
        return error
    else:
        named = _about(error, canister)
    named.__cause__ = error
    return named


def _about(error: AgentError, canister: str) -> AgentError:
    """Return the same words about a canister; what only the class of an error tells is in its cause."""
    first, *others = error.diagnostics
    summary = f"canister `{canister}`: {error.summary}"
    diagnostics = [replace(first, summary=summary) if first.summary == error.summary else first, *others]
    kind = OutcomeUnknownError if isinstance(error, OutcomeUnknownError) else AgentError
    named = kind(summary, slug=error.slug, detail=error.detail, span=error.span, hint=error.hint, diagnostics=diagnostics)
    if isinstance(error, OutcomeUnknownError) and isinstance(named, OutcomeUnknownError):
        named.request_id, named.expiry_ns, named.certified_time_ns = error.request_id, error.expiry_ns, error.certified_time_ns
    return named
