"""The directories and files that a step declares."""

import os
import socket
from pathlib import Path

import pytest

from orchestrator.errors import PluginRefusedError, Span
from orchestrator.sandbox.declared import MAX_FILE_BYTES, find_private_contents, is_safe_relative, read_file, resolve_directory
from orchestrator.sandbox.request import InlineFile, Preopen

SPAN = Span(path=Path("icp.yaml"), line=9, column=13, text="        dirs: [dist]")


@pytest.fixture
def canister(tmp_path: Path) -> Path:
    """Return a canister's directory, reached through a link above it."""
    real = tmp_path / "real"
    (real / "dist" / "deep").mkdir(parents=True)
    (real / "dist" / "a.txt").write_bytes("ä\r\n".encode())
    (real / "dist" / "deep" / "b.txt").write_text("b", encoding="utf-8")
    (real / "link").symlink_to("dist")
    (real / "dist" / "file-link").symlink_to("a.txt")
    (tmp_path / "canister").symlink_to("real")
    return tmp_path / "canister"


@pytest.mark.parametrize("entry", ["dist", "./dist", "dist/", "dist//deep", "dist/./deep", ".", "", "C:"])
def test_directories(canister: Path, entry: str) -> None:
    """An entry below the canister is opened where it is, and keeps its own text as the name that the plugin sees."""
    (canister / "C:").mkdir()

    directory = resolve_directory(canister, entry, SPAN)

    assert directory.guest == entry
    assert directory.host.samefile(canister / entry)


@pytest.mark.parametrize(("entry", "content"), [("dist/a.txt", "ä\r\n"), ("./dist/deep/b.txt", "b")])
def test_files(canister: Path, entry: str, content: str) -> None:
    """A file's text is read as it is, line ends and all."""
    assert read_file(canister, entry) == InlineFile(name=entry, content=content)


@pytest.mark.parametrize("entry", ["..", "../real/dist", "dist/../dist", "/etc", "//etc", "dist/..", "a\0b"])
def test_unsafe_paths(canister: Path, entry: str) -> None:
    """`..` and absolute paths are refused in icp's words, at the entry's place in the manifest."""
    with pytest.raises(PluginRefusedError) as caught:
        resolve_directory(canister, entry, SPAN)
    with pytest.raises(PluginRefusedError) as of_file:
        read_file(canister, entry, SPAN)

    assert caught.value.slug == of_file.value.slug == "plugin/unsafe-path"
    assert caught.value.summary == f"plugin dir '{entry}' is not a safe relative path (no absolute paths or '..' allowed)"
    assert of_file.value.summary == f"plugin file '{entry}' is not a safe relative path (no absolute paths or '..' allowed)"
    assert caught.value.span == SPAN


@pytest.mark.parametrize(
    ("entry", "windows", "safe"),
    [
        ("C:\\dist", True, False),
        ("C:dist", True, False),
        ("\\\\server\\share", True, False),
        ("\\dist", True, False),
        ("a\\..\\b", True, False),
        ("a\\b", True, True),
        ("C:\\dist", False, True),
        ("\\\\server\\share", False, True),
        ("a\\..\\b", False, True),
        ("...", False, True),
        ("a..b", False, True),
    ],
)
def test_windows_prefixes(entry: str, *, windows: bool, safe: bool) -> None:
    """Drives, UNC paths and backslashes mean something on Windows only."""
    assert is_safe_relative(entry, windows=windows) is safe


@pytest.mark.parametrize(
    ("entry", "link"), [("link", "link"), ("link/deep", "link"), ("./link/", "link"), ("dist/file-link", "dist/file-link")]
)
def test_symlinks(canister: Path, entry: str, link: str) -> None:
    """The first component that is a link is named, with where it points; links above the canister do not matter."""
    with pytest.raises(PluginRefusedError) as caught:
        resolve_directory(canister, entry, SPAN)
    with pytest.raises(PluginRefusedError) as of_file:
        read_file(canister, entry, SPAN)

    assert caught.value.slug == of_file.value.slug == "plugin/symlink"
    assert caught.value.summary == f"plugin dir '{entry}' resolves through a symlink ('{link}'); symlinks are not allowed in plugin dirs"
    assert caught.value.detail is not None
    assert f"'{link}' points to " in caught.value.detail
    assert of_file.value.summary.endswith("symlinks are not allowed in plugin files")


def test_dangling_link(canister: Path) -> None:
    """A link to nothing is a link, and not something missing."""
    (canister / "nowhere").symlink_to("gone")

    with pytest.raises(PluginRefusedError, match="symlink"):
        resolve_directory(canister, "nowhere")


@pytest.mark.parametrize("entry", ["gone", "dist/gone", "gone/deep", "dist/a.txt/deep"])
def test_missing(canister: Path, entry: str) -> None:
    """What does not exist is told with the place that was looked at."""
    with pytest.raises(PluginRefusedError, match=f"plugin dir '{entry}' does not exist") as caught:
        resolve_directory(canister, entry, SPAN)
    with pytest.raises(PluginRefusedError, match=f"plugin file '{entry}' does not exist") as of_file:
        read_file(canister, entry, SPAN)

    assert (caught.value.slug, of_file.value.slug) == ("plugin/dir-missing", "plugin/file-missing")
    assert caught.value.hint is not None
    assert "`dirs`" in caught.value.hint


def test_missing_canister_directory(tmp_path: Path) -> None:
    """A canister directory that is not there is an error of the entry, not a crash."""
    with pytest.raises(PluginRefusedError, match="does not exist"):
        resolve_directory(tmp_path / "nowhere", "dist")


def test_backslashes_get_their_own_hint(canister: Path) -> None:
    """A path written for Windows is told to use forward slashes."""
    with pytest.raises(PluginRefusedError) as caught:
        resolve_directory(canister, "dist\\deep")

    assert caught.value.hint is not None
    assert "forward slashes" in caught.value.hint


def test_wrong_kinds(canister: Path) -> None:
    """A file is no directory, a directory no file; the hint says where it belongs."""
    with pytest.raises(PluginRefusedError, match=r"plugin dir 'dist/a\.txt' is a file"):
        resolve_directory(canister, "dist/a.txt")
    with pytest.raises(PluginRefusedError, match="plugin file 'dist' is a directory") as caught:
        read_file(canister, "dist")

    assert caught.value.hint == "declare it under `dirs`"


def test_pipes_and_sockets_do_not_block(canister: Path) -> None:
    """What could block or have effects when opened is refused by its kind, unopened."""
    os.mkfifo(canister / "pipe")
    with pytest.raises(PluginRefusedError, match="plugin file 'pipe' is a named pipe"):
        read_file(canister, "pipe")
    with pytest.raises(PluginRefusedError, match="plugin dir 'pipe' is a named pipe"):
        resolve_directory(canister, "pipe")

    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(canister)
        try:
            listener.bind("sock")
        finally:
            os.chdir(here)
        with pytest.raises(PluginRefusedError, match="plugin file 'sock' is a socket"):
            read_file(canister, "sock")


def test_devices() -> None:
    """A device is refused by its kind."""
    with pytest.raises(PluginRefusedError, match="plugin file 'null' is a character device"):
        read_file(Path("/dev"), "null")


def test_not_utf8(canister: Path) -> None:
    """A binary file is refused with the offset of the first byte that is no text."""
    (canister / "image.png").write_bytes(b"ab\xff\xfe")

    with pytest.raises(PluginRefusedError, match="is not UTF-8 text") as caught:
        read_file(canister, "image.png", SPAN)

    assert caught.value.slug == "plugin/file-not-utf8"
    assert caught.value.detail == "the byte at offset 2 does not belong to a character"
    assert caught.value.span == SPAN


def test_too_large(canister: Path) -> None:
    """A file at the cap is read, one byte more is refused without reading it all."""
    with (canister / "large").open("wb") as file:
        file.truncate(MAX_FILE_BYTES)
    assert len(read_file(canister, "large").content) == MAX_FILE_BYTES

    with (canister / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PluginRefusedError, match="larger than 16 MiB"):
        read_file(canister, "large")


def test_unreadable(canister: Path) -> None:
    """A file that may not be read is told with the system's reason."""
    (canister / "locked").write_text("x", encoding="utf-8")
    (canister / "locked").chmod(0)
    if os.access(canister / "locked", os.R_OK):
        pytest.skip("this user may read everything")

    with pytest.raises(PluginRefusedError, match="cannot be read: Permission denied"):
        read_file(canister, "locked")


def test_private_contents(canister: Path) -> None:
    """Secrets, history and tool state in a declared directory are warned of, wherever they are in it."""
    (canister / "dist" / ".git" / "objects").mkdir(parents=True)
    (canister / "dist" / "deep" / ".env").write_text("KEY=1", encoding="utf-8")

    warnings = find_private_contents(Preopen(guest="dist", host=canister / "dist"), SPAN)

    assert [warning.summary for warning in warnings] == [
        "plugin dir 'dist' holds .git, which the plugin can read",
        "plugin dir 'dist' holds deep/.env, which the plugin can read",
    ]
    assert {warning.severity for warning in warnings} == {"warning"}
    assert warnings[0].span == SPAN


def test_contents_that_keep_a_plugin_waiting(canister: Path) -> None:
    """A named pipe in a declared directory is warned of: a plugin that opens it waits for a writer."""
    os.mkfifo(canister / "dist" / "deep" / "pipe")

    (warning,) = find_private_contents(Preopen(guest="dist", host=canister / "dist"), SPAN)

    assert warning.summary == "plugin dir 'dist' holds deep/pipe, a named pipe: a plugin that opens it waits until something writes to it"
    assert (warning.slug, warning.span) == ("plugin/named-pipe", SPAN)


def test_no_private_contents(canister: Path) -> None:
    """An ordinary directory gives no warning, and a missing one neither."""
    assert find_private_contents(Preopen(guest="dist", host=canister / "dist")) == ()
    assert find_private_contents(Preopen(guest="gone", host=canister / "gone")) == ()
