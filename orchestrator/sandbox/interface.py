"""What a sync plugin may import and must export, and where the interfaces' texts are.

The world of `icp:sync-plugin@0.1` has one function of its own, `canister-call`, and one export, `exec`;
the world `orchestrator:sync-plugin@0.1` includes it and has two functions more. The world of
`icp:sync-plugin@0.2` has a `canister-call` with a target, and `canister-metadata-section`. Besides these the host
offers WASI 0.2 without HTTP. A plugin imports as much of it as it likes. Types-only imports need no implementation.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.errors import PluginRefusedError

__all__ = [
    "BATCH_IMPORT",
    "CALL_IMPORT",
    "EXEC_EXPORT",
    "EXEC_SIGNATURES",
    "EXTENSION_VERSIONS",
    "FUNCTION_SIGNATURES",
    "OPTIONS_IMPORT",
    "SECTION_IMPORT",
    "SUPPORTED_VERSIONS",
    "check_imports",
    "extension_version",
    "interface_version",
    "list_names",
    "minor_version",
    "wit_directory",
]

SUPPORTED_VERSIONS: Final = ("0.1", "0.2")
"""The interface versions (major.minor) this host implements; any patch of them has the same shape."""

EXTENSION_VERSIONS: Final = ("0.1",)
"""The versions (major.minor) of this project's own interface, orchestrator:sync-plugin, that this host implements."""

CALL_IMPORT: Final = "canister-call"
BATCH_IMPORT: Final = "canister-call-batch"
OPTIONS_IMPORT: Final = "options"
SECTION_IMPORT: Final = "canister-metadata-section"
EXEC_EXPORT: Final = "exec"

_TARGET: Final = "target: variant{host, name(string)}"
_CALL: Final = "method: string, arg: list<u8>, call-type: enum{update, query}, direct: bool, cycles: u64"
FUNCTION_SIGNATURES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "0.1": MappingProxyType(
            {
                CALL_IMPORT: f"func(record{{{_CALL}}}) -> result<list<u8>, string>",
                BATCH_IMPORT: f"func(list<record{{{_CALL}}}>) -> list<result<list<u8>, string>>",
                OPTIONS_IMPORT: "func() -> list<tuple<string, string>>",
            }
        ),
        "0.2": MappingProxyType(
            {
                CALL_IMPORT: f"func(record{{{_TARGET}, {_CALL}}}) -> result<list<u8>, string>",
                SECTION_IMPORT: f"func(record{{{_TARGET}, name: string, direct: bool}}) -> result<option<list<u8>>, string>",
            }
        ),
    }
)
"""The functions that a plugin of each version may import, by name, with their exact types."""

EXEC_SIGNATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "0.1": (
            "func(record{canister-id: string, environment: string, dirs: list<string>, "
            "files: list<record{name: string, content: string}>, identity-principal: string, "
            "proxy-canister-id: option<string>}) -> result<_, string>"
        ),
        "0.2": (
            "func(record{canister-id: string, environment: string, api-url: string, gateway-url: option<string>, "
            "dirs: list<record{key: string, path: string}>, files: list<record{key: string, name: string, content: string}>, "
            "fields: list<record{name: string, value: string}>, identity-principal: string, "
            "proxy-canister-id: option<string>, canister-ids: list<record{name: string, id: string}>}) -> result<_, string>"
        ),
    }
)
"""The exact type of `exec` in each version."""

_LISTED_NAMES: Final = 10
_LISTED_CHARACTERS: Final = 100

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_VERSION: Final = r"@(?P<version>\d+\.\d+)(\.\d+)?(?P<rest>[-+].*)?"
_INTERFACE_IMPORT: Final = re.compile(r"icp:sync-plugin/[a-z0-9-]+" + _VERSION)
_EXTENSION_IMPORT: Final = re.compile(r"orchestrator:sync-plugin/[a-z0-9-]+" + _VERSION)
_TYPES_INTERFACES: Final = ("icp:sync-plugin/types@", "orchestrator:sync-plugin/extension@")
_WASI_IMPORT: Final = re.compile(r"wasi:(?P<name>[a-z0-9-]+/[a-z0-9-]+)@0\.2(\.\d+)?")
_WASI_OFFERED: Final = frozenset(
    {
        "cli/environment",
        "cli/exit",
        "cli/stderr",
        "cli/stdin",
        "cli/stdout",
        "cli/terminal-input",
        "cli/terminal-output",
        "cli/terminal-stderr",
        "cli/terminal-stdin",
        "cli/terminal-stdout",
        "clocks/monotonic-clock",
        "clocks/wall-clock",
        "filesystem/preopens",
        "filesystem/types",
        "io/error",
        "io/poll",
        "io/streams",
        "random/insecure",
        "random/insecure-seed",
        "random/random",
        "sockets/instance-network",
        "sockets/ip-name-lookup",
        "sockets/network",
        "sockets/tcp",
        "sockets/tcp-create-socket",
        "sockets/udp",
        "sockets/udp-create-socket",
    }
)

_SUPPORTED_TEXT: Final = ", ".join(
    [
        *(f"icp:sync-plugin@{version}" for version in SUPPORTED_VERSIONS),
        *(f"orchestrator:sync-plugin@{version}" for version in EXTENSION_VERSIONS),
    ]
)


def list_names(names: Iterable[str]) -> str:
    """List names from a component for a message: the first ones, each as far as it is worth reading, and how many more there are."""
    every = tuple(names)
    shown = (name if len(name) <= _LISTED_CHARACTERS else f"{name[:_LISTED_CHARACTERS]}…" for name in every[:_LISTED_NAMES])
    more = len(every) - _LISTED_NAMES
    return ", ".join(f"`{name}`" for name in shown) + (f" and {more} more" if more > 0 else "")


def _version_of(name: str, pattern: re.Pattern[str], supported: tuple[str, ...]) -> str | None:
    """Find the version, as written, in the name of an interface that `pattern` knows; refuse one that is not supported."""
    match = pattern.fullmatch(name)
    if match is None:
        return None
    package, _, written = name.partition("@")
    if match["version"] not in supported or match["rest"]:
        raise PluginRefusedError(
            f"the plugin is made for {package.partition('/')[0]}@{written[:_LISTED_CHARACTERS]}, which this version does not implement",
            slug="plugin/interface-version",
            detail=f"implemented here: {_SUPPORTED_TEXT}",
            hint="build the plugin for an implemented version, or update orchestrator",
        )
    return written


def minor_version(version: str) -> str:
    """Cut a version as written to what decides about its shape: `0.1` of `0.1.7`."""
    return ".".join(version.split(".")[:2])


def interface_version(imports: Iterable[str]) -> str:
    """Find the version of icp:sync-plugin that import names tell, as written (`0.1.0`).

    Raises `PluginRefusedError` when there is none (`plugin/no-interface`) or this host does not implement
    one of them (`plugin/interface-version`).
    """
    versions = [version for name in imports if (version := _version_of(name, _INTERFACE_IMPORT, SUPPORTED_VERSIONS))]
    different = {minor_version(version): version for version in reversed(versions)}
    if len(different) > 1:
        raise PluginRefusedError(
            f"the plugin is made for {' and '.join(f'icp:sync-plugin@{version}' for version in reversed(different.values()))} at once",
            slug="plugin/interface-version",
            detail="its exec can have the type of one version only",
            hint="build all of the plugin for one version",
        )
    if versions:
        return versions[0]
    raise PluginRefusedError(
        "the component does not implement a supported sync-plugin interface",
        slug="plugin/no-interface",
        detail=f"it imports no icp:sync-plugin/types; implemented here: {_SUPPORTED_TEXT}",
        hint="build it for the world `sync-plugin` of wit/icp-sync-plugin-0.1.0",
    )


def extension_version(imports: Iterable[str]) -> str | None:
    """Find the version of orchestrator:sync-plugin that import names tell, as written; `None` for a plugin without it.

    The functions of the world carry no version. A plugin that imports them and none of the world's types is of
    the first version. Raises `PluginRefusedError` (`plugin/interface-version`).
    """
    names = tuple(imports)
    versions = [version for name in names if (version := _version_of(name, _EXTENSION_IMPORT, EXTENSION_VERSIONS))]
    if versions:
        return versions[0]
    return f"{EXTENSION_VERSIONS[0]}.0" if {BATCH_IMPORT, OPTIONS_IMPORT} & {*names} else None


def _is_offered(name: str, functions: Mapping[str, str]) -> bool:
    if name in functions or name.startswith(_TYPES_INTERFACES):
        return True
    match = _WASI_IMPORT.fullmatch(name)
    return match is not None and match["name"] in _WASI_OFFERED


def check_imports(imports: Iterable[str]) -> str:
    """Refuse a component that imports what this host does not offer; answer its version of icp:sync-plugin."""
    names = tuple(imports)
    version = interface_version(names)
    extension_version(names)
    functions = FUNCTION_SIGNATURES[minor_version(version)]
    missing = [name for name in names if not _is_offered(name, functions)]
    if missing:
        raise PluginRefusedError(
            f"the plugin imports what a sync plugin is not offered: {list_names(missing)}",
            slug="plugin/unknown-import",
            detail=f"a plugin for icp:sync-plugin@{version} is offered {', '.join(functions)} and WASI 0.2 without HTTP",
            hint="build the plugin without these imports; for HTTP, let the canister do the work or use a script step",
        )
    return version


def wit_directory(package: Path = _PACKAGE) -> Path:
    """Find the interface texts of the package in `package`: packaged with a wheel, the source tree's `wit/` otherwise."""
    for candidate in (package / "data" / "wit", package.parent / "wit"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the interface texts are missing from the installation at {package}")
