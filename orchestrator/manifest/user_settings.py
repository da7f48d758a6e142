"""The user's own settings file, `settings.yaml`: what holds on this machine for every project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from orchestrator.manifest.fields import check_keys
from orchestrator.manifest.files import load_map
from orchestrator.manifest.problems import Problems
from orchestrator.manifest.registries import read_registries

__all__ = ["UserSettings", "load_user_settings"]

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """What a user has set; `registries` are URL templates by name."""

    registries: Mapping[str, str] = field(default_factory=lambda: _NONE)


def load_user_settings(path: Path) -> UserSettings:
    """Read a settings file; raises `ManifestError` with everything that is wrong."""
    problems = Problems()
    mapping = load_map(path, problems)
    if mapping is None:
        problems.raise_errors()
        return UserSettings()
    check_keys(mapping, ("registries",), "the settings file", problems, severity="error")
    registries = read_registries(mapping.get("registries"), problems, own=True)
    problems.raise_errors()
    return UserSettings(registries=MappingProxyType(registries))
