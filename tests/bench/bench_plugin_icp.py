"""Sync plugins side by side with icp-cli 1.5.0: the same components, the same network, one run.

Times are those of whole commands, `orchestrator sync` and `icp sync`; memory is that of the command with its children.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from statistics import median

from orchestrator.core.principal import Principal
from tests.bench.measuring import MEGABYTE, Row, measure_process, milliseconds, time_process
from tests.bench.plugin_components import (
    CALLS,
    LARGE_BYTES,
    CannotBuildError,
    batch_plugin,
    large_argument_plugin,
    large_reply_plugin,
    python_plugin,
    single_plugin,
    small_plugin,
)
from tests.support.official_icp import OfficialIcp
from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import RunningReplica, running_replica
from tests.support.vm import module
from tests.support.workspace import ROOT

__all__ = ["rows"]

ICP = ROOT / "tests" / "support" / "npm" / "node_modules" / "@icp-sdk" / "icp-cli-linux-x64" / "bin" / "icp"
WIT = ROOT / "wit" / "icp-sync-plugin-0.1.0"
CANISTERS = 8
DELAY_MILLISECONDS = 1000
BATCH = 8
TIMES = 5
SLOW_TIMES = 3
_CANISTER = f"""
(data (i32.const 0) "DIDL\\00\\00")
(func (export "canister_update take") (call $msg_reply_data_append (i32.const 0) (i32.const 6)) (call $msg_reply))
(func (export "canister_query give") (call $msg_reply_data_append (i32.const 0) (i32.const {LARGE_BYTES})) (call $msg_reply))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """A folder for projects, a home with an identity, and the ids of the canisters."""

    folder: Path
    icp: OfficialIcp
    canisters: tuple[Principal, ...]

    def project(self, name: str, network: RunningReplica, component: bytes, count: int = 1) -> "_Project":
        """Make a project of `count` canisters, each with this plugin."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "plugin.wasm").write_bytes(component)
        step = {"type": "plugin", "path": "plugin.wasm"}
        build = {"steps": [{"type": "pre-built", "path": "none"}]}
        names = [f"c{number}" for number in range(count)]
        manifest = {
            "canisters": [{"name": each, "build": build, "sync": {"steps": [step]}} for each in names],
            "networks": [{"name": "ours", "mode": "connected", "url": network.url, "root-key": network.root_key.hex()}],
            "environments": [{"name": "test", "network": "ours", "canisters": names}],
        }
        (folder / "icp.yaml").write_text(dumps(manifest), encoding="utf-8")
        mappings = folder / ".icp" / "data" / "mappings"
        mappings.mkdir(parents=True)
        ids = {name: str(canister) for name, canister in zip(names, self.canisters, strict=False)}
        (mappings / "test.ids.json").write_text(dumps(ids), encoding="utf-8")
        return _Project(folder=folder, home=self.icp.home, binary=self.icp.binary)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """A project that both tools sync."""

    folder: Path
    home: Path
    binary: Path

    def _variables(self, **more: str) -> dict[str, str]:
        home = str(self.home)
        own = {"ICP_TELEMETRY_DISABLED": "1", "ICP_HOME": home, "HOME": home, "NO_COLOR": "1"}
        return {"PATH": "/usr/bin:/bin", **own, "ORCHESTRATOR_HOME": f"{home}/orchestrator", "PYTHONPATH": str(ROOT), **more}

    def theirs(self, times: int = 1) -> "_Figures":
        """Sync by icp-cli."""
        return self._measure([str(self.binary), "sync", "-e", "test"], times, prepare=lambda: None)

    def ours(self, times: int = 1, *, cold: bool = False) -> "_Figures":
        """Sync by this tool; `cold` forgets all compiled components before each run."""
        command = [sys.executable, "-m", "orchestrator.cli", "sync", "--env", "test"]
        cache = self.home / "orchestrator"
        return self._measure(command, times, prepare=lambda: shutil.rmtree(cache, ignore_errors=True) if cold else None)

    def _measure(self, command: list[str], times: int, *, prepare: Callable[[], object]) -> "_Figures":
        """Run a command once for its memory, and then `times` times for its time."""
        prepare()
        peak = measure_process(command, directory=self.folder, variables=self._variables()).peak_bytes
        seconds = []
        for _ in range(times):
            prepare()
            seconds.append(time_process(command, directory=self.folder, variables=self._variables()))
        return _Figures(seconds=median(seconds), peak_bytes=peak)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """Median seconds of a command, and the peak resident bytes of it and its children together."""

    seconds: float
    peak_bytes: int


def rows(folder: Path) -> Iterator[Row]:
    """Measure one step cold and warm, many canisters on a slow network, batches, and large arguments."""
    if not ICP.exists():
        yield Row(what="plugins beside icp-cli 1.5.0", value="skipped", peer="npm has it for Linux on x64: run scripts/install --dev")
        return
    home = folder / "home"
    home.mkdir()
    icp = OfficialIcp(binary=ICP, home=home, folder=home)
    principal = icp.create_identity("me")
    state = folder / "state"
    with running_replica(folder / "network", state_directory=state, arguments=["--account", principal]) as network:
        bench = _Bench(folder=folder, icp=icp, canisters=_install(network, Principal.from_text(principal)))
        yield from _single_steps(bench, network)
        yield from _large_calls(bench, network)
    slow = ["--account", principal, "--artificial-delay-ms", str(DELAY_MILLISECONDS)]
    with running_replica(folder / "slow", state_directory=state, arguments=slow) as network:
        yield from _many_canisters(bench, network)
        yield from _batches(bench, network)


def _install(network: RunningReplica, controller: Principal) -> tuple[Principal, ...]:
    code = module(("msg_reply", "msg_reply_data_append"), _CANISTER, pages=LARGE_BYTES // 65536 + 1)
    canisters = []
    with ReplicaClient(network.url, network.root_key) as client:
        for _ in range(CANISTERS):
            canister = client.create(controllers=[client.identity.principal, controller])
            client.install(canister, code)
            canisters.append(canister)
    return tuple(canisters)


def _single_steps(bench: _Bench, network: RunningReplica) -> Iterator[Row]:
    small = small_plugin()
    yield from _cold_and_warm(f"{len(small) / 1000:.0f} KB component", bench.project("small", network, small), TIMES)
    try:
        large = python_plugin(WIT)
    except CannotBuildError as reason:
        yield Row(what="sync, componentize-py component", value="skipped", peer=str(reason))
        return
    yield from _cold_and_warm(f"Python component of {len(large) / MEGABYTE:.0f} MB", bench.project("python", network, large), SLOW_TIMES)


def _cold_and_warm(what: str, project: _Project, times: int) -> Iterator[Row]:
    """Compare the first run, which compiles, and later ones; icp-cli compiles each time."""
    theirs = project.theirs(times)
    yield _compared(f"sync, {what}, {CALLS} calls, empty cache", project.ours(times, cold=True), theirs)
    yield _compared(f"sync, {what}, {CALLS} calls, filled cache", project.ours(times), theirs)


def _large_calls(bench: _Bench, network: RunningReplica) -> Iterator[Row]:
    for what, component in (("argument", large_argument_plugin()), ("reply", large_reply_plugin())):
        project = bench.project(what, network, component)
        yield _compared(f"sync, one call with {LARGE_BYTES // 1_000_000} MB of {what}", project.ours(TIMES), project.theirs(TIMES))


def _many_canisters(bench: _Bench, network: RunningReplica) -> Iterator[Row]:
    project = bench.project("many", network, small_plugin(), CANISTERS)
    what = f"sync, {CANISTERS} canisters of {CALLS} calls, each {DELAY_MILLISECONDS / 1000:g} s"
    yield _compared(what, project.ours(), project.theirs())


def _batches(bench: _Bench, network: RunningReplica) -> Iterator[Row]:
    single = bench.project("single", network, single_plugin(BATCH))
    batch = bench.project("batch", network, batch_plugin(BATCH))
    theirs = single.theirs()
    yield _compared(f"sync, {BATCH} calls one by one, each {DELAY_MILLISECONDS / 1000:g} s", single.ours(), theirs)
    yield _compared(f"sync, {BATCH} calls in one batch (icp: one by one)", batch.ours(), theirs)


def _compared(what: str, ours: _Figures, theirs: _Figures) -> Row:
    """Write the figures of both, and how many times as fast and as large this tool is."""
    speed, size = theirs.seconds / ours.seconds, ours.peak_bytes / theirs.peak_bytes
    peer = f"{ours.peak_bytes / MEGABYTE:.0f} MB; icp {milliseconds(theirs.seconds)}, {theirs.peak_bytes / MEGABYTE:.0f} MB"
    return Row(what=what, value=milliseconds(ours.seconds), peer=f"{peer}; {speed:.2f} times as fast, {size:.2f} times as large")
