"""Where a plugin's update calls go: the most specific wish wins."""

from collections.abc import Mapping

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import PluginStep
from orchestrator.engine.session import Session
from orchestrator.errors import DeployError, Span

__all__ = ["resolve_proxy", "route_step"]


def route_step(session: Session, ids: Mapping[str, Principal], step: PluginStep) -> Principal | None:
    """Return the proxy of a step: its own, else the command line's, else the environment's, else none."""
    if step.proxy == "none":
        return None
    if step.proxy != "default":
        return _resolve(step.proxy, ids, step.span)
    return resolve_proxy(session, ids)


def resolve_proxy(session: Session, ids: Mapping[str, Principal]) -> Principal | None:
    """Return the proxy of everything that does not choose one: the command line's, else the environment's, else none."""
    wanted = session.proxy or session.environment.proxy
    return None if wanted in {None, "none"} else _resolve(str(wanted), ids, session.environment.span)


def _resolve(text: str, ids: Mapping[str, Principal], span: Span | None) -> Principal:
    try:
        return Principal.from_text(text)
    except PrincipalError:
        if text in ids:
            return ids[text]
    raise DeployError(
        f"the proxy `{text}` is neither a principal nor a canister that is deployed in this environment",
        slug="deploy/unknown-proxy",
        span=span,
        hint=f"run `orchestrator deploy {text} --proxy none` first, or write the proxy canister's principal",
    )
