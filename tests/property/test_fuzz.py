"""What `scripts/fuzz` runs for minutes, for moments: seeds, inputs that once broke something, and a few random ones."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import summary
from tests.fuzz.corpus import FOUND, REPOSITORY, dictionary, found, seeds
from tests.fuzz.targets import TARGETS

SEEDS = 25
INPUTS = [(target, path) for target in TARGETS for path in found(target)]


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_what_once_broke_a_target_does_so_no_more(target: str, path: Path) -> None:
    """Every input that fuzzing has found is read or refused."""
    assert TARGETS[target](path.read_bytes()) in {True, False}


def test_every_input_that_was_found_is_tried() -> None:
    """No folder of found inputs is left out, because its target has another name now."""
    assert {path.name for path in FOUND.iterdir()} <= TARGETS.keys()


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_read_or_refused(target: str) -> None:
    """Fuzzing starts from inputs that break nothing."""
    inputs = list(seeds(target))
    read = [TARGETS[target](data) for data in inputs[:: 1 + len(inputs) // SEEDS]]
    assert any(read)


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "manifest"])
@settings(max_examples=25)
@given(st.data())
def test_any_bytes_are_read_or_refused(target: str, data: st.DataObject) -> None:
    """Words that mean something to a target, and any other bytes, in any order break nothing."""
    words = [word.encode() for word in dictionary(target)] or [b"/"]
    parts = data.draw(st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=4)), max_size=12))
    assert TARGETS[target](b" ".join(parts)) in {True, False}


def test_a_run_ends_in_a_line_of_numbers() -> None:
    """The summary has how much was tried, whichever of the two ways, and nothing else that looks like it."""
    libfuzzer = "INFO:       13 files found\nstat::number_of_executed_units: 3113\nstat::slowest_unit_time_sec:    0\nstat::peak_rss_mb:              59\n"
    assert summary(libfuzzer) == "3,113 inputs, 0 s for the slowest, 59 MB"
    assert summary("yaml: 12 inputs\n") == "12 inputs"
    assert summary("Traceback\n") == "no numbers"


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_each_target_can_be_fuzzed(tmp_path: Path, target: str) -> None:
    """`scripts/fuzz` runs a target, and finds nothing in a second."""
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", "1", "--folder", str(tmp_path), target]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert re.match(rf"== {target}, 1 seconds: [\d,]+ inputs", done.stdout)


@pytest.mark.slow
def test_what_breaks_is_kept_and_can_be_tried_again(tmp_path: Path) -> None:
    """An input given to `--replay` is run once, by the target that its name starts with."""
    path = tmp_path / "yaml-crash-1"
    path.write_bytes(b"a: 1\n")
    command = [sys.executable, "-m", "tests.fuzz", "--replay", str(path)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, timeout=60).returncode == 0
