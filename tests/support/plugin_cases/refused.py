"""Files that are no plugin, or one for another host: neither tool runs any of them."""

from tests.support.components import OK, Guest, assemble, component_that_returns_ok
from tests.support.plugin_cases.case import PluginCase

__all__ = ["REFUSED"]

_TYPES = '(import "icp:sync-plugin/types@0.1.0" (instance))'
_NUMBER = """
  (core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m))
  (alias core export $i "f" (core func $f)) (func (export "exec") (result u32) (canon lift (core func $f)))"""
_NO_SUPPORT = "does not implement a supported sync-plugin interface"


def _refused(name: str, component: bytes, slug: str, theirs: str) -> PluginCase:
    return PluginCase(name=name, component=component, slug=f"plugin/{slug}", theirs=theirs)


def _importing(name: str, text: str) -> PluginCase:
    component = Guest().plugin(OK, extra_imports=text)
    return _refused(name, component, "unknown-import", "but a matching implementation was not found in the linker")


REFUSED = (
    _refused("empty-file", b"", "not-a-component", "failed to load wasm component from"),
    _refused("no-wasm", b"#!/bin/sh\n", "not-a-component", "failed to load wasm component from"),
    _refused("cut-off", component_that_returns_ok()[:-10], "invalid-component", "failed to load wasm component from"),
    _refused("core-module", assemble('(module (func (export "exec")))'), "core-module", "parse a wasm module with a component parser"),
    _refused("no-interface", assemble("(component)"), "no-interface", f"{_NO_SUPPORT} (no icp:sync-plugin/types@<version> import found)"),
    _refused("another-world", assemble(f"(component {_NUMBER})"), "no-interface", _NO_SUPPORT),
    _refused(
        "later-version", Guest().plugin(OK, version="0.3.0"), "interface-version", f"{_NO_SUPPORT} (unsupported interface version 0.3.0)"
    ),
    _refused("version-1", Guest().plugin(OK, version="1.0.0"), "interface-version", f"{_NO_SUPPORT} (unsupported interface version 1.0.0)"),
    _refused(
        "preview",
        Guest().plugin(OK, version="0.1.0-rc.1"),
        "interface-version",
        f"{_NO_SUPPORT} (unsupported interface version 0.1.0-rc.1)",
    ),
    PluginCase(name="patched-version", component=Guest().plugin(OK, version="0.1.1")),
    PluginCase(name="late-patch", component=Guest().plugin(OK, version="0.1.99")),
    _refused("no-exec", assemble(f"(component {_TYPES})"), "no-exec", "no export `exec` found"),
    _refused("another-exec", assemble(f"(component {_TYPES} {_NUMBER})"), "interface-type", "type-checking export func `exec`"),
    _refused(
        "another-call",
        assemble(f'(component {_TYPES} (import "canister-call" (func (param "x" u32))) {_NUMBER})'),
        "interface-type",
        "component imports function `canister-call`",
    ),
    _importing("http", '(import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))'),
    _importing("key-value", '(import "wasi:keyvalue/store@0.2.0" (instance (export "open" (func))))'),
    _importing("own-function", '(import "something" (func))'),
)
