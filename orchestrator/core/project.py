"""What a project is, once its files have been read: frozen values, no paths unresolved, no defaults left out.

Environments hold their canisters with the environment's overrides already applied, so nothing above
this layer asks twice which value wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from orchestrator.core.health import HealthCheck
from orchestrator.core.networks import NO_FEATURES, Container, Features
from orchestrator.core.principal import Principal
from orchestrator.core.rollout import Approvers, Rollout
from orchestrator.core.workspace import Member
from orchestrator.errors import Diagnostic, Span

__all__ = [
    "Arguments",
    "ArgumentsFormat",
    "BuildStep",
    "Canister",
    "ConnectedNetwork",
    "EntrySection",
    "Environment",
    "ExpandedRecipe",
    "Launcher",
    "ManagedNetwork",
    "Network",
    "PluginStep",
    "PrebuiltStep",
    "Project",
    "RecipeReference",
    "ScriptStep",
    "Settings",
    "SyncStep",
    "Visibility",
]

ArgumentsFormat = Literal["candid", "hex", "bin"]
EntrySection = Literal["dirs", "files"]
Launcher = Literal["embedded", "pocket-ic", "dfx", "docker"]
Visibility = Literal["controllers", "public"] | tuple[Principal, ...]
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_WARNINGS: Mapping[str, tuple[Diagnostic, ...]] = MappingProxyType({})
_UNWRITTEN: Mapping[str, object] = MappingProxyType({})
_NOWHERE: Mapping[tuple[EntrySection, int], Span] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """Shell commands, run one after another in the canister's directory; `written` as in `PluginStep`.

    `inputs` are patterns of the files that a build step reads, relative to that directory; `run` is of sync steps.
    """

    commands: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    run: Literal["always", "changed"] = "always"
    span: Span | None = None
    written: Mapping[str, object] = field(default_factory=lambda: _UNWRITTEN, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrebuiltStep:
    """A module that exists: `path` (absolute) or `url`; `sha256` is lower-case hex of the file's bytes.

    `inputs` as in `ScriptStep`, `written` as in `PluginStep`.
    """

    path: Path | None = None
    url: str | None = None
    sha256: str | None = None
    inputs: tuple[str, ...] = ()
    span: Span | None = None
    written: Mapping[str, object] = field(default_factory=lambda: _UNWRITTEN, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginStep:
    """A sync plugin: the component, what it may read, where its update calls go, and its limits.

    `dirs` and `files` are kept as written: relative to the canister's directory, and the guest sees
    exactly this text. `dir_keys` and `file_keys` are their names where the step has a map of them. `fields` (names and
    values) and `canisters` (names of those it may call) are for plugins of icp:sync-plugin@0.2. Durations are
    seconds, `memory` bytes, `max_cycles` cycles. `written` is the step as it stands in the manifest
    (plain values, without nulls), to be shown and nothing else; empty for a step that was not read from a text.
    """

    path: Path | None = None
    url: str | None = None
    sha256: str | None = None
    dirs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    dir_keys: tuple[str, ...] | None = None
    file_keys: tuple[str, ...] | None = None
    fields: tuple[tuple[str, str], ...] = ()
    canisters: tuple[str, ...] = ()
    name: str | None = None
    proxy: str = "default"
    timeout: float | None = None
    compute: float | None = None
    memory: int | None = None
    max_cycles: int | None = None
    run: Literal["always", "changed"] = "always"
    span: Span | None = None
    entry_spans: Mapping[tuple[EntrySection, int], Span] = field(default_factory=lambda: _NOWHERE)
    written: Mapping[str, object] = field(default_factory=lambda: _UNWRITTEN, compare=False, repr=False)

    def place_of(self, section: EntrySection, index: int) -> Span | None:
        """Return where an entry (from 0) is written, or the step's own place; an entry may be there twice."""
        return self.entry_spans.get((section, index), self.span)

    def place_of_directory(self, entry: str) -> Span | None:
        """Return where a directory is declared first, or the step's own place."""
        if entry in self.dirs:
            return self.place_of("dirs", self.dirs.index(entry))
        return self.place_of("files", self.files.index(entry)) if entry in self.files else self.span


BuildStep = ScriptStep | PrebuiltStep
SyncStep = ScriptStep | PluginStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """Install arguments as written: Candid text, hex, or raw bytes (then `content` is bytes)."""

    content: str | bytes
    format: ArgumentsFormat = "candid"
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Canister settings that the manifest sets; `None` means it says nothing.

    Memory in bytes, `freezing_threshold` in seconds, `reserved_cycles_limit` in cycles. `controllers`
    holds principals in text form or names of canisters; with `controllers_exact` there are to be no others.
    """

    controllers: tuple[str, ...] | None = None
    controllers_exact: bool | None = None
    compute_allocation: int | None = None
    memory_allocation: int | None = None
    freezing_threshold: int | None = None
    reserved_cycles_limit: int | None = None
    wasm_memory_limit: int | None = None
    wasm_memory_threshold: int | None = None
    log_memory_limit: int | None = None
    log_visibility: Visibility | None = None
    snapshot_visibility: Visibility | None = None
    status_visibility: Visibility | None = None
    environment_variables: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeReference:
    """A canister's `recipe`, not expanded yet: where the template is, and what it is given.

    `address` is the text of `type` (a path, a URL, or `@registry/name@version`); `sha256` lower-case hex of
    the template's bytes; `configuration` holds plain values (None, bool, int, float, str, list, dict).
    `configuration_spans` has the places of its keys and items by their paths, `()` that of the configuration itself;
    their lines show no values, which may be secret.
    """

    address: str
    sha256: str | None = None
    configuration: Mapping[str, object] = field(default_factory=dict)
    configuration_spans: Mapping[tuple[str | int, ...], Span] = field(default_factory=dict)
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedRecipe:
    """Where a canister's steps come from: the first `build` build steps and the first `sync` sync steps are a recipe's.

    `address` is the recipe's as written, `sha256` that of its template in lower-case hex; `remote` is one from another machine.
    """

    address: str
    sha256: str
    remote: bool
    build: int
    sync: int
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Canister:
    """One canister; `directory` is where its relative paths start.

    `name` is its key in the whole workspace: plain for a canister of the root project, and `../lib:core` (the directory
    relative to the root's, then the name) for one of a project that the root depends on. `bindings` are the canisters
    that it is told the ids of: what stands behind `PUBLIC_CANISTER_ID:` (`core`, `lib:core`) and the canister's key; an
    empty map, which only canisters have that were not loaded from files, means all of the environment under their keys.

    With a `recipe`, `build` is empty until the recipe is expanded, and its sync steps come before `sync`; then `expanded`
    says which these are.
    """

    name: str
    directory: Path
    build: tuple[BuildStep, ...] = ()
    sync: tuple[SyncStep, ...] = ()
    settings: Settings = Settings()
    init_args: Arguments | None = None
    upgrade_args: Arguments | None = None
    recipe: RecipeReference | None = None
    expanded: ExpandedRecipe | None = None
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    bindings: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    health: tuple[HealthCheck, ...] = ()
    span: Span | None = None

    @property
    def local_name(self) -> str:
        """Return the name that the canister has in its own project."""
        return self.name.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedNetwork:
    """A network that the tool starts; `port` 0 asks for a free one, and dfx for the one that dfx is configured for.

    `container` is there if, and only if, the launcher is `docker`.
    """

    name: str
    launcher: Launcher = "embedded"
    bind: str = "127.0.0.1"
    port: int = 8000
    domains: tuple[str, ...] = ()
    artificial_delay_ms: int = 0
    features: Features = NO_FEATURES
    container: Container | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedNetwork:
    """A network that exists; `root_key` is `mainnet`, `fetch`, or the DER key's bytes."""

    name: str
    api_url: str
    gateway_url: str | None = None
    root_key: Literal["mainnet", "fetch"] | bytes = "mainnet"
    span: Span | None = None


Network = ManagedNetwork | ConnectedNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A network and the canisters that live there, in manifest order, overrides applied."""

    name: str
    network: Network
    canisters: tuple[Canister, ...]
    identity: str | None = None
    proxy: str | None = None
    protected: bool = False
    approvers: Approvers | None = None
    rollout: Rollout | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A loaded project; `warnings` are what loading found odd but not wrong, `environment_warnings` those about one environment alone.

    `registries` are the URL templates of the project's recipe registries, by name. `members` are the projects of the
    workspace, this one first; `missing_environments` says by environment which of them do not know it, and `scope` is the
    key of the one in whose directory the user works, empty for this one.
    """

    directory: Path
    manifest: Path
    canisters: tuple[Canister, ...]
    networks: Mapping[str, Network]
    environments: Mapping[str, Environment]
    registries: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    warnings: tuple[Diagnostic, ...] = ()
    environment_warnings: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=lambda: _NO_WARNINGS)
    members: tuple[Member, ...] = ()
    missing_environments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scope: str = ""

    def warnings_for(self, environment: str) -> tuple[Diagnostic, ...]:
        """Return the warnings that matter to somebody who works on one environment: all but those about others alone."""
        others = {each for name, found in self.environment_warnings.items() if name != environment for each in found}
        return tuple(warning for warning in self.warnings if warning not in others)
