"""Who may change what: nobody anonymous, nothing destructive without a yes, nothing protected without its name."""

from collections.abc import Awaitable, Callable

from orchestrator.core.plan import Plan
from orchestrator.core.principal import ANONYMOUS
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.errors import ConsentError, IdentityError

__all__ = ["Consent", "refuse_anonymous", "require_confirmation", "require_consent"]

Consent = Callable[[Plan], Awaitable[bool]]


def refuse_anonymous(session: Session, connection: Connection) -> None:
    """Refuse to change a connected network as nobody: anybody could control what is created."""
    if connection.managed or connection.identity != ANONYMOUS:
        return
    raise IdentityError(
        f"network `{session.environment.network.name}` is not changed as `anonymous`",
        slug="identity/anonymous",
        detail="everybody is the anonymous identity, so everybody would control the canisters",
        hint="choose an identity with `--identity NAME`, or make one with `orchestrator identity new NAME`",
    )


async def require_confirmation(session: Session) -> None:
    """Refuse to change a protected environment whose name nobody has typed: a general yes is not enough."""
    name = session.environment.name
    if not session.environment.protected or session.confirmed == name:
        return
    if session.confirmed is None and session.ask_name is not None and await session.ask_name(name) == name:
        return
    given = f"`{session.confirmed}` was confirmed; " if session.confirmed is not None else ""
    raise ConsentError(
        f"environment `{name}` is protected",
        slug="deploy/protected",
        detail=f"{given}nothing was sent",
        span=session.environment.span,
        hint=f"run again with `--confirm {name}` to change it",
    )


async def require_consent(plan: Plan, consent: Consent | None) -> None:
    """Refuse a destructive plan that nobody agreed to."""
    if not plan.destructive or (consent is not None and await consent(plan)):
        return
    if consent is not None:
        raise ConsentError("the plan was declined; nothing was sent", slug="deploy/declined")
    names = ", ".join(f"`{change.canister}` ({change.action}: {change.reason})" for change in plan.destructive)
    raise ConsentError(
        "the plan is destructive and nobody agreed to it", detail=f"{names}; nothing was sent", hint="run again with `--yes` to agree"
    )
