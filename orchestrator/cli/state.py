"""What one invocation knows: the terminal, the options so far, its log file and its display."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.terminal import Terminal

if TYPE_CHECKING:
    from orchestrator.ui.board import Board
    from orchestrator.ui.display import Display
    from orchestrator.ui.style import Style

__all__ = ["DEFAULT_ENVIRONMENT", "ENVIRONMENT_VARIABLES", "PROJECT_VARIABLES", "State"]

DEFAULT_ENVIRONMENT = "local"
_MANIFEST_FILE = "icp.yaml"
ENVIRONMENT_VARIABLES = ("ORCHESTRATOR_ENV", "ICP_ENVIRONMENT")
PROJECT_VARIABLES = ("ORCHESTRATOR_PROJECT", "ICP_PROJECT_ROOT")


@dataclass(slots=True, kw_only=True)
class State:
    """The one value of an invocation that changes while options are parsed and the command runs.

    `options` are the shared options that stood on the command line; `stack` is closed when the command has ended.
    """

    terminal: Terminal
    stack: ExitStack
    options: dict[str, object] = field(default_factory=dict)
    log: Path | None = None
    board: "Board | None" = None
    display: "Display | None" = None

    @property
    def environment(self) -> str:
        """Return the environment's name: the command line's, else a variable's, else the default."""
        given = self.options.get("environment")
        return given if isinstance(given, str) else self._variable(ENVIRONMENT_VARIABLES) or DEFAULT_ENVIRONMENT

    @property
    def environment_is_typed(self) -> bool:
        """Tell whether the environment stood on the command line."""
        return "environment" in self.options

    @property
    def project(self) -> Path | None:
        """Return the folder that was named as the project's, or whose icp.yaml was, without `..`; then none above it counts."""
        given = self.options.get("project") or self._variable(PROJECT_VARIABLES)
        if not isinstance(given, (str, Path)):
            return None
        named = _without_dots(self.terminal.directory / given)
        return named.parent if named.name == _MANIFEST_FILE and named.is_file() else named

    @property
    def identity(self) -> str | None:
        """Return the identity's name, if one was asked for."""
        given = self.options.get("identity")
        return given if isinstance(given, str) else None

    @property
    def identity_password_file(self) -> Path | None:
        """Return the file that holds the identity's password, if one was named."""
        given = self.options.get("identity_password_file")
        return given if isinstance(given, Path) else None

    @property
    def proxy(self) -> str | None:
        """Return the proxy canister's principal or name, if one was asked for."""
        given = self.options.get("proxy")
        return given if isinstance(given, str) else None

    @property
    def confirmed(self) -> str | None:
        """Return the name of the protected environment that was typed, if one was."""
        given = self.options.get("confirmed")
        return given if isinstance(given, str) else None

    @property
    def offline(self) -> bool | None:
        """Tell whether downloads were forbidden; `None` leaves that to the environment."""
        return True if self.options.get("offline") else None

    @property
    def locked(self) -> bool | None:
        """Tell whether the lock file must stay as it is; `None` leaves that to the environment."""
        return True if self.options.get("locked") else None

    @property
    def strict(self) -> bool:
        """Tell whether warnings are errors."""
        return bool(self.options.get("strict"))

    @property
    def jobs(self) -> int | None:
        """Return how many things to do at once, if that was said."""
        given = self.options.get("jobs")
        return given if isinstance(given, int) else None

    @property
    def compute_seconds(self) -> float | None:
        """Return how long each plugin may compute, if that was said."""
        given = self.options.get("compute_seconds")
        return given if isinstance(given, float) else None

    @property
    def plugin_options(self) -> tuple[tuple[str, str], ...]:
        """Return what plugins are passed on, in the order in which it was typed."""
        given = self.options.get("plugin_options")
        return given if isinstance(given, tuple) else ()

    @property
    def yes(self) -> bool:
        """Tell whether every question was answered in advance."""
        return bool(self.options.get("yes"))

    @property
    def as_json(self) -> bool:
        """Tell whether stdout is for programs."""
        return bool(self.options.get("as_json"))

    @property
    def verbose(self) -> bool:
        """Tell whether the log is to be shown."""
        return bool(self.options.get("verbose"))

    def _variable(self, names: Sequence[str]) -> str | None:
        """Return the first of these environment variables that is set, and not empty."""
        return next((value for name in names if (value := self.terminal.environ.get(name))), None)

    def style(self) -> "Style":
        """Return the style of stderr."""
        from orchestrator.ui.style import choose_style

        return choose_style(self.terminal.stderr, self.terminal.environ)


def _without_dots(path: Path) -> Path:
    """Return the path as a person would write it; where `..` follows a link that is another place, so links are resolved."""
    short = Path(os.path.normpath(path))
    if not path.exists() or (short.exists() and short.samefile(path)):
        return short
    return path.resolve()
