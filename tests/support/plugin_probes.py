"""Plugins that try many forbidden things in one run and report what came of each.

    probe = Probe(FILE_ERRORS, wasi=("files",))
    probe.attempt("unlink", f"(call $unlink {DIRECTORY} {probe.text('a')} {RESULT})", codes_at=1)
    probe.outcomes(run_now(probe.plugin(), …).result)      {"unlink": "not-permitted"}

Instructions write their result at `RESULT`; the first declared directory is `DIRECTORY`, and a file or folder in it
is opened by `opening`, into `OPENED`.
"""

from collections.abc import Iterable, Sequence

from orchestrator.sandbox.request import PluginResult
from tests.support.components import OK, Guest, error

__all__ = ["ALLOWED", "DIRECTORY", "OPENED", "RESULT", "Probe", "opening"]

ALLOWED = "allowed"
DIRECTORY = "(local.get $directory)"
OPENED = "(local.get $opened)"
RESULT = "(i32.const 80)"
_RESULT_ADDRESS, _REPORT_ADDRESS = 80, 512
_FIRST_CODE = ord("0")
_SUCCESS = "+"
READ = 1


def opening(guest: Guest, path: str, *, open_flags: int = 0, flags: int = READ, path_flags: int = 0) -> str:
    """Open a path below the declared directory as `OPENED`; a plugin that may not ends in a trap."""
    return f"""(call $open-at {DIRECTORY} (i32.const {path_flags}) {guest.text(path)} (i32.const {open_flags}) (i32.const {flags}) {RESULT})
      (if (i32.load8_u {RESULT}) (then unreachable)) (local.set $opened (i32.load (i32.const {_RESULT_ADDRESS + 4})))"""


class Probe(Guest):
    """Collects attempts; each becomes one character of the plugin's error: `+`, or an error code above `0`."""

    def __init__(self, codes: Sequence[str], *, wasi: Iterable[str]) -> None:
        """Take the names of the error codes, and the groups of functions to import."""
        super().__init__()
        self._codes = codes
        self._wasi = tuple(wasi)
        self._names: list[str] = []
        self._attempts: list[str] = []

    def attempt(self, name: str, instructions: str, *, codes_at: int = 1) -> None:
        """Add an attempt; its result's error code is `codes_at` bytes behind the tag."""
        here = _REPORT_ADDRESS + len(self._names)
        failed = f"(i32.add (i32.load8_u (i32.const {_RESULT_ADDRESS + codes_at})) (i32.const {_FIRST_CODE}))"
        self._names.append(name)
        self._attempts.append(f"""{instructions}
          (i32.store8 (i32.const {here}) (select {failed} (i32.const {ord(_SUCCESS)}) (i32.load8_u {RESULT})))""")

    def probing_plugin(self) -> bytes:
        """Build the plugin."""
        start = ""
        if "files" in self._wasi:
            start = "(call $get-directories (i32.const 64)) (local.set $directory (i32.load (i32.load (i32.const 64))))"
        body = f"""(local $directory i32) (local $opened i32) {start}
          {"".join(self._attempts)}
          {error(f"(i32.const {_REPORT_ADDRESS})", f"(i32.const {len(self._names)})") if self._names else OK}"""
        return self.plugin(body, wasi=self._wasi)

    def outcomes(self, result: PluginResult) -> dict[str, str]:
        """Read what came of each attempt: `ALLOWED`, or the name of the error code."""
        assert result.outcome == "err", result
        assert result.error is not None
        assert len(result.error) == len(self._names)
        told = (ALLOWED if mark == _SUCCESS else self._codes[ord(mark) - _FIRST_CODE] for mark in result.error)
        return dict(zip(self._names, told, strict=True))
