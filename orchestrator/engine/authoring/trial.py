"""What goes into a run of a plugin alone; `running` does it, `sandbox.reports` has what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator.engine.authoring.mock import EMPTY_REPLY, Answer, Replies
from orchestrator.sandbox.limits import Limits

if TYPE_CHECKING:
    from orchestrator.engine.authoring.recording import Recording

__all__ = ["ANONYMOUS_TEXT", "DEFAULT_CANISTER_ID", "PluginTrial"]

DEFAULT_CANISTER_ID: Final = "bkyz2-fmaaa-aaaaa-qaaaq-cai"
"""The canister that a plugin syncs when none is named; nothing is sent to it, so any will do."""
ANONYMOUS_TEXT: Final = "2vxsx-fae"
DEFAULT_ENVIRONMENT: Final = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginTrial:
    """One run of a plugin against a canister that is not there.

    `component` is the plugin's file, or its bytes. `dirs` and `files` are what a step would declare; they are relative
    to `directory`, by the same rules as in a project, and the plugin sees them under the names written here. `replies`
    has the canister's answers for each method, `otherwise` those of all other methods. With a `recording` the answers
    come from it instead, and the plugin must ask for just what is recorded. For plugins of icp:sync-plugin@0.2 entries
    are `NAME=PATH`, and a file that is a directory is one; they also get `fields`, may call `canisters` (names and
    principals), and read `sections` of modules, the same ones of all canisters. `candid` is the canister's
    `.did` file: with it arguments and replies have names and types. Compiled components are kept in
    `cache_directory`, by default the user's.
    """

    component: Path | bytes
    directory: Path = field(default_factory=Path)
    dirs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    environment: str = DEFAULT_ENVIRONMENT
    canister_id: str = DEFAULT_CANISTER_ID
    identity_principal: str = ANONYMOUS_TEXT
    proxy: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    canisters: tuple[tuple[str, str], ...] = ()
    sections: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    replies: Replies = field(default_factory=dict)
    otherwise: Answer = EMPTY_REPLY
    recording: "Recording | None" = None
    candid: Path | None = None
    cache_directory: Path | None = None
