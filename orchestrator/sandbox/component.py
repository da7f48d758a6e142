"""Decides, before anything of it is compiled or run, whether bytes are a plugin for this host."""

from dataclasses import dataclass
from typing import Final

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.binary import COMPONENT_HEADER, CORE_MODULE_HEADER, NotUnderstoodError, Sort, read_outline
from orchestrator.sandbox.interface import EXEC_EXPORT, check_imports, extension_version, list_names
from orchestrator.sandbox.wrapping import can_wrap

__all__ = ["MAX_COMPONENT_BYTES", "ComponentFacts", "inspect_component"]

MAX_COMPONENT_BYTES: Final = 256 << 20
"""Bytes of a component; one with a whole Python in it has about 18 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFacts:
    """What a component says about itself.

    `interface` is the version of icp:sync-plugin (`0.1.0`), `extension` that of orchestrator:sync-plugin if it
    uses any of it, `imports` and `exports` are names in file order,
    `wrappable` tells whether its canister calls can take the fast path. All are empty when `understood` is
    false: then only wasmtime can tell, and does so when it compiles the component.
    """

    understood: bool
    interface: str | None = None
    extension: str | None = None
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    wrappable: bool = False


def _check_header(data: bytes) -> None:
    if len(data) > MAX_COMPONENT_BYTES:
        raise PluginRefusedError(
            f"the plugin has {len(data) >> 20} MiB, more than {MAX_COMPONENT_BYTES >> 20} MiB",
            slug="plugin/too-large",
            hint="build it without debug information, or leave out what it does not need",
        )
    if data.startswith(CORE_MODULE_HEADER):
        raise PluginRefusedError(
            "the plugin is a core WebAssembly module, not a component",
            slug="plugin/core-module",
            detail="a sync plugin is a component of the world `sync-plugin`",
            hint="build for wasm32-wasip2, or make a plugin of a module in C or Zig with `orchestrator plugin componentize CORE.wasm -o X.wasm`",
        )
    if not data.startswith(COMPONENT_HEADER):
        what = "the file is empty" if not data else f"it starts with the bytes {data[:8].hex(' ')}"
        raise PluginRefusedError(
            "the plugin is not a WebAssembly component",
            slug="plugin/not-a-component",
            detail=what,
            hint="point the step at the component file that the plugin's build produces",
        )


def inspect_component(data: bytes) -> ComponentFacts:
    """Read a component's imports and exports and refuse what is no plugin for this host.

    Raises `PluginRefusedError`: `plugin/core-module`, `plugin/not-a-component`, `plugin/no-interface`,
    `plugin/interface-version`, `plugin/unknown-import`, `plugin/no-exec`.
    """
    _check_header(data)
    try:
        outline = read_outline(data)
    except NotUnderstoodError:
        return ComponentFacts(understood=False)
    # Type imports only repeat names of the interface's types.
    imports = tuple(item.name for item in outline.imports if item.sort is not Sort.TYPE)
    interface = check_imports(imports)
    if EXEC_EXPORT not in outline.exports:
        raise PluginRefusedError(
            f"the plugin does not export `{EXEC_EXPORT}`",
            slug="plugin/no-exec",
            detail=f"it exports {list_names(outline.exports) or 'nothing'}",
            hint="build it for the world `sync-plugin`, which exports exec",
        )
    return ComponentFacts(
        understood=True,
        interface=interface,
        extension=extension_version(imports),
        imports=imports,
        exports=outline.exports,
        wrappable=can_wrap(outline),
    )
