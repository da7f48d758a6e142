"""Commands run in order, and every line they write is reported."""

import os
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from orchestrator.engine.shell import MAX_LINE_BYTES, CommandFailure, run_commands
from orchestrator.events import Stream

pytestmark = pytest.mark.anyio
ENVIRON = {"PATH": "/usr/bin:/bin", "WHO": "world"}


async def run(directory: Path, *commands: str) -> tuple[CommandFailure | None, list[tuple[Stream, str]]]:
    """Run commands and collect their lines."""
    lines: list[tuple[Stream, str]] = []
    failure = await run_commands(commands, directory=directory, environ=ENVIRON, on_line=lambda stream, line: lines.append((stream, line)))
    return failure, lines


async def test_lines_of_both_streams(tmp_path: Path) -> None:
    """Both streams are reported, and the environment and the folder are those asked for."""
    failure, lines = await run(tmp_path, 'echo "hello $WHO"; echo oops >&2', "pwd")

    assert failure is None
    assert set(lines) == {("stdout", "hello world"), ("stderr", "oops"), ("stdout", str(tmp_path))}


async def test_a_failure_ends_the_step(tmp_path: Path) -> None:
    """The command and its status are named, and later commands do not run."""
    failure, lines = await run(tmp_path, "exit 3", "echo never")

    assert failure == CommandFailure(command="exit 3", status=3, reason="command `exit 3` failed with status 3")
    assert lines == []


async def test_a_script_is_named_by_its_first_line(tmp_path: Path) -> None:
    """A script of many lines is not repeated where it fails."""
    failure, _ = await run(tmp_path, "# make it\nset -e\nfalse\n")

    assert failure is not None
    assert failure.reason == "command `# make it …` failed with status 1"


async def test_a_signal_is_said(tmp_path: Path) -> None:
    """A command that was killed has no status of its own."""
    failure, _ = await run(tmp_path, "kill -9 $$")

    assert failure is not None
    assert failure.reason == "command `kill -9 $$` was ended by signal 9"


async def test_odd_bytes_are_kept_readable(tmp_path: Path) -> None:
    """Invalid UTF-8 is replaced, carriage returns go, a last line without an end is reported."""
    _, lines = await run(tmp_path, r"printf 'a\377b\r\nlast'")

    assert lines == [("stdout", "a\ufffdb"), ("stdout", "last")]


async def test_endless_lines_are_broken(tmp_path: Path) -> None:
    """A line that never ends does not fill the memory."""
    _, lines = await run(tmp_path, f"head -c {MAX_LINE_BYTES + 10} /dev/zero | tr '\\0' x")

    assert [len(line) for _, line in lines] == [MAX_LINE_BYTES, 10]


async def test_quotes_are_the_shells_business(tmp_path: Path) -> None:
    """An apostrophe in a comment is legal shell."""
    failure, lines = await run(tmp_path, "echo fine # it's a comment")

    assert failure is None
    assert lines == [("stdout", "fine")]


async def test_a_folder_that_is_missing_is_a_failure(tmp_path: Path) -> None:
    """A command that cannot start is reported like one that failed."""
    failure, _ = await run(tmp_path / "missing", "true")

    assert failure is not None
    assert failure.status is None


async def test_what_stays_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """A server that a command leaves running holds its output open; the step ends all the same."""
    with anyio.fail_after(10):
        failure, lines = await run(tmp_path, "sleep 30 & echo started; echo $! > pid")

    assert failure is None
    assert lines == [("stdout", "started")]
    await run(tmp_path, "kill $(cat pid)")


async def test_cancelling_kills_the_whole_group(tmp_path: Path) -> None:
    """An interrupted run leaves no process behind: all that held the pipe open have ended."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    started = anyio.Event()

    def on_line(stream: Stream, line: str) -> None:
        assert (stream, line) == ("stdout", "ready")
        started.set()

    async def long() -> None:
        await run_commands(["exec 3> pipe; sleep 600 & echo ready; wait"], directory=tmp_path, environ=ENVIRON, on_line=on_line)

    async def wait_for_the_last_holder() -> None:
        assert await anyio.to_thread.run_sync(pipe.read_bytes, abandon_on_cancel=True) == b""

    with anyio.fail_after(60):
        async with anyio.create_task_group() as watching:
            watching.start_soon(wait_for_the_last_holder)
            async with anyio.create_task_group() as group:
                group.start_soon(long)
                await started.wait()
                group.cancel_scope.cancel()
