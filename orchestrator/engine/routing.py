"""Where a plugin's update calls go: the most specific wish wins."""

from collections.abc import Collection, Iterable, Mapping
from shlex import quote

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.errors import DeployError, Span
from orchestrator.manifest.problems import did_you_mean

__all__ = ["check_routes", "known_proxies", "proxy_canister", "require_control", "resolve_proxy", "route_step"]


def route_step(session: Session, ids: Mapping[str, Principal], step: PluginStep) -> Principal | None:
    """Return the proxy of a step: its own, else the command line's, else the environment's, else none.

    Raises `DeployError` when that is a canister that does not exist yet.
    """
    if step.proxy == "none":
        return None
    if step.proxy != "default":
        return _resolve(session, step.proxy, ids, step.span)
    return resolve_proxy(session, ids)


def resolve_proxy(session: Session, ids: Mapping[str, Principal]) -> Principal | None:
    """Return the proxy of everything that does not choose one: the command line's, else the environment's, else none."""
    wanted = session.proxy or session.environment.proxy
    return None if wanted in {None, "none"} else _resolve(session, str(wanted), ids, session.environment.span)


def known_proxies(session: Session, ids: Mapping[str, Principal], network_proxy: str | None) -> tuple[Principal, ...]:
    """Return the proxies that may be used here: the environment's, and the network's own, given by its id."""
    wanted = session.environment.proxy
    own = None if wanted in {None, "none"} else _principal(str(wanted)) or ids.get(str(wanted))
    return tuple(each for each in (own, _principal(network_proxy or "")) if each is not None)


def proxy_canister(session: Session, step: PluginStep) -> str | None:
    """Return the canister, by name, that a step's update calls go through; `None` for a principal and for no proxy."""
    wanted = step.proxy if step.proxy != "default" else session.proxy or session.environment.proxy
    return None if wanted in {None, "none"} or _principal(str(wanted)) is not None else wanted


def check_routes(session: Session, ids: Mapping[str, Principal], canisters: Iterable[Canister], planned: Collection[str]) -> None:
    """Refuse a step whose proxy neither exists nor is among the `planned` canisters; raises `DeployError`."""
    for canister in canisters:
        for step in canister.sync:
            name = proxy_canister(session, step) if isinstance(step, PluginStep) else None
            if name is not None and name not in ids and name not in planned:
                raise _unknown(session, name, step.span)


async def require_control(connection: Connection, proxy: Principal, span: Span | None) -> None:
    """Refuse a proxy that would not serve this identity, from certified state; raises `DeployError`."""
    if connection.controllers is None:
        return
    controllers = await connection.controllers(proxy)
    if controllers is None:
        raise DeployError(
            f"there is no proxy canister {proxy} on network `{connection.network}`",
            slug="deploy/unknown-proxy",
            span=span,
            hint="write the principal of a proxy canister of this network, the name of a canister of this environment, or `none`",
        )
    if connection.identity not in controllers:
        raise DeployError(
            f"the proxy canister {proxy} does not serve this identity: {connection.identity} is none of its controllers",
            slug="deploy/proxy-control",
            detail=f"it is controlled by {', '.join(str(each) for each in sorted(controllers)) or 'nobody'}",
            span=span,
            hint=f"have one of them add it: icp canister settings update {proxy} --add-controller {connection.identity}",
        )


def _principal(text: str) -> Principal | None:
    try:
        return Principal.from_text(text)
    except PrincipalError:
        return None


def _resolve(session: Session, text: str, ids: Mapping[str, Principal], span: Span | None) -> Principal:
    found = _principal(text) or ids.get(text)
    if found is None:
        raise _unknown(session, text, span)
    return found


def _unknown(session: Session, text: str, span: Span | None) -> DeployError:
    names = [canister.name for canister in session.environment.canisters]
    if text in names:
        hint = f"deploy it along, or run `orchestrator deploy {quote(text)} --proxy none --env {session.environment.name}` first"
    else:
        guess = did_you_mean(text, names)
        hint = f"{guess} else write the proxy canister's principal" if guess else "write the proxy canister's principal"
    return DeployError(
        f"the proxy `{text}` is neither a principal nor a canister that is deployed in this environment",
        slug="deploy/unknown-proxy",
        span=span,
        hint=hint,
    )
