"""Plugins that wait: for a named pipe, for time to pass, for their canister."""

import os
import sys
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.request import CanisterCallRequest, Phase, Preopen
from tests.support.components import OK, Guest, component_that_calls, component_that_returns_ok
from tests.support.plugin_probes import DIRECTORY, RESULT, Probe
from tests.support.plugin_runs import request_for, run_now
from tests.support.wasi_files_text import FILE_ERRORS

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread waits in")
SLEEP = f"(call $block (call $after-nanoseconds (i64.const {{nanoseconds}}))) {OK}"
WAIT_SECONDS = 20.0
LIMITS = Limits(timeout_seconds=60.0)
"""Of tests that end before it."""


@pytest.fixture
def site(tmp_path: Path) -> tuple[Preopen, ...]:
    """Declare a directory with a named pipe that nobody writes to, a link to it, one below, and a file."""
    folder = tmp_path / "site"
    (folder / "sub").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "sub" / ("p" * 200))
    (folder / "link").symlink_to("pipe")
    (folder / "file").write_text("text", encoding="utf-8")
    return (Preopen(guest="site", host=folder),)


def open_at(guest: Guest, path: str) -> str:
    """Open a path to read, links followed."""
    return f"(call $open-at {DIRECTORY} (i32.const 1) {guest.text(path)} (i32.const 0) (i32.const 1) {RESULT})"


@linux
def test_a_named_pipe_is_an_error_for_the_plugin(component_cache: Path, site: tuple[Preopen, ...]) -> None:
    """Opening a pipe fails, whatever name it has; what the plugin does then goes on, without any timeout's help."""
    probe = Probe(FILE_ERRORS, wasi=("files",))
    for path in ("pipe", "link", f"sub/{'p' * 200}", "file"):
        probe.attempt(path, open_at(probe, path), codes_at=4)

    result = run_now(probe.probing_plugin(), component_cache, directories=site, limits=LIMITS).result

    assert probe.outcomes(result) == {"pipe": "interrupted", "link": "interrupted", f"sub/{'p' * 200}": "interrupted", "file": "allowed"}


@linux
def test_a_named_pipe_that_is_opened_again_and_again(component_cache: Path, site: tuple[Preopen, ...]) -> None:
    """A plugin that takes the error for a reason to try again is ended, and the pipe is named."""
    guest = Guest()
    again = f"""(local $directory i32)
      (call $get-directories (i32.const 64)) (local.set $directory (i32.load (i32.load (i32.const 64))))
      (loop $again {open_at(guest, "pipe")} (br_if $again (i32.load8_u {RESULT}))) {OK}"""

    result = run_now(guest.plugin(again, wasi=("files",)), component_cache, directories=site, limits=LIMITS).result

    assert (result.outcome, result.slug) == ("trap", "plugin/named-pipe")
    assert "'pipe'" in str(result.error)
    assert result.compute_seconds < 1


def all_open(guest: Guest, then: str) -> str:
    """Open a file until there are no more to be had, rest so long that somebody looks what is the matter, and go on."""
    return f"""(local $directory i32) (local $opened i32)
      (call $get-directories (i32.const 64)) (local.set $directory (i32.load (i32.load (i32.const 64))))
      (loop $again {open_at(guest, "file")} (br_if $again (i32.eqz (i32.load8_u {RESULT}))))
      (call $block (call $after-nanoseconds (i64.const 200000000))) {then}"""


@linux
@pytest.mark.slow
def test_a_plugin_that_has_all_files_open_and_computes(component_cache: Path, site: tuple[Preopen, ...]) -> None:
    """Whoever watches a plugin does not need what the plugin can take away: its limit of computing holds."""
    plugin = Guest()
    component = plugin.plugin(all_open(plugin, "(loop $for-ever (br $for-ever)) unreachable"), wasi=("files", "sleep"))
    limits = Limits(compute_seconds=0.5, timeout_seconds=WAIT_SECONDS)

    result = run_now(component, component_cache, directories=site, limits=limits).result

    assert (result.outcome, result.limit) == ("limit", "compute")


@linux
def test_a_plugin_that_has_nearly_all_files_open_and_waits_for_a_pipe(component_cache: Path, site: tuple[Preopen, ...]) -> None:
    """It is freed all the same."""
    plugin = Guest()
    close_one = f"(call $drop-descriptor (local.get $opened)) {open_at(plugin, 'pipe')}"
    opened = f"(if (i32.eqz (i32.load8_u {RESULT})) (then (local.set $opened (i32.load (i32.const 84)))))"
    body = all_open(plugin, close_one + OK).replace("(br_if $again", f"{opened} (br_if $again", 1)

    result = run_now(
        plugin.plugin(body, wasi=("files", "sleep")), component_cache, directories=site, limits=Limits(timeout_seconds=WAIT_SECONDS)
    ).result

    assert result.outcome == "ok"


def test_sleeping_longer_than_the_compute_limit(component_cache: Path) -> None:
    """A plugin may sleep: that is no computing."""
    plugin = Guest().plugin(SLEEP.format(nanoseconds=300_000_000), wasi=("sleep",))

    result = run_now(plugin, component_cache, limits=Limits(compute_seconds=0.1)).result

    assert result.outcome == "ok"
    assert result.compute_seconds < 0.1


def test_quiet_plugins_are_named(component_cache: Path) -> None:
    """A second without a sign of life is a phase, ten are another, told again every ten seconds; the next sign ends it."""
    phases: list[tuple[Phase, str]] = []

    async def never(_request: CanisterCallRequest) -> bytes:
        raise AssertionError

    async def main() -> None:
        await run_plugin(
            request_for(component_that_returns_ok(), component_cache),
            never,
            lambda _line: None,
            on_phase=lambda phase, detail: phases.append((phase, detail)),
            worker_module="tests.support.bad_workers.quiet",
        )

    anyio.run(main)

    quiet = [("resting", ""), ("quiet", "10 s"), ("quiet", "20 s"), ("running", ""), ("quiet", "10 s")]
    assert [phase for phase in phases if phase[0] != "compiling"] == [("starting", ""), ("running", ""), *quiet]


def test_calls_are_a_phase(component_cache: Path) -> None:
    """Each call is told by its method, and its end."""
    phases: list[tuple[Phase, str]] = []

    async def answer(_request: CanisterCallRequest) -> bytes:
        await anyio.lowlevel.checkpoint()
        return b"DIDL\0\0"

    async def main() -> None:
        await run_plugin(
            request_for(component_that_calls("store", b"", times=2), component_cache),
            answer,
            lambda _line: None,
            on_phase=lambda phase, detail: phases.append((phase, detail)),
        )

    anyio.run(main)

    assert phases[-4:] == [("calling", "store"), ("running", ""), ("calling", "store"), ("running", "")]


@linux
def test_a_worker_is_confined_while_its_plugin_runs(component_cache: Path) -> None:
    """While a plugin waits for its canister, the system says of its process: no new privileges, calls filtered, nothing kept open."""
    told: dict[str, str] = {}
    limits: dict[str, tuple[int, int]] = {}

    def look(_request: CanisterCallRequest) -> bytes:
        alive = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
        (worker,) = [child for child in alive if "worker" in " ".join(child.cmdline())]
        status = Path(f"/proc/{worker.pid}/status").read_text(encoding="utf-8")
        told.update((name, value) for name, _, value in (line.partition(":\t") for line in status.splitlines()))
        told["directory"] = str(Path(f"/proc/{worker.pid}/cwd").readlink())
        limits["core"] = worker.rlimit(psutil.RLIMIT_CORE)
        limits["size"] = worker.rlimit(psutil.RLIMIT_FSIZE)
        return b"DIDL\0\0"

    result = run_now(component_that_calls("m", b""), component_cache, answer=look).result

    assert result.outcome == "ok"
    assert told["NoNewPrivs"] == "1"
    assert told["Seccomp"] == "2"
    assert told["directory"].endswith(" (deleted)")
    assert limits == {"core": (0, 0), "size": (1 << 20, 1 << 20)}
