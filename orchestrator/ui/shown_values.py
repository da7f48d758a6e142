"""Values of a project as plain data: what has no form of icp-cli's to follow."""

from collections.abc import Container, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.health import CyclesCheck, HttpCheck, NoTrapsCheck, QueryCheck, StatusCheck
from orchestrator.core.principal import Principal
from orchestrator.core.units import Amount
from orchestrator.errors import Span

__all__ = ["own_keys", "plain"]

_UNSHOWN = frozenset({"span", "entry_spans", "written"})


def own_keys(value: Any, shown: Container[str]) -> dict[str, object]:
    """Return the fields of a frozen value that are set, by name, without those that are `shown` already."""
    found: dict[str, object] = {}
    for each in fields(value):
        held = getattr(value, each.name)
        default = each.default if each.default is not MISSING else each.default_factory() if each.default_factory is not MISSING else None
        if each.name not in shown and each.name not in _UNSHOWN and not isinstance(held, Span) and held != default:
            found[each.name] = plain(held)
    return found


def plain(value: Any) -> object:
    """Return a value as maps, lists and scalars; amounts stay what they are."""
    match value:
        case None | bool() | str() | Amount() | int() | float():
            return value
        case Principal() | Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case QueryCheck() | HttpCheck() | CyclesCheck():
            return {value.kind: own_keys(value, ())}
        case StatusCheck():
            return {value.kind: "running"}
        case NoTrapsCheck():
            return {value.kind: True}
        case _ if is_dataclass(value):
            return own_keys(value, ())
        case _:
            return [plain(item) for item in value]
