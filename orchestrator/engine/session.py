"""What every engine function is given: the project, where files are, how many jobs, whom to tell."""

import os
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict, Unpack

import anyio

from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.core.project import Canister, Environment, Project
from orchestrator.core.workspace import resolve_name
from orchestrator.engine.ports import Connection
from orchestrator.engine.slots import PluginSlots, available_cores
from orchestrator.errors import UsageError
from orchestrator.events import Emit, Event
from orchestrator.manifest.problems import did_you_mean
from orchestrator.store import EnvironmentFiles, Layout, PackageCache, UserDirectories, is_offline, load_registered

__all__ = [
    "DEFAULT_ENVIRONMENT",
    "DEFAULT_JOBS",
    "AskName",
    "Choices",
    "Connector",
    "Session",
    "canister_key",
    "check_canister",
    "new_run_name",
    "open_session",
    "select_canisters",
    "select_environment",
]

DEFAULT_ENVIRONMENT = "local"
DEFAULT_JOBS = 8
_RUN_SUFFIX_BYTES = 2

AskName = Callable[[str], Awaitable[str]]
Sleep = Callable[[float], Awaitable[None]]
Connector = Callable[["Session"], AbstractAsyncContextManager[Connection]]


def _present() -> datetime:
    return datetime.now(UTC)


def _silent(event: Event) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of one verb on one environment; made by `open_session`.

    `environ` are the process's environment variables, `limiter` bounds concurrent jobs and `plugin_slots` plugins,
    `identity` and `proxy` are what the command line asked for (`None` leaves the choice to the environment),
    `compute_seconds` limits plugins, `plugin_options` are the pairs that plugins can ask for, `packages` downloads, and keeps
    what is pinned (with `offline` nothing but what it has is used), `locked` forbids changes of the lock file, `strict` makes
    errors of warnings about plugins, `connector` replaces the way to the network,
    `sleep` waits for some seconds between two looks at the network, `password` is asked for an encrypted identity's password, `confirmed` is the name of the protected environment that
    the user has typed; without it `ask_name` is given the environment's name, and returns what somebody types then.
    """

    project: Project
    environment: Environment
    layout: Layout
    files: EnvironmentFiles
    run: str
    verb: str
    limiter: anyio.CapacityLimiter
    plugin_slots: PluginSlots
    packages: PackageCache
    emit: Emit = _silent
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    now: Callable[[], datetime] = _present
    sleep: Sleep = anyio.sleep
    identity: str | None = None
    identity_file: Path | None = None
    proxy: str | None = None
    compute_seconds: float | None = None
    plugin_options: tuple[tuple[str, str], ...] = ()
    offline: bool = False
    locked: bool = False
    strict: bool = False
    cache_directory: Path | None = None
    connector: Connector | None = None
    password: Callable[[str], str | bytes] | None = None
    confirmed: str | None = None
    ask_name: AskName | None = None

    @property
    def why_locked(self) -> str | None:
        """Return why nothing may be pinned, or pinned anew, in the lock file, as a clause; `None` when it may."""
        if self.locked:
            return "`--locked` allows no change of `orchestrator.lock`"
        return f"environment `{self.environment.name}` is protected" if self.environment.protected else None

    def now_ns(self) -> int:
        """Return the present in nanoseconds since 1970."""
        return int(self.now().timestamp() * 1_000_000_000)


class Choices(TypedDict, total=False):
    """The fields of a `Session` that `open_session` takes as they are."""

    now: Callable[[], datetime]
    sleep: Sleep
    identity: str | None
    identity_file: Path | None
    proxy: str | None
    compute_seconds: float | None
    packages: PackageCache
    strict: bool
    cache_directory: Path | None
    connector: Connector | None
    password: Callable[[str], str | bytes] | None
    confirmed: str | None
    ask_name: AskName | None


def open_session(
    project: Project,
    environment: str = DEFAULT_ENVIRONMENT,
    *,
    verb: str,
    emit: Emit = _silent,
    jobs: int | None = None,
    environ: Mapping[str, str] | None = None,
    plugin_options: Sequence[tuple[str, str]] = (),
    offline: bool | None = None,
    locked: bool | None = None,
    **choices: Unpack[Choices],
) -> Session:
    """Return the session of one run; `environ` are this process's variables by default, `choices` fields of `Session`.

    `jobs` is how many things are done at once, `DEFAULT_JOBS` by default; of plugins, how many compute at once, by
    default one for each core. Without `offline` a variable decides whether downloads are forbidden, and
    without `locked` another one whether the lock file may change; downloads are kept in the user's cache, unless `packages` says.
    Raises `UsageError` for an environment that the project does not have.
    """
    from orchestrator.engine.pins import LOCKED_VARIABLE, is_locked
    from orchestrator.engine.sources import open_packages

    chosen = select_environment(project, environment)
    if proxy := choices.get("proxy"):
        choices["proxy"] = resolve_name(proxy, {canister.name for canister in chosen.canisters}, project.members, project.scope)
    layout = Layout(project.directory)
    variables = MappingProxyType(dict(os.environ if environ is None else environ))
    choices.setdefault(
        "packages", open_packages(UserDirectories.from_environment(variables).packages, emit, choices.get("sleep", anyio.sleep))
    )
    return Session(
        project=project,
        environment=chosen,
        layout=layout,
        files=layout.environment(chosen),
        run=new_run_name(choices.get("now", _present)()),
        verb=verb,
        limiter=anyio.CapacityLimiter(max(1, jobs or DEFAULT_JOBS)),
        plugin_slots=PluginSlots(max(1, jobs or available_cores())),
        emit=emit,
        environ=variables,
        offline=is_offline(variables) if offline is None else offline,
        locked=is_locked(variables.get(LOCKED_VARIABLE, "")) if locked is None else locked,
        plugin_options=tuple(plugin_options),
        **choices,
    )


def new_run_name(now: datetime) -> str:
    """Return a name that sorts by time and never repeats: `20261122T150000.123Z-4f2a`."""
    stamp = now.strftime("%Y%m%dT%H%M%S") + f".{now.microsecond // 1000:03d}Z"
    return f"{stamp}-{secrets.token_hex(_RUN_SUFFIX_BYTES)}"


def select_environment(project: Project, name: str) -> Environment:
    """Return an environment by name; raises `UsageError` with the names there are."""
    chosen = project.environments.get(name)
    if chosen is None:
        raise UsageError(
            f"the project has no environment named `{name}`",
            slug="usage/unknown-environment",
            hint=f"use one of: {', '.join(sorted(project.environments))}",
        )
    if missing := project.missing_environments.get(name):
        raise UsageError(
            f"environment `{name}` is not defined by {'dependency' if len(missing) == 1 else 'dependencies'} {', '.join(missing)}",
            slug="usage/environment-not-defined",
            detail="every project of a workspace must define the environments that the workspace uses, but for `local` and `ic`",
            hint=f"add `- name: {name}` to `environments` in {', '.join(f'{key}/icp.yaml' for key in missing)}",
        )
    return chosen


def select_canisters(session: Session, names: Sequence[str]) -> tuple[Canister, ...]:
    """Return the named canisters of the environment in manifest order; no names mean all of them."""
    environment = session.environment
    known = {canister.name for canister in environment.canisters}
    keys = {name: resolve_name(name, known, session.project.members, session.project.scope) for name in names}
    for name, key in keys.items():
        if key not in known:
            raise _unknown_canister(session, name)
    chosen = set(keys.values())
    return tuple(canister for canister in environment.canisters if not chosen or canister.name in chosen)


def canister_key(session: Session, name: str) -> str:
    """Return the key in the workspace of the canister that somebody calls so who works where the session was opened."""
    project = session.project
    return resolve_name(name, {canister.name for canister in session.environment.canisters}, project.members, project.scope)


def check_canister(session: Session, canister: str) -> None:
    """Raise `UsageError` for a text that is no principal and no canister's name; needs no network.

    Names that the manifest has dropped count while an id is kept for them.
    """
    if canister_key(session, canister) in {each.name for each in session.environment.canisters}:
        return
    try:
        Principal.from_text(canister)
    except PrincipalError as error:
        if canister not in load_registered(session.files.ids):
            raise _unknown_canister(session, canister) from error


def _unknown_canister(session: Session, name: str) -> UsageError:
    elsewhere = canister_key(session, name) in {canister.name for canister in session.project.canisters}
    owner = f"environment `{session.environment.name}`" if elsewhere else "the project"
    known = [canister.name for canister in session.environment.canisters]
    namesakes = [f"`{canister.name}`" for canister in session.environment.canisters if canister.local_name == name]
    local = [each.local_name for each in session.environment.canisters if canister_key(session, each.local_name) == each.name]
    guess = f"did you mean {' or '.join(namesakes)}?" if namesakes else did_you_mean(name, [*known, *local])
    names = f"canisters of `{session.environment.name}`: {', '.join(known) or 'none'}"
    hint = f"{guess} {names}" if guess else names
    return UsageError(f"{owner} has no canister named `{name}`", slug="usage/unknown-canister", hint=hint)
