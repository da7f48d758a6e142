"""The process that runs one plugin: `python -m orchestrator.sandbox.worker`.

It is told what to run by one `Start` frame, sends what the plugin writes and asks for, and ends with one
`Done` or `Refused`. It knows no network, no identity's key and no proxy: a canister call is a frame to the
tool, which decides. Of other packages it imports wasmtime alone.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from threading import stack_size
from time import monotonic_ns
from typing import Final

from wasmtime import Engine, ExitTrap, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Linker

from orchestrator.sandbox.capture import CapturedStream
from orchestrator.sandbox.channel import Channel
from orchestrator.sandbox.confinement import confine, lower_resource_limits
from orchestrator.sandbox.engine import new_engine
from orchestrator.sandbox.frames import Done, Pulse, Refused, Start
from orchestrator.sandbox.guest_calls import GuestCalls
from orchestrator.sandbox.guest_input import exec_input
from orchestrator.sandbox.limits import MAX_ERROR_BYTES
from orchestrator.sandbox.meter import Meter, thread_clock
from orchestrator.sandbox.pipes import PipeWatch
from orchestrator.sandbox.threads import BUG_STATUS
from orchestrator.sandbox.usage import CLEAR_PEAK, Usage, reserve_heap

__all__ = ["main"]

MAX_INSTANCES: Final = 128
MAX_MEMORIES: Final = 32
MAX_TABLES: Final = 128
MAX_TABLE_ELEMENTS: Final = 1 << 17
"""Entries of one table, 8 bytes each; a component with a whole Python in it has 5,672."""
MAX_FAULT_BYTES: Final = 64 << 10
"""Bytes kept of wasmtime's message about a fault."""
FLUSH_SECONDS: Final = 10.0
"""How long the plugin's last output may take to arrive after it has ended."""
THREAD_STACK_BYTES: Final = 256 << 10
"""Stack of this process's own threads, which counts as the plugin's memory."""

_OWN_DESCRIPTORS: Final = "/proc/self/fd"
_OWN_PROCESS: Final = "/proc/self"
"""What the system tells of this process: its memory, and what its threads wait in."""
_NO_SUCH_IMPORT: Final = "matching implementation was not found in the linker"


@contextmanager
def _same_directory(host: str, inode: str) -> Iterator[str]:
    """Give a path to a directory that what happens to its name does not change, if it is the one that was checked."""
    descriptor = os.open(host, os.O_RDONLY | os.O_DIRECTORY)
    try:
        status = os.fstat(descriptor)
        if inode not in {"", f"{status.st_dev}:{status.st_ino}"}:
            raise OSError("another directory has taken the place of the one that was checked")
        yield f"{_OWN_DESCRIPTORS}/{descriptor}" if os.path.isdir(_OWN_DESCRIPTORS) else host  # noqa: PTH112 - no need for paths here
    finally:
        os.close(descriptor)


def _no_descriptors(path: str) -> Refused:
    return Refused(
        slug="plugin/no-descriptors",
        summary="the system does not show a process its own open files: what a plugin writes cannot be caught",
        detail=f"there is no {path}",
        hint="mount /proc: in a container or under a changed root it may be missing",
    )


class _Run:
    """One plugin's run."""

    def __init__(self, start: Start, channel: Channel, engine: Engine, linker: Linker) -> None:
        self._start = start
        self._channel = channel
        self._engine = engine
        self._linker = linker
        stdout = CapturedStream(channel, stderr=False)
        self._streams = (stdout, CapturedStream(channel, stderr=True, after=stdout))
        self._usage = Usage()
        self._meter = Meter(
            limit_ns=start.compute_ns,
            parent_pid=start.parent_pid,
            clock=thread_clock(),
            wall=monotonic_ns,
            interrupt=self._engine.increment_epoch,
            is_too_big=lambda: self._usage.is_over(start.memory_bytes),
            written=lambda: sum(stream.written for stream in self._streams),
            tell=self._tell,
            pipes=PipeWatch.prepared(),
            give_up=self._give_up,
        )

    def run(self) -> Done | Refused:
        """Run to the end, whatever the end is."""
        missing = [stream.path for stream in self._streams if not os.path.exists(stream.path)]  # noqa: PTH110 - no need for paths here
        if missing:
            return _no_descriptors(missing[0])
        try:
            component = Component.deserialize_file(self._engine, self._start.artifact)
        except WasmtimeError as error:
            return self._done("artifact", str(error))
        inputs = sum(len(content) for _, content in self._start.files)
        self._usage = Usage(has_heap=reserve_heap(inputs))
        lower_resource_limits(memory_bytes=self._usage.most_bytes(self._start.memory_bytes, inputs))
        try:
            store = self._store()
        except (OSError, WasmtimeError) as error:
            return Refused(
                slug="plugin/dir-unreadable",
                summary="a declared directory cannot be opened for the plugin",
                detail=f"{error}: {', '.join(host for _, host, _ in self._start.directories)}",
                hint="it was there a moment ago: let nothing remove or replace it while the plugin runs",
            )
        try:
            ending, text = self._execute(store, component)
        except ExitTrap as error:
            ending, text = "exit", str(error)
        except WasmtimeError as error:
            text = str(error).strip()
            if _NO_SUCH_IMPORT in text:
                return Refused(
                    slug="plugin/unknown-import", summary="the plugin imports what a sync plugin is not offered", detail=text, hint=""
                )
            ending = self._meter.expired or "fault"
        linear_bytes = self._usage.linear_bytes()
        store.close()
        for stream in self._streams:
            stream.wait_ended(FLUSH_SECONDS)
        return self._done(ending, text, linear_bytes)

    def _tell(self, used_ns: int, quiet_ns: int) -> None:
        out, err = self._streams
        self._channel.send_if_free(
            Pulse(
                compute_ns=used_ns,
                quiet_ns=quiet_ns,
                peak_bytes=self._usage.peak_bytes(),
                dropped_stdout=out.dropped,
                dropped_stderr=err.dropped,
            )
        )

    def _give_up(self, path: str) -> None:
        """End a run from the watching thread: a plugin that waits in the host cannot be interrupted."""
        for stream in self._streams:
            stream.drain()
        self._channel.send(self._done("pipe", path))
        os._exit(0)

    def _store(self) -> Store:
        out, err = self._streams
        wasi = WasiConfig()
        wasi.stdout_file = out.path
        wasi.stderr_file = err.path
        for guest, host, inode in self._start.directories:
            with _same_directory(host, inode) as path:
                wasi.preopen_dir(path, guest, False)  # not writable
        for stream in self._streams:
            stream.start()
        store = Store(self._engine)
        store.set_wasi(wasi)
        store.set_limits(
            memory_size=self._start.memory_bytes,
            table_elements=MAX_TABLE_ELEMENTS,
            instances=MAX_INSTANCES,
            tables=MAX_TABLES,
            memories=MAX_MEMORIES,
        )
        store.set_epoch_deadline(1)
        return store

    def _execute(self, store: Store, component: Component) -> tuple[str, str]:
        calls = GuestCalls(self._channel, self._streams, self._meter, options=self._start.options)
        calls.define(self._linker, wrapped=self._start.wrapped)
        with self._meter.watching():
            instance = self._linker.instantiate(store, component)
            function = instance.get_func(store, "exec")
            if function is None:
                raise RuntimeError("a compiled plugin exports exec")
            error = function(store, exec_input(self._start, component.type.imports(self._engine)))
        return ("ok", "") if error is None else ("err", str(error))

    def _done(self, ending: str, text: str, linear_bytes: int = 0) -> Done:
        cap = MAX_ERROR_BYTES if ending == "err" else MAX_FAULT_BYTES
        data = text.encode("utf-8", "replace")
        if len(data) > cap:
            text = data[:cap].decode("utf-8", "ignore") + f"… {len(data) - cap} bytes truncated"
        out, err = self._streams
        return Done(
            ending=ending,
            text=text,
            compute_ns=self._meter.used_ns(),
            peak_bytes=self._usage.peak_bytes(),
            linear_bytes=linear_bytes,
            dropped_stdout=out.dropped,
            dropped_stderr=err.dropped,
        )


def main() -> None:
    """Run the plugin of the first frame, then end at once: wasmtime's threads must not outlive the interpreter."""
    status = BUG_STATUS
    try:
        stack_size(THREAD_STACK_BYTES)
        channel = Channel.from_standard_streams()
        # What every plugin needs is made before there is one: an unused worker has it ready, and it starts no threads.
        engine = new_engine()
        linker = Linker(engine)
        linker.add_wasip2()
        start = channel.receive()
        if isinstance(start, Start):
            confine(readable=[_OWN_PROCESS, start.artifact, *(host for _, host, _ in start.directories)], writable=[CLEAR_PEAK])
            channel.send(_Run(start, channel, engine, linker).run())
            status = 0
    except BaseException:  # noqa: BLE001 - the process's edge: its stderr is what the tool shows of a bug
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
