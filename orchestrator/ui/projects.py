"""Projects as text."""

from pathlib import Path

from orchestrator.core.project import Project

__all__ = ["render_valid"]


def render_valid(project: Project, *, base: Path) -> str:
    """Return that a project's files are in order, and what they describe."""
    manifest = project.manifest.relative_to(base) if project.manifest.is_relative_to(base) else project.manifest
    parts = (
        _count(len(project.canisters), "canister"),
        _count(len(project.networks), "network"),
        _count(len(project.environments), "environment"),
    )
    warned = f"; {_count(len(project.warnings), 'warning')}" if project.warnings else ""
    return f"`{manifest}` is valid: {', '.join(parts)}{warned}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
