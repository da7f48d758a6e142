"""The worker process by itself, spoken to as the tool does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.sandbox.frames import HEADER_BYTES, Done, Frame, Output, Refused, Start, decode, encode, parse_header, read_frame
from tests.support.components import component_that_prints
from tests.support.plugin_runs import run_now

RUNS = 8


def order(artifact: Path) -> Start:
    """Ask for a run of an artifact."""
    return Start(
        artifact=str(artifact),
        wrapped=True,
        parent_pid=os.getpid(),
        canister_id="aaaaa-aa",
        environment="local",
        identity_principal="2vxsx-fae",
        proxy_canister_id=None,
        directories=(),
        files=(),
        options=(),
        compute_ns=10**10,
        memory_bytes=1 << 30,
    )


@pytest.mark.parametrize("then", ["unreachable", "(i32.store8 (i32.const 16) (i32.const 0)) (i32.const 16)"], ids=["trap", "ok"])
def test_clean_exit(tmp_path: Path, then: str) -> None:
    """Every run ends with status 0 and nothing on stderr: no thread of wasmtime's outlives the interpreter noisily."""
    run_now(component_that_prints(stdout=b"a\nb\n", stderr=b"c", then=then), tmp_path)
    (artifact,) = tmp_path.glob("*.cwasm")

    for _ in range(RUNS):
        with subprocess.Popen(
            [sys.executable, "-m", "orchestrator.sandbox.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as worker:
            assert worker.stdin is not None
            assert worker.stdout is not None
            assert worker.stderr is not None
            worker.stdin.write(encode(order(artifact)))
            worker.stdin.flush()
            frames: list[Frame] = []
            while not (frames and isinstance(frames[-1], Done)):
                frames.append(read_frame(worker.stdout.fileno()))
            rest, words = worker.stdout.read(), worker.stderr.read()

        assert [frame.data for frame in frames if isinstance(frame, Output) and not frame.stderr] == [b"a\nb\n"]
        assert (worker.returncode, rest, words) == (0, b"", b"")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="takes a file system of its own")
def test_a_system_without_proc() -> None:
    """Where a process cannot see its own files, the refusal says what is missing, and blames no directory of the user's."""
    script = 'mount -t tmpfs none /proc || exit 77; exec "$1" -m orchestrator.sandbox.worker'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable]
    done = subprocess.run(command, input=encode(order(Path("none"))), capture_output=True, check=False, timeout=60)
    if done.returncode == 77 or b"unshare" in done.stderr:
        pytest.skip("this system lets nobody mount anything")

    kind, _ = parse_header(done.stdout[:HEADER_BYTES], 1 << 20)
    refused = decode(kind, done.stdout[HEADER_BYTES:])

    assert isinstance(refused, Refused)
    assert refused.slug == "plugin/no-descriptors"
    assert "/proc" in refused.hint


def test_imports_wasmtime_alone() -> None:
    """Of all that is installed the worker loads wasmtime and nothing else, and of this package a few small modules."""
    script = "import sys, orchestrator.sandbox.worker as w; print(*sorted(n.partition('.')[0] for n in sys.modules), *sys.modules)"

    loaded = set(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split())

    assert "wasmtime" in loaded
    assert not loaded & {
        "anyio",
        "httpx",
        "pydantic",
        "yaml",
        "rich",
        "click",
        "structlog",
        "cryptography",
        "cbor2",
        "asyncio",
        "ssl",
        "socket",
    }
    ours = {name for name in loaded if name.startswith("orchestrator.")}
    assert ours <= {
        "orchestrator.errors",
        "orchestrator.sandbox",
        *(
            f"orchestrator.sandbox.{name}"
            for name in (
                "capture",
                "channel",
                "confinement",
                "engine",
                "frames",
                "guest_calls",
                "guest_input",
                "limits",
                "meter",
                "pipes",
                "threads",
                "usage",
                "worker",
            )
        ),
    }
