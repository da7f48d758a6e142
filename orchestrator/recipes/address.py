"""Where a recipe's template is: the text of `type`, taken apart."""

import re
from dataclasses import dataclass

from orchestrator.core.project import RecipeReference
from orchestrator.errors import RecipeError

__all__ = ["Address", "LocalRecipe", "RegistryRecipe", "RemoteRecipe", "parse_address"]

_FILE_SCHEME = "file://"
_WEB_SCHEMES = ("https://", "http://")
_REGISTRY = re.compile(r"@(?P<registry>[A-Za-z0-9_.-]+)/(?P<name>[A-Za-z0-9_.-]+)(?:@(?P<version>\S+))?")
_TEMPLATE_SUFFIX = ".hbs"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRecipe:
    """A template in a file; `path` as written, relative to the project or absolute."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRecipe:
    """A template behind a URL."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRecipe:
    """A template of a registry: `@registry/name@version`."""

    registry: str
    name: str
    version: str


Address = LocalRecipe | RemoteRecipe | RegistryRecipe


def parse_address(reference: RecipeReference) -> Address:
    """Take a recipe's `type` apart; raise `RecipeError` where it is none of the forms."""
    text = reference.address
    if text.startswith(_FILE_SCHEME) and len(text) > len(_FILE_SCHEME):
        return LocalRecipe(path=text.removeprefix(_FILE_SCHEME))
    if text.startswith(_WEB_SCHEMES):
        return RemoteRecipe(url=text)
    if text.startswith("@"):
        return _parse_registry(text, reference)
    if "://" not in text and ("/" in text or text.endswith(_TEMPLATE_SUFFIX)):
        return LocalRecipe(path=text)
    raise RecipeError(
        f"`{text}` is not the address of a recipe",
        slug="recipe/invalid-address",
        detail="it is a path, a URL, or `@registry/name@version`",
        span=reference.span,
        hint=f'write "@dfinity/{text}@VERSION" for a recipe of the official registry, or "./{text}.hbs" for a file'
        if text.isidentifier()
        else None,
    )


def _parse_registry(text: str, reference: RecipeReference) -> RegistryRecipe:
    match = _REGISTRY.fullmatch(text)
    if match is None:
        raise RecipeError(
            f"`{text}` is not the address of a recipe",
            slug="recipe/invalid-address",
            span=reference.span,
            hint='write it like "@dfinity/rust@v3.2.0"',
        )
    if match["version"] is None:
        raise RecipeError(
            f"the recipe `{text}` has no version",
            slug="recipe/missing-version",
            detail="without one, a deployment would change when the registry does",
            span=reference.span,
            hint=f'write "{text}@VERSION"',
        )
    return RegistryRecipe(registry=match["registry"], name=match["name"], version=match["version"])
