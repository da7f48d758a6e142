"""What a sync plugin may import and must export, and where the interface's text is.

The world of `icp:sync-plugin@0.1` has one function of its own, `canister-call`, and one export, `exec`;
besides it the host offers WASI 0.2 without HTTP. Types-only imports need no implementation.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from orchestrator.errors import PluginRefusedError

__all__ = [
    "CALL_IMPORT",
    "CALL_SIGNATURE",
    "EXEC_EXPORT",
    "EXEC_SIGNATURE",
    "SUPPORTED_VERSIONS",
    "check_imports",
    "interface_version",
    "wit_directory",
]

SUPPORTED_VERSIONS: Final = ("0.1",)
"""The interface versions (major.minor) this host implements; any patch of them has the same shape."""

CALL_IMPORT: Final = "canister-call"
EXEC_EXPORT: Final = "exec"

CALL_SIGNATURE: Final = (
    "func(record{method: string, arg: list<u8>, call-type: enum{update, query}, direct: bool, cycles: u64}) -> result<list<u8>, string>"
)
EXEC_SIGNATURE: Final = (
    "func(record{canister-id: string, environment: string, dirs: list<string>, "
    "files: list<record{name: string, content: string}>, identity-principal: string, "
    "proxy-canister-id: option<string>}) -> result<_, string>"
)

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_TYPES_IMPORT: Final = re.compile(r"icp:sync-plugin/types@(?P<version>\d+\.\d+)(\.\d+)?(?P<rest>[-+].*)?")
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

_SUPPORTED_TEXT: Final = ", ".join(f"icp:sync-plugin@{version}" for version in SUPPORTED_VERSIONS)


def interface_version(imports: Iterable[str]) -> str:
    """Find the interface version that import names tell, as written (`0.1.0`).

    Raises `PluginRefusedError` when there is none (`plugin/no-interface`) or this host does not implement
    it (`plugin/interface-version`).
    """
    for name in imports:
        match = _TYPES_IMPORT.fullmatch(name)
        if match is None:
            continue
        written = name.partition("@")[2]
        if match["version"] not in SUPPORTED_VERSIONS or match["rest"]:
            raise PluginRefusedError(
                f"the plugin is made for icp:sync-plugin@{written}, which this version does not implement",
                slug="plugin/interface-version",
                detail=f"implemented here: {_SUPPORTED_TEXT}",
                hint="build the plugin for an implemented version, or update orchestrator",
            )
        return written
    raise PluginRefusedError(
        "the component does not implement a supported sync-plugin interface",
        slug="plugin/no-interface",
        detail=f"it imports no icp:sync-plugin/types; implemented here: {_SUPPORTED_TEXT}",
        hint="build it for the world `sync-plugin` of wit/icp-sync-plugin-0.1.0",
    )


def _is_offered(name: str) -> bool:
    if name == CALL_IMPORT or _TYPES_IMPORT.fullmatch(name):
        return True
    match = _WASI_IMPORT.fullmatch(name)
    return match is not None and match["name"] in _WASI_OFFERED


def check_imports(imports: Iterable[str]) -> str:
    """Refuse a component that imports what this host does not offer; answer its interface version."""
    names = tuple(imports)
    version = interface_version(names)
    missing = [name for name in names if not _is_offered(name)]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise PluginRefusedError(
            f"the plugin imports what a sync plugin is not offered: {listed}",
            slug="plugin/unknown-import",
            detail="offered are canister-call and WASI 0.2 without HTTP",
            hint="build the plugin without these imports; for HTTP, let the canister do the work or use a script step",
        )
    return version


def wit_directory(package: Path = _PACKAGE) -> Path:
    """Find the interface texts of the package in `package`: packaged with a wheel, the source tree's `wit/` otherwise."""
    for candidate in (package / "data" / "wit", package.parent / "wit"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the interface texts are missing from the installation at {package}")
