"""The wasmtime engine that plugins are compiled by and run in."""

from wasmtime import Config, Engine

from orchestrator.sandbox.limits import MAX_WASM_STACK_BYTES

__all__ = ["new_engine"]


def new_engine() -> Engine:
    """Start an engine; compiler and worker must use the same settings, and the cache's key names them."""
    config = Config()
    config.epoch_interruption = True
    config.max_wasm_stack = MAX_WASM_STACK_BYTES
    return Engine(config)
