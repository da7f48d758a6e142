"""Plans as text: what would change, canister by canister, and why."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from orchestrator.core.plan import Action, Change, Detail
from orchestrator.core.recipe_use import Reach, RecipeUse
from orchestrator.ui.style import PLAIN, Paint, Style, harmless

__all__ = ["render_changes"]

_DIGEST_DIGITS = 12
_HASH = re.compile(r"[0-9a-f]{64}")
_ACTION_COLUMNS = 10
_MARKS: Mapping[Action, tuple[str, Paint]] = {
    "create": ("+", "green"),
    "install": ("+", "green"),
    "settings": ("~", "yellow"),
    "upgrade": ("~", "yellow"),
    "start": ("~", "yellow"),
    "sync": ("~", "yellow"),
    "reinstall": ("!", "red"),
    "unchanged": ("=", "dim"),
}


def render_changes(
    environment: str, digest: str, changes: Sequence[Change], *, recipes: Sequence[RecipeUse] = (), style: Style = PLAIN
) -> str:
    """Return a plan as lines, without a final line end; destructive changes are marked `!` and said to be so.

    Canisters keep the order of the plan; below them is what comes from remote recipes.
    """
    lines = [f"Plan for environment `{environment}` (digest {digest[:_DIGEST_DIGITS]}):", ""]
    for canister, group in groupby(changes, key=lambda change: change.canister):
        lines.append(f"  {style.paint('bold', harmless(canister))}")
        for change in group:
            lines += _change(change, style)
    if recipes:
        lines += ["", "Steps that come from remote recipes:", ""]
        for use in recipes:
            lines += _use(use, style)
    return "\n".join([*lines, "", _summary(changes)])


def _use(use: RecipeUse, style: Style) -> Iterator[str]:
    runs = [
        f"{_count(number, 'command')} {when}"
        for number, when in ((use.build_commands, "to build"), (use.sync_commands, "to sync"))
        if number
    ]
    commands = f", runs {' and '.join(runs)} on this machine" if runs else ""
    recipe = f"{harmless(use.recipe)} (SHA-256 {use.sha256[:_DIGEST_DIGITS]}…)"
    yield f"  {style.paint('bold', harmless(use.canister))}: {recipe}{commands}"
    for reach in use.reaches:
        mark = style.paint("red", "!") if reach.agreed is None else style.paint("yellow", "~")
        yield f"    {mark} {_reach(reach)}{'' if reach.agreed is None else f' (agreed on {harmless(reach.agreed)})'}"


def _reach(reach: Reach) -> str:
    step = f"sync step {reach.step}" + (f" `{harmless(reach.name)}`" if reach.name else "")
    parts = []
    if reach.proxy is not None:
        parts.append(f"sends its update calls through the proxy `{harmless(reach.proxy)}`")
    if reach.canisters:
        parts.append(f"may call {', '.join(f'`{harmless(name)}`' for name in reach.canisters)}")
    return f"{step} {' and '.join(parts)}"


def _change(change: Change, style: Style) -> Iterator[str]:
    mark, colour = _MARKS[change.action]
    if change.destructive:
        mark, colour = "!", "red"
    note = " (destructive)" if change.destructive else ""
    yield f"    {style.paint(colour, mark)} {change.action:<{_ACTION_COLUMNS}} {harmless(change.reason)}{style.paint('red', note) if note else ''}"
    for detail in change.details:
        yield f"        {_detail(detail)}"


def _detail(detail: Detail) -> str:
    name = harmless(detail.field)
    match detail.before, detail.after:
        case None, after:
            return f"{name}: {_value(after)} (new)"
        case before, None:
            return f"{name}: {_value(before)} (removed)"
        case before, after:
            return f"{name}: {_value(before)} → {_value(after)}"


def _value(text: str | None) -> str:
    """Return a value as shown: hashes are shortened, as JSON has them whole."""
    shown = harmless(text or "")
    return f"{shown[:_DIGEST_DIGITS]}…" if _HASH.fullmatch(shown) else shown


def _summary(changes: Sequence[Change]) -> str:
    active = [change for change in changes if change.action != "unchanged"]
    if not active:
        return "Nothing would change."
    canisters = len({change.canister for change in active})
    destructive = sum(change.destructive for change in active)
    text = f"{_count(len(active), 'change')} to {_count(canisters, 'canister')}"
    return f"{text}, {destructive} of them destructive." if destructive else f"{text}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
