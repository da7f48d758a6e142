"""Identities as text and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.principal import Principal
from orchestrator.ui.style import harmless

__all__ = ["IDENTITY_SCHEMA", "IdentityRow", "identities_to_json", "render_identities"]

IDENTITY_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    """An identity to list; `principal` is `None` where the files do not tell."""

    name: str
    principal: Principal | None
    is_default: bool = False


def render_identities(rows: Sequence[IdentityRow]) -> str:
    """Return one line per identity as icp-cli lays them out: a mark, the padded name, the principal."""
    width = max((len(row.name) for row in rows), default=0)
    return "\n".join(_line(row, width).rstrip() for row in rows)


def identities_to_json(rows: Sequence[IdentityRow]) -> dict[str, object]:
    """Return identities as plain values."""
    return {
        "schema": IDENTITY_SCHEMA,
        "default_identity": next((row.name for row in rows if row.is_default), None),
        "identities": [{"name": row.name, "principal": str(row.principal) if row.principal else None} for row in rows],
    }


def _line(row: IdentityRow, width: int) -> str:
    mark = "*" if row.is_default else " "
    return f"{mark} {harmless(row.name):<{width}}  {row.principal if row.principal is not None else ''}"
