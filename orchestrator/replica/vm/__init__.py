"""Executes canister code: wasmtime, the system API, memory and rollback."""
