"""The log of a run."""

import contextlib
import io
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from orchestrator.cli.logs import KEPT_LOGS, keep_log, name_log
from orchestrator.errors import StoreError


def test_records_of_both_kinds_are_in_the_file(tmp_path: Path) -> None:
    """What we log and what libraries log is in the file; debug of ours too."""
    path = tmp_path / "logs" / "1.log"

    with keep_log(path, verbose=None):
        structlog.get_logger().debug("installing", canister="a b")
        logging.getLogger("library").info("sent")
        logging.getLogger("library").debug("a detail of theirs")
        logging.getLogger("orchestrator.agent.transport").debug("POST /call")
        logging.getLogger("httpx").info("POST /call again")

    text = path.read_text()
    assert "DEBUG orchestrator.agent.transport: POST /call" in text
    assert "a detail of theirs" not in text
    assert "again" not in text
    assert 'level=debug event=installing canister="a b"' in text
    assert "INFO library: sent" in text


def test_what_strangers_wrote_acts_on_no_terminal_and_breaks_no_log(tmp_path: Path) -> None:
    """A log is read on a terminal too: control characters are spelled out, and so is what no file can hold."""
    path = tmp_path / "1.log"

    with keep_log(path, verbose=None):
        structlog.get_logger().info("hello \x1b[2J", line="a\udc80\u202eb")
        logging.getLogger("library").warning("gone \x07")

    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert r"hello \u001b[2J" in lines[0]
    assert r"a\udc80\u202eb" in lines[0]
    assert lines[1].endswith(r"gone \u0007")


def test_verbose_stream_gets_the_same(tmp_path: Path) -> None:
    """With -v the same lines are on stderr."""
    stream = io.StringIO()
    with keep_log(tmp_path / "1.log", verbose=stream):
        structlog.get_logger().info("hello")

    assert stream.getvalue() == (tmp_path / "1.log").read_text()


def test_nothing_is_left_configured(tmp_path: Path) -> None:
    """After the block the process logs as before."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    ours = logging.getLogger("orchestrator")
    level = ours.level

    with keep_log(tmp_path / "1.log", verbose=None):
        inside = list(root.handlers)

    assert (root.level, list(root.handlers)) == before
    assert ours.level == level
    assert len(inside) == len(before[1]) + 1
    assert not structlog.is_configured()


def test_a_log_that_cannot_be_kept_is_an_error_in_words(tmp_path: Path) -> None:
    """The error names the file; without one, what is logged goes nowhere, and the block runs."""
    (tmp_path / "1.log").mkdir()
    with pytest.raises(StoreError) as caught, keep_log(tmp_path / "1.log", verbose=None):
        pass
    assert caught.value.slug == "store/log"
    assert str(tmp_path / "1.log") in str(caught.value)
    stream = io.StringIO()
    with keep_log(None, verbose=None), contextlib.redirect_stderr(stream):
        logging.getLogger("library").warning("sent")
        structlog.get_logger().info("hello")
    assert stream.getvalue() == ""


def test_old_logs_are_forgotten(tmp_path: Path) -> None:
    """Of many logs the newest are kept."""
    for number in range(KEPT_LOGS + 10):
        (tmp_path / f"{number:04d}.log").write_text("")

    with keep_log(tmp_path / "9999.log", verbose=None):
        pass

    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == KEPT_LOGS
    assert names[-1] == "9999.log"


def test_names_sort_by_time() -> None:
    """A log's name begins with its time and says what ran."""
    name = name_log(Path("/logs"), "network start", datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC)).name

    assert name.startswith("20261122T150405-network-start-")
