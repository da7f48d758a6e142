"""What a deploy without names is about: everything, or what the sub-project has in whose directory it is typed."""

from collections.abc import Mapping, Sequence
from shlex import quote

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister
from orchestrator.core.workspace import project_of
from orchestrator.engine.session import Session, select_canisters
from orchestrator.errors import DeployError

__all__ = ["check_bound", "select_in_scope"]


def select_in_scope(session: Session, names: Sequence[str]) -> tuple[Canister, ...]:
    """Return the named canisters; without names those of the project that the user works in, all of them at the root."""
    chosen = select_canisters(session, names)
    scope = session.project.scope
    return chosen if names or not scope else tuple(canister for canister in chosen if project_of(canister.name) == scope)


def check_bound(session: Session, ids: Mapping[str, Principal], canisters: Sequence[Canister], names: Sequence[str]) -> None:
    """Refuse to deploy a sub-project alone while canisters that it is to be told the ids of have none.

    Raises `DeployError`. Who names canisters has thought about that.
    """
    if names or not session.project.scope:
        return
    there = {canister.name for canister in session.environment.canisters}
    chosen = {canister.name for canister in canisters}
    bound = {key for canister in canisters for key in canister.bindings.values()}
    missing = sorted((bound & there) - chosen - ids.keys())
    if missing:
        raise DeployError(
            f"`{session.project.scope}` depends on canisters that are not deployed in environment `{session.environment.name}`: "
            f"{', '.join(missing)}",
            slug="deploy/dependency-missing",
            detail="run in a sub-project, `deploy` is about the canisters of that project",
            hint=f"run `orchestrator deploy --env {session.environment.name} --project {quote(str(session.project.directory))}` first: "
            "that deploys the whole workspace",
        )
