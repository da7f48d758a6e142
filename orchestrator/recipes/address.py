"""Where a recipe's template is: the text of `type`, taken apart."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestrator.core.project import RecipeReference
from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.errors import RecipeError

__all__ = ["Address", "BundledRecipe", "LocalRecipe", "RegistryRecipe", "RemoteRecipe", "is_remote", "parse_address"]

_FILE_SCHEME = "file://"
_WEB_SCHEMES = ("https://", "http://")
# Names and versions become parts of a URL: nothing in them may lead out of the part that a registry gives them.
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REGISTRY = re.compile(rf"@(?P<registry>{_NAME})/(?P<name>{_NAME})@(?P<version>[A-Za-z0-9][A-Za-z0-9._+-]*)")
_UNVERSIONED = re.compile(rf"@{_NAME}/{_NAME}@?")
_BUNDLED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_TEMPLATE_SUFFIX = ".hbs"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledRecipe:
    """A recipe that ships with the tool, by its name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRecipe:
    """A template in a file, or a folder with one; `path` as written, relative to the project or absolute."""

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


Address = BundledRecipe | LocalRecipe | RemoteRecipe | RegistryRecipe


def is_remote(text: str) -> bool:
    """Tell whether an address leads to another machine."""
    return text.startswith((*_WEB_SCHEMES, "@"))


def parse_address(reference: RecipeReference) -> Address:
    """Take a recipe's `type` apart; raise `RecipeError` where it is none of the forms."""
    text = reference.address
    if text.startswith(_FILE_SCHEME) and len(text) > len(_FILE_SCHEME):
        return LocalRecipe(path=text.removeprefix(_FILE_SCHEME))
    if text.startswith(_WEB_SCHEMES):
        return _parse_url(text, reference)
    if text.startswith("@"):
        return _parse_registry(text, reference)
    if "://" not in text and ("/" in text or text.endswith(_TEMPLATE_SUFFIX)):
        return LocalRecipe(path=text)
    if _BUNDLED.fullmatch(text):
        return BundledRecipe(name=text)
    raise RecipeError(
        f"`{redact_url(text)}` is not the address of a recipe",
        slug="recipe/invalid-address",
        detail="it is the name of a bundled recipe, a path such as `./recipe.hbs`, a URL (https, http or file), or `@registry/name@version`",
        span=redact_span(reference.span),
    )


def _parse_url(text: str, reference: RecipeReference) -> RemoteRecipe:
    try:
        host = urlsplit(text).hostname
    except ValueError:  # brackets that do not close, for example
        host = None
    defect = None if host and host.strip() else "it names no host"
    if _CONTROL.search(text):
        defect = "it has line ends or other control characters"
    if defect is None:
        return RemoteRecipe(url=text)
    raise RecipeError(
        f"`{_CONTROL.sub('?', redact_url(text))}` is not a URL",
        slug="recipe/invalid-address",
        detail=defect,
        span=redact_span(reference.span),
        hint='write it like "https://example.com/backend.hbs"',
    )


def _parse_registry(text: str, reference: RecipeReference) -> RegistryRecipe:
    match = _REGISTRY.fullmatch(text)
    if match is not None:
        return RegistryRecipe(registry=match["registry"], name=match["name"], version=match["version"])
    if _UNVERSIONED.fullmatch(text):
        raise RecipeError(
            f"the recipe `{text}` has no version",
            slug="recipe/missing-version",
            detail="without one, a deployment would change when the registry does",
            span=reference.span,
            hint=f'write "{text.removesuffix("@")}@VERSION"',
        )
    raise RecipeError(
        f"`{text}` is not the address of a recipe",
        slug="recipe/invalid-address",
        detail="names are made of letters, digits, `.`, `_` and `-`, versions of `+` too; each starts with a letter or a digit",
        span=reference.span,
        hint='write it like "@dfinity/rust@v3.2.0"',
    )
