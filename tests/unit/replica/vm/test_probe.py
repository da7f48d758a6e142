"""Choosing the engine's settings: tried in a child where nobody has tried them, once."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.probe import EngineChoice, choose_engine, this_system, try_in_child

ELSEWHERE = "plan9 mips wasmtime 50.0.1"
WINCH, CRANELIFT, PORTABLE = EngineChoice("native", "winch"), EngineChoice("native", "cranelift"), EngineChoice("portable", "cranelift")


class Trials:
    """Tries nothing, and notes what was to be tried."""

    def __init__(self, *works: EngineChoice) -> None:
        """Take what works."""
        self.works = works
        self.tried: list[EngineChoice] = []

    def __call__(self, choice: EngineChoice) -> bool:
        """Say if a choice works."""
        self.tried.append(choice)
        return choice in self.works


@pytest.mark.parametrize(
    ("works", "expected", "tried"),
    [((WINCH, CRANELIFT), WINCH, 1), ((CRANELIFT,), CRANELIFT, 2), ((), PORTABLE, 2)],
    ids=["winch", "cranelift", "portable"],
)
def test_the_best_that_works_is_chosen_and_remembered(
    tmp_path: Path, works: tuple[EngineChoice, ...], expected: EngineChoice, tried: int
) -> None:
    """The choices are tried from the best on; the next time nothing is tried, and the public API needs no trial."""
    trials = Trials(*works)
    for _ in range(2):
        assert choose_engine(tmp_path / "cache", system=ELSEWHERE, try_out=trials) == expected
    assert len(trials.tried) == tried


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"v": 1, "system": "plan9 mips wasmtime 50.0.1", "bindings": "x", "compiler": "y"}'])
def test_what_was_remembered_of_another_system_or_damaged_does_not_count(tmp_path: Path, damage: str) -> None:
    """A file that says nothing of this system is ignored and replaced."""
    trials = Trials(WINCH)
    (tmp_path / "engine.json").write_text(damage)
    assert choose_engine(tmp_path, system=ELSEWHERE, try_out=trials) == WINCH
    assert choose_engine(tmp_path, system=f"{ELSEWHERE}.1", try_out=trials) == WINCH
    assert len(trials.tried) == 2
    assert json.loads((tmp_path / "engine.json").read_text())["system"] == f"{ELSEWHERE}.1"


def test_this_system_is_named_with_the_engines_version() -> None:
    """The name has the version that the package manager knows."""
    assert this_system().endswith(f" wasmtime {version('wasmtime')}")


def test_without_a_cache_it_is_tried_each_time() -> None:
    """No directory, or one that cannot be made, only means that nothing is remembered."""
    trials = Trials(CRANELIFT)
    assert choose_engine(None, system=ELSEWHERE, try_out=trials) == CRANELIFT
    assert choose_engine(Path("/dev/null/cache"), system=ELSEWHERE, try_out=trials) == CRANELIFT
    assert len(trials.tried) == 4


def test_every_setting_works_in_a_child_here() -> None:
    """The settings that the machine uses run a canister, which may recurse deeply, and the children end well."""
    choice = choose_engine(None, system=this_system(), try_out=try_in_child)
    assert try_in_child(choice)
    assert try_in_child(PORTABLE)


@pytest.mark.skipif(sys.platform != "linux", reason="the settings that end a process are known for Linux")
def test_a_child_that_is_aborted_is_a_choice_that_does_not_work() -> None:
    """Settings that nobody knows end the child, not this process."""
    assert not try_in_child(EngineChoice("native", "no such compiler"))  # type: ignore[arg-type]
    assert WasmMachine().load(b"\0asm\1\0\0\0").info.exports == frozenset()
