"""Plugins that try everything on the directories they are given: all operations, odd files, large and deep trees."""

import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.request import PluginResult, Preopen
from tests.support.components import OK, Guest
from tests.support.plugin_probes import ALLOWED, DIRECTORY, OPENED, RESULT, Probe, opening
from tests.support.plugin_runs import run_now
from tests.support.wasi_files_text import FILE_ERRORS

LINUX = sys.platform == "linux"
NOW = "(i32.const 1) (i64.const 0) (i32.const 0)"
FOLLOW = 1
CREATE, IS_DIRECTORY, EXCLUSIVE, TRUNCATE = 1, 2, 4, 8
READ, WRITE, MUTATE = 1, 2, 32
REFUSED = "not-permitted"
DEEP_LEVELS = 1_500
MANY_ENTRIES = 100_000
FIRST_DIRECTORY = "(call $get-directories (i32.const 64)) (local.set $directory (i32.load (i32.load (i32.const 64))))"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory to declare, which everybody may write, with a file, a folder and odd links in it."""
    directory = tmp_path / "canister" / "dist"
    (directory / "folder").mkdir(parents=True)
    (directory / "page.html").write_text("page", encoding="utf-8")
    (tmp_path / "canister" / "secret.txt").write_text("secret", encoding="utf-8")
    (directory / "page.html").chmod(0o666)
    (directory / "folder").chmod(0o777)
    directory.chmod(0o777)
    (directory / "outside").symlink_to("../secret.txt")
    (directory / "itself").symlink_to("itself")
    (directory / "absolute").symlink_to("/etc/hostname")
    return directory


def run(plugin: bytes, cache: Path, directory: Path, limits: Limits | None = None) -> PluginResult:
    """Run a plugin with this directory."""
    return run_now(plugin, cache, directories=(Preopen(guest="dist", host=directory),), limits=limits or Limits()).result


def open_at(probe: Probe, path: str, *, open_flags: int = 0, flags: int = READ) -> str:
    """Try to open a path, following links."""
    return f"(call $open-at {DIRECTORY} (i32.const {FOLLOW}) {probe.text(path)} (i32.const {open_flags}) (i32.const {flags}) {RESULT})"


def state_of(directory: Path) -> dict[str, tuple[int, int, float]]:
    """Describe everything below a directory's parent: kind, size, time of change."""
    found = {}
    for path in (directory.parent, *directory.parent.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime)
    return found


def changing_probe() -> Probe:
    """Try every operation of WASI that would change something."""
    probe = Probe(FILE_ERRORS, wasi=("files",))
    text = probe.text
    for name, open_flags, flags in (
        ("open for writing", 0, READ | WRITE),
        ("create", CREATE, WRITE),
        ("create for reading", CREATE, READ),
        ("create anew", CREATE | EXCLUSIVE, READ | WRITE),
    ):
        probe.attempt(name, open_at(probe, "new" if open_flags else "page.html", open_flags=open_flags, flags=flags), codes_at=4)
    for name, flags in (("truncate", WRITE), ("truncate for reading", READ)):
        probe.attempt(name, open_at(probe, "page.html", open_flags=TRUNCATE, flags=flags), codes_at=4)
    opened = opening(probe, "page.html")
    probe.attempt("write", f"{opened} (call $write-file {OPENED} {text('x')} (i64.const 0) {RESULT})", codes_at=8)
    probe.attempt("write a stream", f"(call $write-stream {OPENED} (i64.const 0) {RESULT})", codes_at=4)
    probe.attempt("append", f"(call $append-stream {OPENED} {RESULT})", codes_at=4)
    probe.attempt("resize", f"(call $set-size {OPENED} (i64.const 0) {RESULT})")
    probe.attempt("set times of a file", f"(call $set-times {OPENED} {NOW} {NOW} {RESULT})")
    probe.attempt("set times of the directory", f"(call $set-times {DIRECTORY} {NOW} {NOW} {RESULT})")
    probe.attempt("set times by path", f"(call $set-times-at {DIRECTORY} (i32.const 1) {text('page.html')} {NOW} {NOW} {RESULT})")
    probe.attempt("make a directory", f"(call $create-directory {DIRECTORY} {text('new')} {RESULT})")
    probe.attempt("delete", f"(call $unlink {DIRECTORY} {text('page.html')} {RESULT})")
    probe.attempt("delete a directory", f"(call $remove-directory {DIRECTORY} {text('folder')} {RESULT})")
    probe.attempt("rename", f"(call $rename {DIRECTORY} {text('page.html')} {DIRECTORY} {text('moved')} {RESULT})")
    probe.attempt("rename to outside", f"(call $rename {DIRECTORY} {text('page.html')} {DIRECTORY} {text('../moved')} {RESULT})")
    probe.attempt("symbolic link", f"(call $symlink {DIRECTORY} {text('page.html')} {text('new')} {RESULT})")
    probe.attempt("symbolic link to outside", f"(call $symlink {DIRECTORY} {text('/etc/passwd')} {text('new')} {RESULT})")
    probe.attempt("link", f"(call $link {DIRECTORY} (i32.const 0) {text('page.html')} {DIRECTORY} {text('new')} {RESULT})")
    probe.attempt("link from outside", f"(call $link {DIRECTORY} (i32.const 0) {text('../secret.txt')} {DIRECTORY} {text('new')} {RESULT})")
    return probe


def test_every_change_is_refused(component_cache: Path, site: Path) -> None:
    """All operations that write, create, delete, rename, link or set times are not permitted, though the modes would allow them."""
    probe, before = changing_probe(), state_of(site)

    outcomes = probe.outcomes(run(probe.probing_plugin(), component_cache, site))

    assert outcomes == dict.fromkeys(outcomes, REFUSED)
    assert state_of(site) == before


def test_a_folder_opened_for_changes_allows_none(component_cache: Path, site: Path) -> None:
    """A folder may be opened with the right to change it, as some languages do for reading; the right is not there."""
    probe = Probe(FILE_ERRORS, wasi=("files",))
    opened = opening(probe, "folder", open_flags=IS_DIRECTORY, flags=READ | MUTATE)
    probe.attempt("make a directory", f"{opened} (call $create-directory {OPENED} {probe.text('new')} {RESULT})")
    probe.attempt("symbolic link", f"(call $symlink {OPENED} {probe.text('a')} {probe.text('new')} {RESULT})")
    probe.attempt("rename into it", f"(call $rename {DIRECTORY} {probe.text('page.html')} {OPENED} {probe.text('new')} {RESULT})")
    before = state_of(site)

    outcomes = probe.outcomes(run(probe.probing_plugin(), component_cache, site))

    assert outcomes == dict.fromkeys(outcomes, REFUSED)
    assert state_of(site) == before


def test_what_reading_allows(component_cache: Path, site: Path) -> None:
    """Looking is allowed: contents, listings, facts about files, the text of a link even where it leads out, but for an absolute one."""
    probe = Probe(FILE_ERRORS, wasi=("files",))
    opened = opening(probe, "page.html")
    probe.attempt("read", f"{opened} (call $read-file {OPENED} (i64.const 100) (i64.const 0) {RESULT})", codes_at=4)
    probe.attempt("read a stream", f"(call $read-stream {OPENED} (i64.const 0) {RESULT})", codes_at=4)
    probe.attempt("facts of a file", f"(call $stat {OPENED} {RESULT})", codes_at=8)
    probe.attempt("facts by path", f"(call $stat-at {DIRECTORY} (i32.const 1) {probe.text('page.html')} {RESULT})", codes_at=8)
    probe.attempt("kind", f"(call $get-type {OPENED} {RESULT})")
    probe.attempt("rights", f"(call $get-flags {OPENED} {RESULT})")
    probe.attempt("hash of the facts", f"(call $metadata-hash {OPENED} {RESULT})", codes_at=8)
    probe.attempt("advise", f"(call $advise {OPENED} (i64.const 0) (i64.const 0) (i32.const 0) {RESULT})")
    probe.attempt("list", f"(call $read-directory {DIRECTORY} {RESULT})", codes_at=4)
    probe.attempt("text of a link", f"(call $readlink {DIRECTORY} {probe.text('outside')} {RESULT})", codes_at=4)

    probe.attempt("text of an absolute link", f"(call $readlink {DIRECTORY} {probe.text('absolute')} {RESULT})", codes_at=4)

    outcomes = probe.outcomes(run(probe.probing_plugin(), component_cache, site))

    assert outcomes.pop("text of an absolute link") == REFUSED
    assert outcomes == dict.fromkeys(outcomes, ALLOWED)


def test_paths_that_lead_nowhere(component_cache: Path, site: Path) -> None:
    """Facts about files outside are not told either; links to themselves and overlong paths are errors."""
    paths = {
        "..": REFUSED,
        "folder/../../secret.txt": REFUSED,
        "../dist/page.html": REFUSED,
        "outside": REFUSED,
        "/etc/passwd": REFUSED,
        "/": REFUSED,
        "itself": "loop",
        "n" * 300: "name-too-long",
        "folder/../" * 500 + "page.html": "name-too-long",
    }
    probe = Probe(FILE_ERRORS, wasi=("files",))
    for path in paths:
        probe.attempt(f"open {path}", open_at(probe, path), codes_at=4)
        probe.attempt(f"stat {path}", f"(call $stat-at {DIRECTORY} (i32.const 1) {probe.text(path)} {RESULT})", codes_at=8)

    outcomes = probe.outcomes(run(probe.probing_plugin(), component_cache, site))

    assert outcomes == {f"{action} {path}": code for path, code in paths.items() for action in ("open", "stat")}


def test_a_hard_link_is_an_ordinary_file(component_cache: Path, site: Path) -> None:
    """A file that somebody gave a second name in the directory is in the directory: it is read, and not written."""
    os.link(site.parent / "secret.txt", site / "second-name")
    probe = Probe(FILE_ERRORS, wasi=("files",))
    probe.attempt("read", open_at(probe, "second-name"), codes_at=4)
    probe.attempt("write", open_at(probe, "second-name", flags=WRITE), codes_at=4)

    assert probe.outcomes(run(probe.probing_plugin(), component_cache, site)) == {"read": ALLOWED, "write": REFUSED}


def test_sockets_in_the_tree(component_cache: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket file is seen and cannot be opened: nobody connects to what listens on it."""
    monkeypatch.chdir(site)  # a socket's path may be short only
    probe = Probe(FILE_ERRORS, wasi=("files",))
    for flags in (READ, WRITE, READ | WRITE):
        probe.attempt(f"open with {flags}", open_at(probe, "socket", flags=flags), codes_at=4)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        listener.listen()
        listener.setblocking(False)

        outcomes = probe.outcomes(run(probe.probing_plugin(), component_cache, site))

        assert ALLOWED not in outcomes.values()
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("name", ["pipe", "pipe-behind-a-link"])
def test_a_named_pipe_keeps_no_one_but_the_plugin_waiting(component_cache: Path, site: Path, name: str) -> None:
    """A plugin that opens a pipe to which nobody writes gets an error, where the system can tell; elsewhere its timeout ends it."""
    os.mkfifo(site / "pipe")
    (site / "pipe-behind-a-link").symlink_to("pipe")
    probe = Probe(FILE_ERRORS, wasi=("files",))
    probe.attempt("open", open_at(probe, name), codes_at=4)

    result = run(probe.probing_plugin(), component_cache, site, Limits(timeout_seconds=20.0 if LINUX else 0.7))

    if LINUX:
        assert probe.outcomes(result) == {"open": "interrupted"}
    else:
        assert (result.outcome, result.limit) == ("limit", "timeout")
    assert stat.S_ISFIFO((site / "pipe").lstat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device files")
def test_devices(component_cache: Path, site: Path) -> None:
    """Device files are not for writing, and reading from an endless one gives a bounded piece at a time."""
    try:
        os.mknod(site / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this machine lets not even root make device files")
    probe = Probe(FILE_ERRORS, wasi=("files",))
    probe.attempt("write", open_at(probe, "zero", flags=WRITE), codes_at=4)
    huge = f"(call $read-file {OPENED} (i64.const 0x7fffffffffffffff) (i64.const 0) {RESULT})"
    reading = Guest()
    endless = f"(local $directory i32) (local $opened i32) {FIRST_DIRECTORY} {opening(reading, 'zero')} {huge} {OK}"

    refused = probe.outcomes(run(probe.probing_plugin(), component_cache, site))
    result = run(reading.plugin(endless, wasi=("files",)), component_cache, site, Limits(timeout_seconds=20, memory_bytes=64 << 20))

    assert refused == {"write": REFUSED}
    assert result.peak_memory_bytes < 200 << 20


def test_many_open_files(component_cache: Path, site: Path) -> None:
    """A plugin that never closes files is refused more at some point, and the tool has all of its own left."""
    guest = Guest()
    plugin = guest.plugin(
        f"""(local $directory i32) (local $count i32) {FIRST_DIRECTORY}
        (loop $again
          (call $open-at {DIRECTORY} (i32.const 0) {guest.text("page.html")} (i32.const 0) (i32.const {READ}) {RESULT})
          (if (i32.load8_u {RESULT}) (then {guest.error("refused")} return))
          (br_if $again (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 2000000))))
        {OK}""",
        wasi=("files",),
    )

    result = run(plugin, component_cache, site)

    assert (result.outcome, result.error) == ("err", "refused")
    assert result.peak_memory_bytes < 200 << 20


@pytest.fixture
def swapped(site: Path) -> Iterator[threading.Event]:
    """Swap a folder of the directory against a link to its parent without pause, until the event is set."""
    ended = threading.Event()
    folder, link, name = site / "real", site / "link", site / "swapped"
    folder.mkdir()
    (folder / "secret.txt").write_text("harmless", encoding="utf-8")
    link.symlink_to("..")

    def swap() -> None:
        while not ended.is_set():
            folder.rename(name)
            name.rename(folder)
            link.rename(name)
            name.rename(link)

    thread = threading.Thread(target=swap)
    thread.start()
    yield ended
    ended.set()
    thread.join()


def test_links_that_appear_while_a_path_is_resolved(component_cache: Path, site: Path, swapped: threading.Event) -> None:
    """A folder that somebody swaps against a link to outside, again and again, never lets a plugin read what is outside."""
    guest = Guest()
    plugin = guest.plugin(
        f"""(local $directory i32) (local $opened i32) (local $count i32) {FIRST_DIRECTORY}
        (loop $again
          (call $open-at {DIRECTORY} (i32.const 1) {guest.text("swapped/secret.txt")} (i32.const 0) (i32.const {READ}) {RESULT})
          (if (i32.eqz (i32.load8_u {RESULT}))
            (then
              (local.set $opened (i32.load (i32.const 84)))
              (call $read-file {OPENED} (i64.const 100) (i64.const 0) {RESULT})
              (if (i32.eq (i32.load8_u (i32.load (i32.const 84))) (i32.const {ord("s")})) (then {guest.error("read the secret")} return))
              (call $drop-descriptor {OPENED})))
          (br_if $again (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 5000))))
        {OK}""",
        wasi=("files",),
    )

    result = run(plugin, component_cache, site)

    assert (result.outcome, result.error) == ("ok", None)
    assert not swapped.is_set()


def make_deep(directory: Path, levels: int) -> None:
    """Make folders inside each other, deeper than a path may be long, with a file in the last."""
    current = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=current)
        following = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=current)
        os.close(current)
        current = following
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=current))
    os.close(current)


def remove_deep(directory: Path) -> None:
    """Delete what `make_deep` made: Python's own way is a recursion."""
    top = directory / "d"
    while (top / "d").exists():
        (top / "d").rename(directory / "next")
        top.rmdir()
        (directory / "next").rename(top)
    (top / "leaf").unlink()
    top.rmdir()


def test_a_deep_tree(component_cache: Path, site: Path) -> None:
    """A tree of 1,500 levels is walked to its end, directory by directory, and its `..` leads out of none."""
    make_deep(site, DEEP_LEVELS)
    guest = Guest()
    step = f"(call $open-at {OPENED} (i32.const 0) {guest.text('d')} (i32.const {IS_DIRECTORY}) (i32.const {READ}) {RESULT})"
    plugin = guest.plugin(
        f"""(local $directory i32) (local $opened i32) (local $previous i32) (local $count i32) {FIRST_DIRECTORY}
        (local.set $opened {DIRECTORY})
        (loop $down
          {step}
          (if (i32.eqz (i32.load8_u {RESULT})) (then
            (local.set $previous {OPENED}) (local.set $opened (i32.load (i32.const 84)))
            (if (i32.ne (local.get $previous) {DIRECTORY}) (then (call $drop-descriptor (local.get $previous))))
            (local.set $count (i32.add (local.get $count) (i32.const 1))) (br $down))))
        (if (i32.ne (local.get $count) (i32.const {DEEP_LEVELS})) (then {guest.error("another depth")} return))
        (call $open-at {OPENED} (i32.const 0) {guest.text("leaf")} (i32.const 0) (i32.const {READ}) {RESULT})
        (if (i32.load8_u {RESULT}) (then {guest.error("no leaf")} return))
        (call $open-at {OPENED} (i32.const 0) {guest.text("../leaf")} (i32.const 0) (i32.const {READ}) {RESULT})
        (if (i32.eqz (i32.load8_u {RESULT})) (then {guest.error("went up")} return))
        {OK}""",
        wasi=("files",),
    )

    result = run(plugin, component_cache, site)
    remove_deep(site)

    assert (result.outcome, result.error) == ("ok", None)


@pytest.mark.slow
def test_a_hundred_thousand_entries(component_cache: Path, site: Path) -> None:
    """A directory with 100,000 files is listed to its end, in bounded memory."""
    folder = site / "many"
    folder.mkdir()
    for number in range(MANY_ENTRIES):
        os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY, 0o644))
    guest = Guest()
    plugin = guest.plugin(
        f"""(local $directory i32) (local $opened i32) (local $entries i32) (local $count i32) {FIRST_DIRECTORY}
        {opening(guest, "many", open_flags=IS_DIRECTORY)}
        (call $read-directory {OPENED} {RESULT})
        (if (i32.load8_u {RESULT}) (then {guest.error("no listing")} return))
        (local.set $entries (i32.load (i32.const 84)))
        (loop $next
          (call $next-entry (local.get $entries) {RESULT})
          (if (i32.load8_u {RESULT}) (then {guest.error("the listing broke off")} return))
          (if (i32.load8_u (i32.const 84)) (then (local.set $count (i32.add (local.get $count) (i32.const 1))) (br $next))))
        (if (i32.ne (local.get $count) (i32.const {MANY_ENTRIES})) (then {guest.error("another number")} return))
        {OK}""",
        wasi=("files",),
    )

    result = run(plugin, component_cache, site)

    assert (result.outcome, result.error) == ("ok", None)
    assert result.peak_memory_bytes < 200 << 20
