"""The process that compiles one component: `python -m orchestrator.sandbox.compiler`.

It runs nothing of the plugin. Compiling has a process of its own because it takes twenty times the
component's size in memory, which must neither count against the plugin's limits nor stay with the tool.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Final

from wasmtime import Engine, WasmtimeError, wat2wasm
from wasmtime.component import Component, FuncType, ValType

from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.binary import NotUnderstoodError, read_outline
from orchestrator.sandbox.cache import Artifact, ComponentCache
from orchestrator.sandbox.channel import Channel
from orchestrator.sandbox.confinement import confine, lower_resource_limits
from orchestrator.sandbox.engine import new_engine
from orchestrator.sandbox.frames import Compile, Compiled, Refused
from orchestrator.sandbox.interface import EXEC_EXPORT, EXEC_SIGNATURES, FUNCTION_SIGNATURES, check_imports, list_names, minor_version
from orchestrator.sandbox.signature import describe_function
from orchestrator.sandbox.wrapping import host_imports, wrap

__all__ = ["compile_component", "main"]

PARENT_CHECK_SECONDS: Final = 0.2
"""The pause between two looks at whether the tool is still there."""
MAX_COMPILER_BYTES: Final = 4 << 30
"""Memory that compiling one component may take, on Linux; one with a whole Python in it takes 0.4 GB."""
_ABOUT_PROCESSORS: Final = ("/proc/self", "/sys/fs/cgroup", "/sys/devices/system/cpu")
"""Where the compiler looks how many threads are worth having."""


def _compile_wrapped(engine: Engine, component: bytes) -> tuple[Component, frozenset[str]] | None:
    """Compile the wrapping component and name what it adds to the imports.

    Nothing if it cannot be built: then the plain way tells what is wrong.
    """
    try:
        outline = read_outline(component)
        return Component(engine, wrap(component, outline, lambda text: bytes(wat2wasm(text)))), host_imports(outline)
    except (NotUnderstoodError, WasmtimeError):
        return None


def _compile_plain(engine: Engine, component: bytes) -> Component:
    try:
        return Component(engine, component)
    except WasmtimeError as error:
        raise PluginRefusedError(
            "the plugin is not a valid WebAssembly component",
            slug="plugin/invalid-component",
            detail=str(error).strip(),
            hint="build it again; a truncated download is a common cause",
        ) from error


def _check_shape(name: str, found: object, expected: str) -> None:
    described = describe_function(found) if isinstance(found, FuncType) else "something that is no function"
    if described != expected:
        raise PluginRefusedError(
            f"the plugin's `{name}` has another type than its interface says",
            slug="plugin/interface-type",
            detail=f"it has {described}\nthe interface has {expected}",
            hint="build the plugin with the interface texts in wit/",
        )


def _check_types(engine: Engine, component: Component, ours: frozenset[str]) -> None:
    """Refuse a component whose imports or `exec` are not those of a sync plugin, by wasmtime's own reading.

    `ours` are the imports of the component around the plugin: a plugin that names another function of ours is refused.
    """
    items = {name: item.ty for name, item in component.type.imports(engine).items() if name not in ours}
    imports = {name: item for name, item in items.items() if not isinstance(item, ValType)}
    version = minor_version(check_imports(imports))
    for name, signature in FUNCTION_SIGNATURES[version].items():
        if name in imports:
            _check_shape(name, imports[name], signature)
    exports = component.type.exports(engine)
    if EXEC_EXPORT not in exports:
        raise PluginRefusedError(
            f"the plugin does not export `{EXEC_EXPORT}`",
            slug="plugin/no-exec",
            detail=f"it exports {list_names(exports) or 'nothing'}",
            hint="build it for the world `sync-plugin`, which exports exec",
        )
    _check_shape(EXEC_EXPORT, exports[EXEC_EXPORT].ty, EXEC_SIGNATURES[version])


def _compile_into(cache: ComponentCache, order: Compile) -> Artifact:
    engine = new_engine()
    wrapped = _compile_wrapped(engine, order.component) if order.wrap else None
    component, ours = wrapped or (_compile_plain(engine, order.component), frozenset[str]())
    _check_types(engine, component, ours)
    artifact = cache.store(order.stem, component.serialize(), wrapped=wrapped is not None)
    cache.prune()
    return artifact


def compile_component(order: Compile) -> Compiled | Refused:
    """Compile, check and store a component, or say why not."""
    cache = ComponentCache(Path(order.directory))
    try:
        with cache.lock(order.stem):
            artifact = cache.find(order.stem) or _compile_into(cache, order)
    except OSError as error:
        return _refused(cache.failure(error))
    except PluginRefusedError as refusal:
        return _refused(refusal)
    return Compiled(artifact=str(artifact.path), wrapped=artifact.wrapped)


def _refused(error: SandboxError) -> Refused:
    return Refused(slug=error.slug, summary=error.summary, detail=error.detail or "", hint=error.hint or "")


def _end_with(parent_pid: int) -> None:
    """End this process when the tool is gone: compiling may take minutes that nobody waits for."""
    never = threading.Event()
    while os.getppid() == parent_pid:
        never.wait(PARENT_CHECK_SECONDS)
    os._exit(1)


def main() -> None:
    """Take one order, give one answer."""
    parent_pid = os.getppid()
    channel = Channel.from_standard_streams()
    order = channel.receive()
    if not isinstance(order, Compile):
        sys.exit(f"an order of the kind {order.kind} where a Compile belongs")
    lower_resource_limits(written_bytes=None, memory_bytes=MAX_COMPILER_BYTES)
    confine(readable=[str(Path(__file__).parent), *_ABOUT_PROCESSORS], writable=[order.directory])
    threading.Thread(target=_end_with, args=(parent_pid,), daemon=True).start()
    channel.send(compile_component(order))


if __name__ == "__main__":
    main()
