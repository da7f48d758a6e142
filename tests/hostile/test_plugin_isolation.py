"""Plugins that reach for what is not theirs: files, sockets, the environment."""

import socket
from pathlib import Path

import pytest

from orchestrator.sandbox.request import Preopen
from tests.support.components import OK, Guest, error
from tests.support.plugin_runs import run_now

READ, WRITE, MUTATE = 1, 2, 32
CREATE, DIRECTORY, TRUNCATE = 1, 2, 8
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


def snapshot(directory: Path) -> dict[str, bytes | str]:
    """Describe everything below a directory's parent."""
    return {
        str(path.relative_to(directory.parent)): (
            f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes() if path.is_file() else "directory"
        )
        for path in sorted(directory.parent.rglob("*"))
    }


def attempt(guest: Guest, operation: str) -> bytes:
    """Build a plugin that does one file operation on `$directory` (result at 80) and fails if it is allowed."""
    return guest.plugin(
        f"""
        (local $directory i32)
        (call $get-directories (i32.const 64))
        (local.set $directory (i32.load (i32.load (i32.const 64))))
        {operation}
        (if (result i32) (i32.load8_u (i32.const 80)) (then {OK}) (else {guest.error("allowed")}))""",
        wasi=("files",),
    )


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


@pytest.mark.parametrize(
    "path",
    [
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
    ],
)
@pytest.mark.parametrize("path_flags", [0, FOLLOW])
def test_nothing_else_can(component_cache: Path, site: Path, path: str, path_flags: int) -> None:
    """No way of writing a path leads out of the directory, through links or without."""
    result = run_now(reading(Guest(), path, path_flags=path_flags), component_cache, directories=(Preopen(guest="dist", host=site),)).result

    assert (result.outcome, result.error) == ("ok", None)


@pytest.mark.parametrize(
    "name",
    ["open for writing", "create", "truncate", "write", "resize", "make directory", "unlink", "remove directory", "rename", "symlink"],
)
def test_nothing_is_written(component_cache: Path, site: Path, name: str) -> None:
    """Every operation that would change the directory is refused, and changes nothing."""
    guest = Guest()
    directory = "(local.get $directory)"
    opened = opening(guest, "index.html") + "(if (i32.load8_u (i32.const 80)) (then unreachable))"
    operation = {
        "open for writing": opening(guest, "index.html", flags=READ | WRITE),
        "create": opening(guest, "new.html", open_flags=CREATE, flags=WRITE),
        "truncate": opening(guest, "index.html", open_flags=TRUNCATE, flags=WRITE),
        "write": f"{opened} (call $write-file (i32.load (i32.const 84)) {guest.text('x')} (i64.const 0) (i32.const 80))",
        "resize": f"{opened} (call $set-size (i32.load (i32.const 84)) (i64.const 0) (i32.const 80))",
        "make directory": f"(call $create-directory {directory} {guest.text('new')} (i32.const 80))",
        "unlink": f"(call $unlink {directory} {guest.text('index.html')} (i32.const 80))",
        "remove directory": f"(call $remove-directory {directory} {guest.text('folder')} (i32.const 80))",
        "rename": f"(call $rename {directory} {guest.text('index.html')} {directory} {guest.text('moved')} (i32.const 80))",
        "symlink": f"(call $symlink {directory} {guest.text('index.html')} {guest.text('link')} (i32.const 80))",
    }[name]
    before = snapshot(site)

    result = run_now(attempt(guest, operation), component_cache, directories=(Preopen(guest="dist", host=site),)).result

    assert (result.outcome, result.error) == ("ok", None)
    assert snapshot(site) == before


def test_a_writable_handle_of_a_folder(component_cache: Path, site: Path) -> None:
    """Asking for the right to change a folder does not give it."""
    guest = Guest()
    operation = f"""
      {opening(guest, "folder", open_flags=DIRECTORY, flags=READ | MUTATE)}
      (if (i32.eqz (i32.load8_u (i32.const 80)))
        (then (call $unlink (i32.load (i32.const 84)) {guest.text("page.html")} (i32.const 80))))"""
    before = snapshot(site)

    result = run_now(attempt(guest, operation), component_cache, directories=(Preopen(guest="dist", host=site),)).result

    assert (result.outcome, result.error) == ("ok", None)
    assert snapshot(site) == before


def test_nothing_declared_is_nothing_open(component_cache: Path) -> None:
    """Without declared directories a plugin has no directory at all."""
    guest = Guest()
    plugin = guest.plugin(
        f"(call $get-directories (i32.const 64)) (if (result i32) (i32.load (i32.const 68)) (then {guest.error('open')}) (else {OK}))",
        wasi=("files",),
    )

    assert run_now(plugin, component_cache).result.outcome == "ok"


@pytest.mark.parametrize("operation", ["connect", "bind", "udp", "resolve"])
def test_no_network(component_cache: Path, operation: str) -> None:
    """No socket of any kind comes into being; a listener on the loopback sees nobody."""
    guest = Guest()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        address = f"(i32.const 0) (i32.const {port}) (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)" + " (i32.const 0)" * 6
        opened = "(if (i32.eqz (i32.load8_u (i32.const 80))) (then (call ${} (i32.load (i32.const 84)) (call $instance-network) {} (i32.const 80))))"
        body = {
            "connect": "(call $create-tcp (i32.const 0) (i32.const 80))" + opened.format("tcp-connect", address),
            "bind": "(call $create-tcp (i32.const 0) (i32.const 80))" + opened.format("tcp-bind", address.replace(str(port), "0", 1)),
            "udp": "(call $create-udp (i32.const 0) (i32.const 80))" + opened.format("udp-bind", address.replace(str(port), "0", 1)),
            "resolve": f"(call $resolve (call $instance-network) {guest.text('localhost')} (i32.const 80))",
        }[operation]
        plugin = guest.plugin(
            f"{body} (if (result i32) (i32.load8_u (i32.const 80)) (then {OK}) (else {guest.error('allowed')}))", wasi=("sockets",)
        )

        result = run_now(plugin, component_cache).result

        assert (result.outcome, result.error) == ("ok", None)
        with pytest.raises(BlockingIOError):
            listener.accept()


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
