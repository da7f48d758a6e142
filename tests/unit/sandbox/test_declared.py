"""The directories and files that a step declares."""

import os
import socket
import threading
from pathlib import Path

import pytest

from orchestrator.errors import PluginRefusedError, Span
from orchestrator.sandbox.declared import MAX_FILE_BYTES, is_safe_relative, read_file, resolve_directory
from orchestrator.sandbox.request import InlineFile

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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_the_component_that_may_not_be_searched_is_named(canister: Path) -> None:
    """Of the folders on the way the one without the right is told, not what lies in it."""
    (canister / "dist").chmod(0o600)
    try:
        with pytest.raises(PluginRefusedError) as caught:
            read_file(canister, "dist/deep/b.txt")
    finally:
        (canister / "dist").chmod(0o700)

    assert (caught.value.slug, caught.value.detail) == ("plugin/file-unreadable", "'dist' on the way to it is the reason")
    assert "ls -ld" in str(caught.value.hint)


@pytest.mark.parametrize(("entry", "there"), [("STYLES", "styles"), ("caf\u00e9", "cafe\u0301"), ("dist/A.TXT", "a.txt")])
def test_names_that_look_like_others(canister: Path, entry: str, there: str) -> None:
    """Another letter case or another form of the same character is another name; the hint says which one is there."""
    (canister / "styles").mkdir()
    (canister / "cafe\u0301").mkdir()
    if (canister / entry).exists():
        pytest.skip("this file system takes them for the same")

    with pytest.raises(PluginRefusedError, match="does not exist") as caught:
        resolve_directory(canister, entry)

    assert caught.value.hint is not None
    assert f"'{there}'" in caught.value.hint


def test_long_names_and_paths(canister: Path) -> None:
    """What the system has no room for is refused with its reason."""
    with pytest.raises(PluginRefusedError, match="cannot be read: File name too long"):
        resolve_directory(canister, "x" * 256)
    with pytest.raises(PluginRefusedError, match="has a path that is not UTF-8"):
        resolve_directory(canister, "\ud800")


@pytest.mark.parametrize(
    ("entry", "found"),
    [("dist", "real/dist"), ("../shared", "shared"), ("../real/../shared/", "shared"), ("dist/../..", "."), ("..", ".")],
)
def test_entries_within_the_project(tmp_path: Path, canister: Path, entry: str, found: str) -> None:
    """With the project's directory given, an entry may leave the canister's, and stays in the project."""
    (tmp_path / "shared").mkdir()

    directory = resolve_directory(canister, entry, SPAN, project_directory=tmp_path)

    assert directory.guest == entry
    assert directory.host.samefile(tmp_path / found)


@pytest.mark.parametrize("entry", ["../..", "../../other", "dist/../../../x", "/etc", "../real/../../x", "a\0b"])
def test_entries_outside_the_project(tmp_path: Path, canister: Path, entry: str) -> None:
    """An entry that leads out of the project, even for one step, is refused."""
    with pytest.raises(PluginRefusedError) as caught:
        resolve_directory(canister, entry, SPAN, project_directory=tmp_path)
    with pytest.raises(PluginRefusedError):
        read_file(canister, entry, SPAN, project_directory=tmp_path)

    assert caught.value.slug == "plugin/unsafe-path"
    assert caught.value.summary == f"plugin dir '{entry}' is not a path within the project"


def test_files_and_links_within_the_project(tmp_path: Path, canister: Path) -> None:
    """The rules about links hold for the whole way from the project's directory."""
    (tmp_path / "shared.txt").write_text("shared", encoding="utf-8")
    (tmp_path / "linked").symlink_to("real")

    assert read_file(canister, "../shared.txt", project_directory=tmp_path).content == "shared"
    with pytest.raises(PluginRefusedError, match="resolves through a symlink"):
        resolve_directory(canister, "../linked/dist", project_directory=tmp_path)


def test_canisters_outside_the_project(tmp_path: Path, canister: Path) -> None:
    """A canister's directory that is not in the project (through a link, for example) has no entries in it."""
    (tmp_path / "project").mkdir()

    with pytest.raises(PluginRefusedError, match="not a path within the project"):
        resolve_directory(canister, "dist", project_directory=tmp_path / "project")


def keep_swapping(directory: Path, link: Path, ended: threading.Event) -> None:
    """Let a link take the place of a directory and give it back, until told to end."""
    aside = directory.with_name("aside")
    while not ended.is_set():
        directory.rename(aside)
        link.rename(directory)
        directory.rename(link)
        aside.rename(directory)


def test_swapped_while_it_is_resolved(tmp_path: Path) -> None:
    """However often a link to a secret takes the place of a directory: what is opened and read is never behind the link."""
    secret, canister = tmp_path / "secret", tmp_path / "canister"
    for directory in (secret, canister):
        (directory / "a" / "b").mkdir(parents=True)
        (directory / "a" / "b" / "file").write_text(directory.name, encoding="utf-8")
    status = (canister / "a" / "b").stat()
    (tmp_path / "link").symlink_to(secret / "a")
    ended = threading.Event()
    swapper = threading.Thread(target=keep_swapping, args=(canister / "a", tmp_path / "link", ended))
    swapper.start()
    read: list[str] = []
    opened: list[tuple[int, int] | None] = []
    refused: list[str] = []
    try:
        while min(len(read), len(opened), len(refused)) < 20:
            try:
                read.append(read_file(canister, "a/b/file").content)
                opened.append(resolve_directory(canister, "a/b").inode)
            except PluginRefusedError as error:
                refused.append(error.slug)
    finally:
        ended.set()
        swapper.join()

    assert set(read) == {"canister"}
    assert set(opened) == {(status.st_dev, status.st_ino)}
    assert set(refused) <= {
        "plugin/symlink",
        "plugin/dir-missing",
        "plugin/file-missing",
        "plugin/dir-unreadable",
        "plugin/file-unreadable",
    }


@pytest.mark.parametrize(("kind", "other"), [("dir", "files"), ("file", "dirs")])
def test_what_belongs_under_the_other_key_says_so(tmp_path: Path, kind: str, other: str) -> None:
    """A file under `dirs`, and a directory under `files`, are told where to be declared."""
    (tmp_path / "file.txt").touch()
    (tmp_path / "folder").mkdir()

    with pytest.raises(PluginRefusedError) as caught:
        resolve_directory(tmp_path, "file.txt") if kind == "dir" else read_file(tmp_path, "folder")

    assert (caught.value.slug, caught.value.hint) == (f"plugin/not-a-{kind}", f"declare it under `{other}`")
