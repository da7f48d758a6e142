"""Registries of recipes: what `@registry/name@version` means, as a URL template with `{name}` (or `{recipe}`) and `{version}`."""

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

__all__ = ["BUILT_IN_REGISTRIES", "describe_name_defect", "describe_template_defect", "is_loopback_url", "recipe_url"]

BUILT_IN_REGISTRIES: Final[Mapping[str, str]] = MappingProxyType(
    {"dfinity": "https://github.com/dfinity/icp-cli-recipes/releases/download/{name}-{version}/recipe.hbs"}
)
"""The registries that every project knows, as templates."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLACEHOLDER = re.compile(r"\{(name|recipe|version)\}")
_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f-\x9f]")


def describe_name_defect(name: str) -> str | None:
    """Return why a text cannot be the name of a registry, `None` when it can."""
    return None if _NAME.fullmatch(name) else "names are made of letters, digits, `.`, `_` and `-`, and start with a letter or a digit"


def describe_template_defect(template: str) -> str | None:
    """Return why a text cannot be a registry's URL template, `None` when it can.

    Placeholders stand behind the host: whoever chooses a recipe's name or version does not choose the server.
    """
    present = set(_PLACEHOLDER.findall(template))
    rest = _PLACEHOLDER.sub("x", template)
    if "version" not in present:
        return "it has no `{version}`, so all versions of a recipe would be one"
    if not present & {"name", "recipe"}:
        return "it has no `{name}`, so all recipes of the registry would be one"
    if "{" in rest or "}" in rest:
        return "its placeholders are `{name}` (or `{recipe}`) and `{version}`"
    if _CONTROL_OR_SPACE.search(template):
        return "a URL has no spaces or control characters"
    if "#" in template:
        return "what stands behind `#` is not sent to a server"
    return _describe_url_defect(template)


def _describe_url_defect(template: str) -> str | None:
    try:
        parts = urlsplit(template)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "it is not a URL"
    if not host:
        return "it is not a URL with a host"
    if _PLACEHOLDER.search(parts.scheme + parts.netloc):
        return "its placeholders must stand behind the host"
    if parts.username is not None or parts.password is not None:
        return "it has a user or a password, which everybody who sees the file would know"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return None
    return "it must start with `https://` (`http://` is for this machine only)"


def recipe_url(template: str, name: str, version: str) -> str:
    """Return where a recipe is; name and version were checked by whoever parsed the address."""
    values = {"name": name, "recipe": name, "version": version}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL leads to this machine, and cannot lead elsewhere."""
    try:
        return _is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
