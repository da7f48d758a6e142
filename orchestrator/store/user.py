"""Where a user's data is, outside any project: `ORCHESTRATOR_HOME`, or the platform's directories."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["HOME_VARIABLE", "UserDirectories"]

HOME_VARIABLE = "ORCHESTRATOR_HOME"
_APPLICATION = "icp-orchestrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDirectories:
    """A user's folders; nothing is made here. `cache` can be deleted at any time."""

    cache: Path
    config: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Return the folders that the environment variables, or the platform, say."""
        home = environ.get(HOME_VARIABLE)
        if home:
            return cls(cache=Path(home) / "cache", config=Path(home) / "config")
        import platformdirs

        directories = platformdirs.PlatformDirs(_APPLICATION, appauthor=False)
        return cls(cache=directories.user_cache_path, config=directories.user_config_path)

    @property
    def components(self) -> Path:
        """Return the folder of compiled plugin components."""
        return self.cache / "components"

    @property
    def packages(self) -> Path:
        """Return the folder of downloaded recipes and modules."""
        return self.cache / "packages"

    @property
    def ports(self) -> Path:
        """Return the folder that says which project's network has which port."""
        return self.cache / "ports"

    @property
    def settings(self) -> Path:
        """Return the user's settings file."""
        return self.config / "settings.yaml"
