"""One plugin, its step in the manifest, and what is expected of both tools."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PluginCase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCase:
    """A plugin and its end.

    `name` is the canister's too. `step` are further keys of the step. `slug` is what this tool says, None for
    success; `summary` is its text, exactly, with `{canister}` and `{folder}` for what differs from run to run.
    `theirs` is a part of what icp-cli says, None for success. `lines` is all that the plugin wrote that lasts: its
    stderr after success, both streams after a failure, in any order. `cell` is the number of a counter in the canister that its calls raise. `their_lines`
    is what icp-cli shows where that differs.
    """

    name: str
    component: bytes
    step: Mapping[str, object] = field(default_factory=dict)
    slug: str | None = None
    summary: str | None = None
    theirs: str | None = None
    lines: tuple[str, ...] = ()
    cell: int | None = None
    their_lines: tuple[str, ...] | None = None
