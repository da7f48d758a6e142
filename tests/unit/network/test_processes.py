"""What `ps` is asked on systems without `/proc`."""

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.network.processes.family import _select_by_ps
from orchestrator.network.processes.process import _birth_by_ps

STRICT_PS = """#!/bin/sh
for word in "$@"; do case "$word" in *=,*) exit 1 ;; esac; done
exec {ps} "$@"
"""


@pytest.fixture(autouse=True)
def strict_ps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a `ps` that is as strict as POSIX and the BSDs: what follows `=` is a title to its end, commas and all."""
    real = shutil.which("ps")
    if real is None:
        pytest.skip("ps is not installed")
    (tmp_path / "ps").write_text(STRICT_PS.format(ps=real))
    (tmp_path / "ps").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_birth_by_ps_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a date, in the same words wherever it is asked for; the process's state is no part of it."""
    first = _birth_by_ps(os.getpid())
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    assert first is not None
    assert first[:3] in {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
    assert _birth_by_ps(os.getpid()) == first


def test_processes_are_selected_by_ps() -> None:
    """A process is found by its parent and by its group, and not by another's."""
    assert os.getpid() in _select_by_ps("ppid", os.getppid())
    assert os.getpid() in _select_by_ps("pgid", os.getpgid(0))
    assert os.getpid() not in _select_by_ps("ppid", os.getpid())
