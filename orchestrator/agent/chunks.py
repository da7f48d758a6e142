"""Modules that do not fit into one message: uploaded in chunks, then installed from the chunk store.

Chunks that an interrupted run left in the store are not sent again. Source: the interface specification, sections
"IC method upload_chunk" and "IC method install_chunked_code".
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import anyio

from orchestrator.candid import Variant, decode, load_interface
from orchestrator.core.principal import Principal
from orchestrator.errors import AgentError

__all__ = ["CHUNK_BYTES", "MAX_MESSAGE_BYTES", "MESSAGE_OVERHEAD_BYTES", "PARALLEL_UPLOADS", "install_in_chunks", "needs_chunks"]

MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""What one update call may carry, in bytes."""
MESSAGE_OVERHEAD_BYTES = 500
"""What a call needs besides module and argument, in bytes."""
CHUNK_BYTES = 1024 * 1024
PARALLEL_UPLOADS = 4
"""How many chunks are under way at a time."""

Call: TypeAlias = Callable[[str, Mapping[str, object], Principal], Awaitable[bytes]]


def needs_chunks(wasm: bytes, arg: bytes) -> bool:
    """Tell whether a module and its argument are too large for one message."""
    return len(wasm) + len(arg) + MESSAGE_OVERHEAD_BYTES > MAX_MESSAGE_BYTES


async def install_in_chunks(call: Call, canister_id: Principal, wasm: bytes, arg: bytes, mode: Variant) -> None:
    """Upload what the canister's chunk store lacks, install, and empty the store.

    The store is emptied after a success only, so that a failed install can be repeated without the uploads.
    """
    chunks = {hashlib.sha256(part).digest(): part for part in _split(wasm)}
    stored = await _fetch_stored(call, canister_id)
    await _upload_all(call, canister_id, {digest: chunk for digest, chunk in chunks.items() if digest not in stored})
    record = {
        "mode": mode,
        "target_canister": canister_id,
        "store_canister": None,
        "chunk_hashes_list": [{"hash": hashlib.sha256(part).digest()} for part in _split(wasm)],
        "wasm_module_hash": hashlib.sha256(wasm).digest(),
        "arg": arg,
    }
    await call("install_chunked_code", record, canister_id)
    await call("clear_chunk_store", {"canister_id": canister_id}, canister_id)


def _split(wasm: bytes) -> list[bytes]:
    return [wasm[start : start + CHUNK_BYTES] for start in range(0, len(wasm), CHUNK_BYTES)]


async def _fetch_stored(call: Call, canister_id: Principal) -> frozenset[bytes]:
    reply = await call("stored_chunks", {"canister_id": canister_id}, canister_id)
    entries: Any = decode(reply, [load_interface("management").types["stored_chunks_result"]])[0]
    return frozenset(entry["hash"] for entry in entries)


async def _upload_all(call: Call, canister_id: Principal, chunks: Mapping[bytes, bytes]) -> None:
    """Upload chunks side by side; the first failure stops the others and is raised by itself, not in a group."""
    limiter = anyio.CapacityLimiter(PARALLEL_UPLOADS)
    try:
        async with anyio.create_task_group() as uploads:
            for digest, chunk in chunks.items():
                uploads.start_soon(_upload, call, canister_id, digest, chunk, limiter)
    except ExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from group


async def _upload(call: Call, canister_id: Principal, digest: bytes, chunk: bytes, limiter: anyio.CapacityLimiter) -> None:
    async with limiter:
        reply = await call("upload_chunk", {"canister_id": canister_id, "chunk": chunk}, canister_id)
    stored: Any = decode(reply, [load_interface("management").types["upload_chunk_result"]])[0]
    if stored["hash"] != digest:
        raise AgentError(
            "a chunk of a module was stored as something else", detail=f"expected hash {digest.hex()}, got {stored['hash'].hex()}"
        )
