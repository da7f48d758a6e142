"""Talk to the control channel of an embedded network: stop it, save it, move its time on.

The channel has a port of its own on the loopback address, and answers only those who know the descriptor's token.
"""

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.descriptor import Descriptor, load_descriptor, write_descriptor
from orchestrator.network.processes.process import end_process, wait_gone
from orchestrator.store.layout import Layout

__all__ = ["CONTROL_SECONDS", "advance_time", "request_control", "stop_process"]

CONTROL_SECONDS = 30.0
"""How long an answer of the control channel is waited for; saving a large state takes a while."""
ASK_SECONDS = 2.0
"""How long a process that is asked to stop may take to say yes; then it gets a signal."""
MAX_ANSWER_BYTES = 1024 * 1024
_ADDRESS = "127.0.0.1"
_OK = 200
_NANOSECONDS = 1_000_000_000
MAX_ADVANCE_SECONDS = 100 * 365 * 24 * 3600
"""How far a clock is moved at once, as the network itself limits it."""
LATEST_TIME_NS = (1 << 63) - 1
"""Where a clock ends, in nanoseconds since 1970, as the network itself has it."""


async def advance_time(project_dir: Path, network: ManagedNetwork, *, seconds: float) -> int:
    """Move the clock of a running embedded network on, and return its time in nanoseconds since 1970.

    Timers that are due by then fire, certificates carry the new time, and requests that have expired by then are
    refused. The network stays ahead after a restart; only a reset undoes it. 0 seconds only tell the time.
    Raises `NetworkError` when the network does not run, or cannot go there (`network/clock`): time never goes back, a
    move is at most `MAX_ADVANCE_SECONDS`, and the clock ends in the year 2262.
    """
    if not 0 <= seconds <= MAX_ADVANCE_SECONDS:  # nor what is no number
        raise _immovable(network, seconds, "time goes forward only" if seconds < 0 else "it is moved by a hundred years at most")
    path = Layout(project_dir).network(network.name).descriptor
    descriptor = load_descriptor(path)
    if descriptor is None or descriptor.control_port is None or not descriptor.is_of(project_dir) or not descriptor.is_alive():
        raise NetworkError(
            f"the clock of the `{network.name}` network cannot be moved",
            slug="network/not-running",
            detail="only an embedded network that runs has a clock of its own",
            hint=f"run `orchestrator network start {network.name}`",
        )
    nanoseconds = round(seconds * _NANOSECONDS)
    if time.time_ns() + descriptor.clock_offset_ns + nanoseconds > LATEST_TIME_NS:
        raise _immovable(network, seconds, "it goes no further than the year 2262, where the numbers of many clients end")
    write_descriptor(path, descriptor)  # where that cannot be written nobody would learn of a move, so there is none
    try:
        answer = await request_control(descriptor, "/time", {"advance_ns": str(nanoseconds)})
    except NetworkError:
        with contextlib.suppress(NetworkError):  # one that could not save its state has moved its clock all the same
            answer = await request_control(descriptor, "/time", {}, seconds=ASK_SECONDS)
            write_descriptor(path, replace(descriptor, clock_offset_ns=int(str(answer["offset_ns"]))))
        raise
    write_descriptor(path, replace(descriptor, clock_offset_ns=int(str(answer["offset_ns"]))))
    return int(str(answer["time_ns"]))


def _immovable(network: ManagedNetwork, seconds: float, reason: str) -> NetworkError:
    return NetworkError(f"the clock of the `{network.name}` network cannot be moved by {seconds:g} s: {reason}", slug="network/clock")


async def request_control(
    descriptor: Descriptor, path: str, content: Mapping[str, object], *, seconds: float = CONTROL_SECONDS
) -> Mapping[str, object]:
    """Send one request and return the answer; raises `NetworkError` for a refusal, and when there is no answer in time."""
    if descriptor.control_port is None:
        raise _failed(descriptor, path, "this network has no control channel")
    body = json.dumps(content).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {_ADDRESS}:{descriptor.control_port}\r\nAuthorization: Bearer {descriptor.control_token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        with anyio.fail_after(seconds):
            data = await _exchange(descriptor.control_port, head.encode("ascii") + body)
    except (OSError, anyio.BrokenResourceError, TimeoutError) as error:
        raise _failed(descriptor, path, f"no answer within {seconds:g} s {error}".rstrip()) from error
    return _read_answer(descriptor, path, data)


async def _exchange(port: int, request: bytes) -> bytes:
    """Send bytes, and return all that comes until the other side closes."""
    parts: list[bytes] = []
    async with await anyio.connect_tcp(_ADDRESS, port) as stream:
        await stream.send(request)
        while sum(map(len, parts)) < MAX_ANSWER_BYTES:
            try:
                parts.append(await stream.receive())
            except anyio.EndOfStream:
                break
    return b"".join(parts)


def _read_answer(descriptor: Descriptor, path: str, data: bytes) -> Mapping[str, object]:
    head, _, body = data.partition(b"\r\n\r\n")
    try:
        status, content = int(head.split(b" ", 2)[1]), json.loads(body)
    except (ValueError, IndexError) as error:
        raise _failed(descriptor, path, f"the answer makes no sense: {error}") from error
    if not isinstance(content, dict):
        raise _failed(descriptor, path, "the answer makes no sense: no JSON object")
    if status != _OK:
        raise _failed(descriptor, path, str(content.get("error", status)))
    return content


def _failed(descriptor: Descriptor, path: str, detail: str) -> NetworkError:
    return NetworkError(
        f"the `{descriptor.network}` network did not do what it was asked for", slug="network/control", detail=f"{path}: {detail}"
    )


async def stop_process(descriptor: Descriptor, *, seconds: float) -> bool:
    """End a network's process: ask it over the control channel, then by signals; return whether it went by itself.

    A process with the descriptor's pid that was born later is left alone.
    """
    if descriptor.control_port is not None and descriptor.is_alive():
        try:
            await request_control(descriptor, "/stop", {}, seconds=min(seconds, ASK_SECONDS))
        except NetworkError:
            return await end_process(descriptor.pid, descriptor.birth, seconds=seconds)
        with anyio.move_on_after(seconds):
            await wait_gone(descriptor.pid, descriptor.birth)
            return True
    return await end_process(descriptor.pid, descriptor.birth, seconds=seconds)
