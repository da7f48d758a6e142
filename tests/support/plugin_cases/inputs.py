"""What plugins are given: directories, files, and the surroundings that they find."""

from collections.abc import Mapping
from typing import Final

from tests.support.components import OK, Guest, component_that_returns_ok, error
from tests.support.plugin_cases.case import PluginCase

__all__ = ["FILES", "INPUTS"]

FILES: Final[Mapping[str, bytes | str | None]] = {
    "data/inside.txt": b"what is inside",
    "data/sub/deep.txt": b"deep",
    "notes.txt": b"a note\n",
    "bad.bin": b"\xff\xfe\xfd",
    "empty.txt": b"",
    "link.txt": "notes.txt",
    "linked": "data",
    "data/out": "../notes.txt",
}
"""The project's files: contents, or where a symbolic link leads."""


def _refused(name: str, step: Mapping[str, object], slug: str, summary: str, theirs: str) -> PluginCase:
    return PluginCase(name=name, component=component_that_returns_ok(), step=step, slug=f"plugin/{slug}", summary=summary, theirs=theirs)


def _telling(name: str, place: str, text: str, step: Mapping[str, object]) -> PluginCase:
    """Return the text whose address and length are at `place` as the error."""
    return _erring(name, f"(i32.load {place})", f"(i32.load offset=4 {place})", text, step)


def _erring(name: str, address: str, length: str, text: str, step: Mapping[str, object]) -> PluginCase:
    component = Guest().plugin(error(address, length))
    return PluginCase(
        name=name,
        component=component,
        step=step,
        slug="plugin/err",
        summary=f"plugin returned error: {text}",
        theirs=f"plugin returned error: {text}",
    )


def _second(address: str, size: int) -> str:
    return f"(i32.add (local.get ${address}) (i32.const {size}))"


def _reading(name: str, path: str, *, text: str | None) -> PluginCase:
    """Return what a file below `data` says as the error, or ok if it cannot be opened."""
    guest = Guest()
    component = guest.plugin(
        f"""
        (local $directory i32)
        (call $get-directories (i32.const 64))
        (local.set $directory (i32.load (i32.load (i32.const 64))))
        (call $open-at (local.get $directory) (i32.const 1) {guest.text(path)} (i32.const 0) (i32.const 1) (i32.const 80))
        (if (i32.load8_u (i32.const 80)) (then {OK} return))
        (call $read-file (i32.load (i32.const 84)) (i64.const 1000) (i64.const 0) (i32.const 96))
        {error("(i32.load (i32.const 100))", "(i32.load (i32.const 104))")}""",
        wasi=("files",),
    )
    if text is None:
        return PluginCase(name=name, component=component, step={"dirs": ["data"]})
    words = f"plugin returned error: {text}"
    return PluginCase(name=name, component=component, step={"dirs": ["data"]}, slug="plugin/err", summary=words, theirs=words)


def _count(name: str, what: str, group: str) -> PluginCase:
    """Fail if there is anything."""
    guest = Guest()
    found = guest.error("something")
    return PluginCase(
        name=name,
        component=guest.plugin(
            f"(call ${what} (i32.const 64)) (if (result i32) (i32.load (i32.const 68)) (then {found}) (else {OK}))", wasi=(group,)
        ),
    )


def _no_terminal() -> PluginCase:
    guest = Guest()
    asked = "".join(
        f"(call $terminal-{name} (i32.const 64)) (if (i32.load8_u (i32.const 64)) (then {guest.error(name)} return))"
        for name in ("stdin", "stdout", "stderr")
    )
    return PluginCase(name="terminal", component=guest.plugin(f"{asked} {OK}", wasi=("terminal",)))


def _no_input() -> PluginCase:
    """Fail unless reading stdin tells that it is closed: the error's tag is 1 at 64, `closed` 1 at 68."""
    guest = Guest()
    return PluginCase(
        name="stdin",
        component=guest.plugin(
            f"""(call $read-stdin (call $get-stdin) (i64.const 100) (i32.const 64))
            (if (result i32) (i32.and (i32.load8_u (i32.const 64)) (i32.load8_u (i32.const 68))) (then {OK}) (else {guest.error("open")}))""",
            wasi=("stdio",),
        ),
    )


_BOTH = {"dirs": ["data", "./data/sub/"], "files": ["notes.txt", "././empty.txt", "data/inside.txt"]}
_ODD = {
    "dirs": ["", ".", "data/.", "data//sub", "data", "data"],
    "files": ["notes.txt/", "notes.txt/.", ".//notes.txt", "notes.txt", "notes.txt"],
}

INPUTS = (
    _erring("canister-id", "(local.get $canister)", "(local.get $canister-length)", "{canister}", {}),
    _erring("identity", "(local.get $identity)", "(local.get $identity-length)", "{principal}", {}),
    _telling("first-dir", "(local.get $dirs)", "data", _BOTH),
    _telling("second-dir", _second("dirs", 8), "./data/sub/", _BOTH),
    _telling("first-file", "(local.get $files)", "notes.txt", _BOTH),
    _telling("first-content", _second("files", 8), "a note\n", _BOTH),
    _telling("second-file", _second("files", 16), "././empty.txt", _BOTH),
    _telling("second-content", _second("files", 24), "", _BOTH),
    _telling("third-content", _second("files", 40), "what is inside", _BOTH),
    _reading("read-file", "inside.txt", text="what is inside"),
    _reading("read-deep", "sub/../sub/deep.txt", text="deep"),
    _reading("read-missing", "absent.txt", text=None),
    _reading("read-above", "../notes.txt", text=None),
    _reading("read-absolute", "/etc/hostname", text=None),
    _reading("read-through-link", "out", text=None),
    _count("variables", "get-environment", "environment"),
    _count("arguments", "get-arguments", "environment"),
    _count("no-dirs", "get-directories", "files"),
    _no_terminal(),
    _no_input(),
    PluginCase(name="odd-entries", component=component_that_returns_ok(), step=_ODD),
    _refused("folder-of-no-name", {"files": [""]}, "not-a-file", "plugin file '' is a directory", "Is a directory (os error 21)"),
    _refused(
        "below-a-file",
        {"files": ["data/inside.txt/x"]},
        "file-missing",
        "plugin file 'data/inside.txt/x' does not exist",
        "Not a directory (os error 20)",
    ),
    _refused(
        "missing-dir",
        {"dirs": ["absent"]},
        "dir-missing",
        "plugin dir 'absent' does not exist",
        "plugin dir 'absent' is not an existing directory",
    ),
    _refused(
        "file-as-dir",
        {"dirs": ["notes.txt"]},
        "not-a-dir",
        "plugin dir 'notes.txt' is a file",
        "plugin dir 'notes.txt' is not an existing directory",
    ),
    _refused(
        "missing-file", {"files": ["absent"]}, "file-missing", "plugin file 'absent' does not exist", "failed to read plugin input file at"
    ),
    _refused("dir-as-file", {"files": ["data"]}, "not-a-file", "plugin file 'data' is a directory", "Is a directory (os error 21)"),
    _refused(
        "not-text", {"files": ["bad.bin"]}, "file-not-utf8", "plugin file 'bad.bin' is not UTF-8 text", "stream did not contain valid UTF-8"
    ),
    _refused(
        "linked-dir",
        {"dirs": ["linked"]},
        "symlink",
        "plugin dir 'linked' resolves through a symlink ('linked'); symlinks are not allowed in plugin dirs",
        "plugin path 'linked' resolves through a symlink ('linked')",
    ),
    _refused(
        "behind-link",
        {"dirs": ["linked/sub"]},
        "symlink",
        "plugin dir 'linked/sub' resolves through a symlink ('linked'); symlinks are not allowed in plugin dirs",
        "plugin path 'linked/sub' resolves through a symlink ('linked')",
    ),
    _refused(
        "linked-file",
        {"files": ["link.txt"]},
        "symlink",
        "plugin file 'link.txt' resolves through a symlink ('link.txt'); symlinks are not allowed in plugin files",
        "plugin path 'link.txt' resolves through a symlink ('link.txt')",
    ),
    _refused(
        "absolute-dir",
        {"dirs": ["/etc"]},
        "unsafe-path",
        "plugin dir '/etc' is not a safe relative path (no absolute paths or '..' allowed)",
        "plugin path '/etc' is not a relative path (absolute paths are not allowed)",
    ),
    _refused(
        "outside",
        {"files": ["../x"]},
        "unsafe-path",
        "plugin file '../x' is not a safe relative path (no absolute paths or '..' allowed)",
        "a plugin may only read paths inside the project directory",
    ),
)
