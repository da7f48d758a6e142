"""Who may change what: nobody anonymous, nothing destructive without a yes, nothing protected without its name."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence

from orchestrator.core.plan import Change, Plan
from orchestrator.core.principal import ANONYMOUS
from orchestrator.core.project import Canister
from orchestrator.core.recipe_use import Reach, RecipeUse, use_facts
from orchestrator.engine.agreements import describe_uses
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.errors import ConsentError, IdentityError
from orchestrator.events import PlanReady

__all__ = ["Consent", "refuse_anonymous", "refuse_unapproved", "require_confirmation", "require_consent", "require_recipe_consent"]

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


def refuse_unapproved(session: Session) -> None:
    """Refuse to change an environment that others have to approve changes of: nothing asks them yet."""
    approvers = session.environment.approvers
    if approvers is None:
        return
    raise ConsentError(
        f"changes of environment `{session.environment.name}` have to be approved, and this version cannot ask for that",
        slug="deploy/approvers",
        detail=f"at least {approvers.at_least} of {len(approvers.principals)} principals must agree; nothing was sent",
        span=approvers.span,
        hint=f"remove `approvers` to change it without them; `protected: true` then asks for `--confirm {session.environment.name}`",
    )


async def require_confirmation(session: Session) -> None:
    """Refuse to change a protected environment whose name nobody has typed: a general yes is not enough."""
    refuse_unapproved(session)
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
    """Refuse a plan that is destructive, or whose remote recipes reach whom nobody agreed to, unless somebody agrees now."""
    if not (plan.destructive or plan.reaching) or (consent is not None and await consent(plan)):
        return
    if consent is not None:
        raise ConsentError("the plan was declined; nothing was sent", slug="deploy/declined")
    if not plan.destructive:
        raise _unagreed_recipe(plan)
    names = ", ".join(f"`{change.canister}` ({change.action}: {change.reason})" for change in plan.destructive)
    raise ConsentError(
        "the plan is destructive and nobody agreed to it", detail=f"{names}; nothing was sent", hint="run again with `--yes` to agree"
    )


async def require_recipe_consent(session: Session, canisters: Sequence[Canister], consent: Consent | None) -> tuple[RecipeUse, ...]:
    """Refuse to sync where a remote recipe's steps name a proxy or other canisters and nobody agreed to that; show which do.

    Returns what the recipes do: what was agreed to.
    """
    uses = await describe_uses(session, canisters, {each.name: range(1, len(each.sync) + 1) for each in canisters})
    if not any(use.unagreed for use in uses):
        return uses
    plan = Plan(
        environment=session.environment.name,
        network=session.environment.network.name,
        digest=hashlib.sha256(json.dumps([use_facts(use) for use in uses], sort_keys=True).encode()).hexdigest(),
        canisters=tuple(canister.name for canister in canisters),
        changes=tuple(Change(canister=each.name, action="sync", reason="`orchestrator sync` runs every step") for each in canisters),
        recipes=uses,
    )
    session.emit(PlanReady(environment=plan.environment, digest=plan.digest, changes=plan.changes, recipes=plan.recipes))
    await require_consent(plan, consent)
    return uses


def _unagreed_recipe(plan: Plan) -> ConsentError:
    steps = [
        f"canister `{use.canister}`, recipe `{use.recipe}`, sync step {reach.step}: {_whom(reach)}"
        for use in plan.reaching
        for reach in use.unagreed
    ]
    return ConsentError(
        "a remote recipe's steps name a proxy or other canisters, and nobody agreed to that",
        slug="deploy/recipe-consent",
        detail="\n".join([*steps, "nothing was sent"]),
        hint="review the recipe, then run again with `--yes` to agree; that is asked once",
    )


def _whom(reach: Reach) -> str:
    named = [] if reach.proxy is None else [f"the proxy `{reach.proxy}`"]
    return ", ".join([*named, *(f"canister `{name}`" for name in reach.canisters)])
