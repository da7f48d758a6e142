"""The registries of recipes that a run knows: built in, of the project, of the user."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.redaction import redact_url
from orchestrator.core.registries import BUILT_IN_REGISTRIES, recipe_url
from orchestrator.errors import Diagnostic, RecipeError, Span

if TYPE_CHECKING:
    from orchestrator.recipes import RegistryRecipe

__all__ = ["Registries"]


def _silent(found: Diagnostic) -> None:
    """Tell nobody."""


class Registries:
    """Registries by name; the user's settings file is read when a registry is asked for, and counts before the project.

    `settings` is that file, if there may be one; `tell` is given what is odd.
    """

    def __init__(
        self, project: Mapping[str, str] | None = None, settings: Path | None = None, tell: Callable[[Diagnostic], None] = _silent
    ) -> None:
        """Take the project's registries, as templates, and the user's settings file."""
        self._project = project or {}
        self._settings = settings
        self._tell = tell
        self._all: Mapping[str, str] | None = None
        self._overridden: dict[str, str] = {}

    def load(self) -> Mapping[str, str]:
        """Return all registries' templates by name. Raises `ManifestError` for a settings file with problems. Blocks."""
        if self._all is None:
            own = self._load_own()
            others = {**BUILT_IN_REGISTRIES, **self._project}
            self._overridden = {name: others[name] for name, template in own.items() if others.get(name, template) != template}
            self._all = {**others, **own}
        return self._all

    def url_of(self, address: "RegistryRecipe", span: Span | None) -> str:
        """Return where a recipe's template is; raises `RecipeError` for an unknown registry, and as `load` does.

        That the user's settings count instead of another registry is told once, when it is used.
        """
        known = self.load()
        template = known.get(address.registry)
        if template is None:
            raise self._unknown(address, known, span)
        other = self._overridden.pop(address.registry, None)
        if other is not None:
            self._tell(_overridden(address.registry, template, self._settings, other))
        return recipe_url(template, address.name, address.version)

    def _load_own(self) -> Mapping[str, str]:
        if self._settings is None or not self._settings.exists():
            return {}
        from orchestrator.manifest.user_settings import load_user_settings

        return load_user_settings(self._settings).registries

    def _unknown(self, address: "RegistryRecipe", known: Mapping[str, str], span: Span | None) -> RecipeError:
        close = get_close_matches(address.registry, known, n=1)
        file = f"`{self._settings}`" if self._settings is not None else "the settings file"
        example = f"registries: {{ {address.registry}: 'https://recipes.example.com/{{name}}/{{version}}/recipe.hbs' }}"
        return RecipeError(
            f"there is no recipe registry `{address.registry}`",
            slug="recipe/unknown-registry",
            detail=f"the registries are {', '.join(f'`{name}`' for name in sorted(known))}",
            span=span,
            hint=f"did you mean `@{close[0]}/{address.name}@{address.version}`?"
            if close
            else f"add it to the project's icp.yaml or orchestrator.yaml, or to {file}: `{example}`",
        )


def _overridden(name: str, template: str, path: Path | None, other: str) -> Diagnostic:
    return Diagnostic(
        slug="recipe/registry-overridden",
        summary=f"recipes of `@{name}` come from {redact_url(template)}, as your own settings say, and not from {redact_url(other)}",
        severity="warning",
        hint=f"take `{name}` out of `{path}` if that is not meant",
    )
