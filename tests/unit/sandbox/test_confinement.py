"""What a worker process gives up, tried from inside such a process."""

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.confinement import MAX_DESCRIPTORS, MAX_WRITTEN_BYTES

ROOT = Path(__file__).parents[3]
TRY = """
import ctypes, errno, json, os, resource, signal, socket, sys, threading
from orchestrator.sandbox.confinement import confine, lower_resource_limits

kept, written, other, port, parent = sys.argv[1:]
lower_resource_limits(memory_bytes=1 << 30)
held = confine(readable=[kept, kept + "/none"], writable=[written])
seen = {}

def attempt(name, action):
    try:
        action()
        seen[name] = "done"
    except OSError as error:
        seen[name] = errno.errorcode[error.errno]

def fork():
    if os.fork() == 0:
        os._exit(0)

attempt("read kept", lambda: open(kept + "/file").read())
attempt("list kept", lambda: os.listdir(kept))
attempt("write kept", lambda: open(kept + "/file", "a"))
attempt("create kept", lambda: open(kept + "/new", "w"))
attempt("rename kept", lambda: os.rename(kept + "/file", kept + "/moved"))
attempt("remove kept", lambda: os.remove(kept + "/file"))
attempt("link kept", lambda: os.symlink("file", kept + "/link"))
attempt("make folder", lambda: os.mkdir(kept + "/folder"))
attempt("truncate kept", lambda: os.truncate(kept + "/file", 0))
attempt("write written", lambda: open(written + "/new", "w").close())
attempt("read other", lambda: open(other + "/file"))
attempt("list other", lambda: os.listdir(other))
attempt("read system", lambda: open("/etc/hostname"))
attempt("execute", lambda: os.execv("/bin/true", ["true"]))
attempt("fork", fork)
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", int(port))))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("unix", lambda: socket.socket(socket.AF_UNIX))
attempt("signal", lambda: os.kill(int(parent), 0))
attempt("own signal", lambda: signal.raise_signal(signal.SIGURG))
ran = []
thread = threading.Thread(target=lambda: (ran.append(1), attempt("read other in a thread", lambda: open(other + "/file"))))
thread.start()
thread.join()
print(json.dumps({
    "held": [held.no_new_privileges, held.landlock, held.filtered], "seen": seen, "threads": len(ran),
    "status": open("/proc/self/status").read() if not held.landlock else "",
    "limits": [resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in ("CORE", "FSIZE", "DATA")],
    "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE),
}))
"""


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a confined process could do, and what it said took hold."""
    if sys.platform != "linux":
        pytest.skip("only Linux confines a process without privileges")
    folder = tmp_path_factory.mktemp("confined")
    for name in ("kept", "written", "other"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("text", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        paths = [str(folder / name) for name in ("kept", "written", "other")]
        done = subprocess.run(
            [sys.executable, "-c", TRY, *paths, str(listener.getsockname()[1]), str(os.getpid())],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_takes_hold(confined: dict[str, Any]) -> None:
    """On a kernel that has them, privileges are out of reach and calls are filtered; it does not only say so."""
    no_new_privileges, landlock, filtered = confined["held"]

    assert no_new_privileges
    assert filtered or platform.machine() not in {"x86_64", "aarch64"}
    if landlock:
        assert confined["seen"]["read system"] == "EACCES"


def test_files(confined: dict[str, Any]) -> None:
    """What was kept can be read and not changed; nothing else can be read; threads are no way around it."""
    if not confined["held"][1]:
        pytest.skip("this kernel has no Landlock")
    seen = confined["seen"]

    assert (seen["read kept"], seen["list kept"], seen["write written"]) == ("done", "done", "done")
    refused = ("write kept", "create kept", "rename kept", "remove kept", "link kept", "make folder")
    assert {seen[name] for name in (*refused, "read other", "list other", "read other in a thread")} == {"EACCES"}
    assert seen["truncate kept"] == "EACCES" or confined["held"][1] < 3


@pytest.mark.parametrize("what", ["execute", "fork", "tcp", "udp", "unix", "signal"])
def test_calls(confined: dict[str, Any], what: str) -> None:
    """No program, no process, no socket, no signal to somebody else."""
    if not confined["held"][2]:
        pytest.skip("this kernel filters no calls")

    assert confined["seen"][what] in {"EPERM", "EACCES"}


def test_what_a_worker_needs_still_works(confined: dict[str, Any]) -> None:
    """Threads start, and a process may signal itself."""
    assert confined["threads"] == 1
    assert confined["seen"]["own signal"] == "done"


def test_resource_limits(confined: dict[str, Any]) -> None:
    """No core dumps, small files, bounded memory and descriptors, and no way back up."""
    assert confined["limits"] == [[0, 0], [MAX_WRITTEN_BYTES] * 2, [1 << 30] * 2]
    assert confined["descriptors"][0] == confined["descriptors"][1] <= MAX_DESCRIPTORS
