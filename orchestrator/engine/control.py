"""Who controls canisters: whether the network will let us manage them, and what helps where it will not."""

from collections.abc import Iterable
from contextlib import suppress

from orchestrator.agent.proxy import ProxyError
from orchestrator.core.observed import Observed
from orchestrator.core.plan import Action, Plan
from orchestrator.core.principal import Principal
from orchestrator.engine.ports import Connection, LiveCanister
from orchestrator.engine.routing import require_control
from orchestrator.engine.session import Session
from orchestrator.engine.tasks import run_all
from orchestrator.errors import AgentError, DeployError, RejectError, Span

__all__ = ["check_control", "read_status"]

_NOT_MANAGED: frozenset[Action] = frozenset({"sync", "unchanged"})
"""What a plan may hold of a canister without a call of the management canister."""


async def check_control(session: Session, connection: Connection, plan: Plan, observed: Observed) -> None:
    """Refuse a plan whose management calls the proxy could not make, from certified state; nothing has been sent then.

    Raises `DeployError`: the proxy does not serve this identity, or controls a canister not that the plan changes.
    """
    proxy, controllers_of = connection.proxy, connection.controllers
    managed = sorted({change.canister for change in plan.changes if change.action not in _NOT_MANAGED})
    if proxy is None or controllers_of is None or not managed:
        return
    span = session.environment.span if session.proxy is None else None
    await require_control(connection, proxy, span)

    async def check(name: str) -> None:
        canister_id = observed.canisters[name].id
        async with session.limiter:
            controllers = await controllers_of(canister_id)
        if controllers is not None and proxy not in controllers:
            raise _uncontrolled(proxy, name, canister_id, controllers, span)

    await run_all([name for name in managed if name in observed.canisters], check)


async def read_status(session: Session, connection: Connection, name: str, canister_id: Principal) -> LiveCanister | None:
    """Return a canister's state, `None` when there is none; raises `DeployError` where it may not be read.

    A canister that one of the proxies known here controls is said to be so.
    """
    try:
        return await connection.reader.status(canister_id)
    except (RejectError, ProxyError) as error:
        raise await _unreadable(session, connection, name, canister_id, error) from error


def _uncontrolled(proxy: Principal, name: str, canister_id: Principal, controllers: frozenset[Principal], span: Span | None) -> DeployError:
    return DeployError(
        f"the proxy canister {proxy} is no controller of canister `{name}` ({canister_id}), and could not change it",
        slug="deploy/proxy-not-controller",
        detail=f"it is controlled by {_listed(controllers)}; nothing was sent",
        span=span,
        hint=f"deploy without the proxy (`--proxy none`); to use it from then on, add {proxy} to `controllers` in the canister's `settings` first",
    )


async def _unreadable(
    session: Session, connection: Connection, name: str, canister_id: Principal, error: RejectError | ProxyError
) -> DeployError:
    controllers: frozenset[Principal] | None = None
    if connection.controllers is not None:
        with suppress(AgentError):  # what was refused is to be told, whatever else goes wrong
            controllers = await connection.controllers(canister_id)
    through = f", through the proxy {connection.proxy}" if connection.proxy is not None else ""
    said = error.message if isinstance(error, RejectError) else error.reason
    detail = [f"{said} (as {connection.identity}{through}, on network `{session.environment.network.name}`)"]
    if controllers is not None:
        detail.append(f"it is controlled by {_listed(controllers)}")
    serving = [proxy for proxy in connection.proxies if proxy != connection.proxy and proxy in (controllers or ())]
    return DeployError(
        f"the status of canister `{name}` ({canister_id}) cannot be read",
        slug="deploy/not-controller",
        detail="\n".join(detail),
        hint=f"a proxy canister controls it: add `--proxy {serving[0]}`"
        if serving
        else "use an identity that controls the canister, with `--identity NAME`",
    )


def _listed(controllers: Iterable[Principal]) -> str:
    return ", ".join(str(each) for each in sorted(controllers)) or "nobody"
