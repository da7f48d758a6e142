"""How an environment is changed in stages, and who has to agree, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from orchestrator.core.principal import Principal
from orchestrator.errors import Span

__all__ = ["Approvers", "Bake", "Gate", "OnFailure", "Rollout", "Stage"]

OnFailure = Literal["none", "undo-code", "undo-snapshot"]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """Who may approve a change: `at_least` of `principals` must; with `not_starter` none of them is who started it."""

    principals: tuple[Principal, ...]
    at_least: int = 1
    not_starter: bool = True
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """A gate that opens when the stage has been done for a while, in seconds."""

    bake: int


Gate = Literal["health", "approval"] | Bake


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: `canisters` are those it changes, in manifest order, with names, `rest` and labels resolved.

    `accept_data_loss` (seconds) is the age that a snapshot may have when it is gone back to; `None` is not at all.
    `max_parallel` is `None` where nothing but `--jobs` limits it. `labels` is what selected the canisters, if labels did.
    """

    name: str
    canisters: tuple[str, ...]
    rest: bool = False
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    snapshot: bool = False
    accept_data_loss: int | None = None
    gates: tuple[Gate, ...] = ()
    max_parallel: int | None = None
    max_failures: int = 0
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The stages of an environment, in order, and what happens when one fails."""

    stages: tuple[Stage, ...]
    on_failure: OnFailure = "none"
    span: Span | None = None
