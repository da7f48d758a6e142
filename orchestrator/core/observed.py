"""What a network says about an environment's canisters, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from orchestrator.core.principal import Principal
from orchestrator.core.project import Visibility

__all__ = ["CanisterState", "LastInstall", "Observed", "ObservedCanister", "ObservedSettings"]

CanisterState = Literal["running", "stopping", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSettings:
    """A canister's settings as they are; `None` means that the network did not say.

    Memory in bytes, `freezing_threshold` in seconds, `reserved_cycles_limit` in cycles.
    """

    controllers: frozenset[Principal] = frozenset()
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
    environment_variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LastInstall:
    """The last install that this tool recorded: SHA-256 hashes in lower-case hex."""

    module_hash: str
    argument_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedCanister:
    """A canister that exists. `module_hash` is lower-case hex, `None` when it is empty."""

    id: Principal
    state: CanisterState
    settings: ObservedSettings
    module_hash: str | None = None
    last_install: LastInstall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is there: `canisters` holds those that exist among the ones asked about, `ids` every id of the environment."""

    canisters: Mapping[str, ObservedCanister] = field(default_factory=lambda: MappingProxyType({}))
    ids: Mapping[str, Principal] = field(default_factory=lambda: MappingProxyType({}))
