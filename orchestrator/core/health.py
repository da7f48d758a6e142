"""What tells that a canister is well: the checks of its `health`, as values; `kind` is a check's key in the manifest."""

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.errors import Span

__all__ = ["CyclesCheck", "HealthCheck", "HttpCheck", "NoTrapsCheck", "QueryCheck", "StatusCheck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCheck:
    """A query is answered; `args` and `expect` are Candid text, `expect` is `None` where any reply will do."""

    kind: ClassVar[str] = "query"
    method: str
    args: str = "()"
    expect: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck:
    """The gateway answers a GET of `path` with the status, and with a body that contains a text."""

    kind: ClassVar[str] = "http"
    path: str = "/"
    status: int = 200
    contains: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclesCheck:
    """The canister holds at least so many cycles."""

    kind: ClassVar[str] = "cycles"
    at_least: int
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCheck:
    """The canister is running."""

    kind: ClassVar[str] = "status"
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTrapsCheck:
    """The canister's log has no trap since it was installed."""

    kind: ClassVar[str] = "no_traps"
    span: Span | None = None


HealthCheck = QueryCheck | HttpCheck | CyclesCheck | StatusCheck | NoTrapsCheck
