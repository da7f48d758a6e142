"""Plugins that reach for what is around them: paths out of their directories, the environment, input, clocks, terminals.

What they try on files and networks is in `test_plugin_files` and `test_plugin_network`.
"""

import time
from pathlib import Path

import pytest

from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.request import Preopen
from tests.support.components import OK, Guest, error
from tests.support.plugin_probes import ALLOWED, Probe
from tests.support.plugin_runs import run_now
from tests.support.wasi_files_text import FILE_ERRORS

READ = 1
FOLLOW = 1


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a declared directory with a file, a folder and links, and a secret beside it."""
    directory = tmp_path / "canister" / "dist"
    (directory / "folder").mkdir(parents=True)
    (directory / "index.html").write_text("<h1>hello</h1>", encoding="utf-8")
    (directory / "folder" / "page.html").write_text("page", encoding="utf-8")
    (tmp_path / "canister" / "secret.txt").write_text("secret", encoding="utf-8")
    (directory / "inside").symlink_to("folder/page.html")
    (directory / "outside").symlink_to("../secret.txt")
    (directory / "absolute").symlink_to(tmp_path / "canister" / "secret.txt")
    (directory / "parent").symlink_to("..")
    return directory


def opening(guest: Guest, path: str, *, open_flags: int = 0, flags: int = READ, path_flags: int = 0) -> str:
    """Open a path below the declared directory."""
    return f"(call $open-at (local.get $directory) (i32.const {path_flags}) {guest.text(path)} (i32.const {open_flags}) (i32.const {flags}) (i32.const 80))"


def reading(guest: Guest, path: str, *, path_flags: int = 0) -> bytes:
    """Build a plugin that returns a file's text as its error, or ok if it cannot be opened."""
    return guest.plugin(
        f"""
        (local $directory i32)
        (call $get-directories (i32.const 64))
        (local.set $directory (i32.load (i32.load (i32.const 64))))
        {opening(guest, path, path_flags=path_flags)}
        (if (i32.load8_u (i32.const 80)) (then {OK} return))
        (call $read-file (i32.load (i32.const 84)) (i64.const 1000) (i64.const 0) (i32.const 96))
        {error("(i32.load (i32.const 100))", "(i32.load (i32.const 104))")}""",
        wasi=("files",),
    )


@pytest.mark.parametrize(
    ("path", "path_flags", "text"),
    [
        ("index.html", 0, "<h1>hello</h1>"),
        ("folder/page.html", 0, "page"),
        ("inside", FOLLOW, "page"),
        ("folder/../index.html", 0, "<h1>hello</h1>"),
    ],
)
def test_what_is_declared_can_be_read(component_cache: Path, site: Path, path: str, path_flags: int, text: str) -> None:
    """Files in the directory, and links that stay in it, are there to be read."""
    result = run_now(reading(Guest(), path, path_flags=path_flags), component_cache, directories=(Preopen(guest="dist", host=site),)).result

    assert result.error == text


OUTSIDE = (
    "../secret.txt",
    "folder/../../secret.txt",
    "outside",
    "absolute",
    "parent/secret.txt",
    "parent",
    "/etc/passwd",
    "..",
    "/",
    "/proc/self/environ",
    "index.html/../../secret.txt",
)


@pytest.mark.parametrize("path_flags", [0, FOLLOW], ids=["links refused", "links followed"])
def test_nothing_else_can(component_cache: Path, site: Path, path_flags: int) -> None:
    """No way of writing a path leads out of the directory, through links or without."""
    probe = Probe(FILE_ERRORS, wasi=("files",))
    for path in OUTSIDE:
        probe.attempt(path, opening(probe, path, path_flags=path_flags), codes_at=4)

    outcomes = probe.outcomes(run_now(probe.probing_plugin(), component_cache, directories=(Preopen(guest="dist", host=site),)).result)

    assert tuple(outcomes) == OUTSIDE
    assert ALLOWED not in outcomes.values()


def test_nothing_declared_is_nothing_open(component_cache: Path) -> None:
    """Without declared directories a plugin has no directory at all."""
    guest = Guest()
    plugin = guest.plugin(
        f"(call $get-directories (i32.const 64)) (if (result i32) (i32.load (i32.const 68)) (then {guest.error('open')}) (else {OK}))",
        wasi=("files",),
    )

    assert run_now(plugin, component_cache).result.outcome == "ok"


@pytest.mark.parametrize("what", ["get-environment", "get-arguments"])
def test_no_environment_and_no_arguments(component_cache: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The plugin sees no variable and no argument."""
    monkeypatch.setenv("DFX_SECRET", "hunter2")
    guest = Guest()
    plugin = guest.plugin(
        f"(call ${what} (i32.const 64)) (if (result i32) (i32.load (i32.const 68)) (then {guest.error('something')}) (else {OK}))",
        wasi=("environment",),
    )

    assert run_now(plugin, component_cache).result.outcome == "ok"


def test_no_input(component_cache: Path) -> None:
    """Stdin is at its end: a plugin cannot read what the user types, nor the conversation with the tool."""
    guest = Guest()
    plugin = guest.plugin(
        f"""(call $read-stdin (call $get-stdin) (i64.const 100) (i32.const 64))
        (if (result i32) (i32.and (i32.eqz (i32.load8_u (i32.const 64))) (i32.ne (i32.load (i32.const 72)) (i32.const 0)))
          (then {guest.error("read something")}) (else {OK}))""",
        wasi=("stdio",),
    )

    assert run_now(plugin, component_cache).result.outcome == "ok"


def test_no_terminal(component_cache: Path) -> None:
    """No stream is a terminal, even when the tool's are."""
    guest = Guest()
    asked = "".join(
        f"(call $terminal-{name} (i32.const 64)) (if (i32.load8_u (i32.const 64)) (then {guest.error(name)} return))"
        for name in ("stdin", "stdout", "stderr")
    )

    result = run_now(guest.plugin(f"{asked} {OK}", wasi=("terminal",)), component_cache).result

    assert (result.outcome, result.error) == ("ok", None)


def test_clocks_go_on(component_cache: Path) -> None:
    """The steady clock does not go back, and the wall clock tells the time of day."""
    guest = Guest()
    seconds = int(time.time())
    plugin = guest.plugin(
        f"""(local $before i64) (local.set $before (call $steady-now))
        (call $wall-now (i32.const 64))
        (if (i64.lt_u (call $steady-now) (local.get $before)) (then {guest.error("went back")} return))
        (if (i64.lt_u (i64.load (i32.const 64)) (i64.const {seconds})) (then {guest.error("yesterday")} return))
        (if (i64.gt_u (i64.load (i32.const 64)) (i64.const {seconds + 3600})) (then {guest.error("tomorrow")} return))
        {OK}""",
        wasi=("clocks",),
    )

    result = run_now(plugin, component_cache).result

    assert (result.outcome, result.error) == ("ok", None)


def test_random_numbers_differ(component_cache: Path) -> None:
    """Two runs of one plugin get different random numbers: none is fixed, none is left over from another run."""
    guest = Guest()
    letters = "".join(
        f"(i32.store8 (i32.const {512 + place}) (i32.add (i32.const 65) (i32.and (i32.wrap_i64 (call $random-number)) (i32.const 15))))"
        for place in range(32)
    )
    plugin = guest.plugin(f"{letters} {error('(i32.const 512)', '(i32.const 32)')}", wasi=("random",))

    first, second = (run_now(plugin, component_cache).result for _ in range(2))

    assert first.outcome == second.outcome == "err"
    assert first.error != second.error


@pytest.mark.parametrize("count", [1 << 20, 1 << 40, (1 << 63) - 1], ids=["1 MiB", "1 TiB", "all there are"])
def test_many_random_bytes(component_cache: Path, count: int) -> None:
    """Random bytes in any number are given or refused; the process stays small and does not hang."""
    plugin = Guest().plugin(f"(call $random-bytes (i64.const {count}) (i32.const 64)) {OK}", wasi=("random",), pages=64)

    result = run_now(plugin, component_cache, limits=Limits(memory_bytes=64 << 20, compute_seconds=5, timeout_seconds=60)).result

    assert result.outcome == ("ok" if count == 1 << 20 else result.outcome)
    assert result.outcome in {"ok", "trap", "limit"}
    assert result.peak_memory_bytes < 300 << 20


@pytest.mark.parametrize("status", [0, 1])
def test_exit_is_a_trap(component_cache: Path, status: int) -> None:
    """A plugin that exits has failed, whatever its code."""
    result = run_now(Guest().plugin(f"(call $exit (i32.const {status})) {OK}", wasi=("environment",)), component_cache).result

    assert (result.outcome, result.slug) == ("trap", "plugin/exit")


def test_secrets_are_not_in_the_worker(component_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker process itself has none of the user's variables and does not stand in the project's folder."""
    monkeypatch.setenv("DFX_SECRET", "hunter2")

    with pytest.raises(Exception, match="exit status 4") as caught:
        run_now(Guest().plugin(OK), component_cache, worker_module="tests.support.bad_workers.surroundings")

    detail = str(getattr(caught.value, "detail", ""))
    assert "hunter2" not in detail
    assert "files=[]\n" in detail
    assert "descriptors=[0, 1, 2, 3]\n" in detail
