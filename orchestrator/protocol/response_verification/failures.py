"""What is raised when a response is not what its canister certified."""

from orchestrator.errors import CertificateError

__all__ = ["failure"]


def failure(kind: str, detail: str) -> CertificateError:
    """Return the error for one kind of failure; its slug is `protocol/response-<kind>`."""
    return CertificateError(
        "a response is not what its canister certified",
        slug=f"protocol/response-{kind}",
        detail=detail,
    )
