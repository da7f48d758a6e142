"""Core modules as text, for what makes plugins of them."""

from wasmtime import wat2wasm

__all__ = ["EXEC_TYPE", "SILENT", "core_module"]

ALLOCATOR = """
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8)))
    (i32.and (i32.sub (global.get $next) (local.get 3)) (i32.const -8)))
"""
EXEC_TYPE = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)"
SILENT = f'(func (export "exec") {EXEC_TYPE} (i32.const 64))'


def core_module(before: str = "", after: str = SILENT) -> bytes:
    """Assemble a core module that exports what every plugin exports."""
    return bytes(wat2wasm(f"(module {before} {ALLOCATOR} {after})"))
