"""Sync plugins of the second interface, icp:sync-plugin@0.2, written as component text.

    guest = SecondGuest()
    guest.second_plugin(guest.call_of("other", "store", b"...") + OK)

`exec` has one parameter, `$input`: the address of the record, whose fields are at the offsets of `INPUT`. Texts and
lists are an address and a length of 4 bytes each; optional texts have a byte 0 or 1 in front, in 4 bytes.
"""

from collections.abc import Iterable
from typing import Final

from tests.support.components import CALL_RESULT, Guest

__all__ = ["INPUT", "SecondGuest", "field"]

INPUT: Final = {
    "canister-id": 0,
    "environment": 8,
    "api-url": 16,
    "gateway-url": 24,
    "dirs": 36,
    "files": 44,
    "fields": 52,
    "identity-principal": 60,
    "proxy-canister-id": 68,
    "canister-ids": 80,
}
"""Where the fields of exec's input are."""


def field(name: str, offset: int = 0) -> str:
    """Read 4 bytes of a field of exec's input, `offset` behind its start."""
    return f"(i32.load offset={INPUT[name] + offset} (local.get $input))"


class SecondGuest(Guest):
    """Collects a plugin's constant texts and builds a plugin of the second interface."""

    def second_plugin(self, body: str, *, wasi: Iterable[str] = (), version: str = "0.2.0") -> bytes:
        """Build the plugin whose `exec` is `body`."""
        return self.plugin(body, wasi=wasi, version=version, second=True)

    def call_of(self, target: str | None, method: str, arg: bytes, *, query: bool = False, direct: bool = False, cycles: int = 0) -> str:
        """Call the canister that is synced (None), or the one named `target`; the result is at `CALL_RESULT`."""
        flags = f"(i32.const {int(query)}) (i32.const {int(direct)}) (i64.const {cycles})"
        return f"(call $canister-call {self._target(target)} {self.text(method)} {self.text(arg)} {flags} (i32.const {CALL_RESULT}))"

    def section_of(self, target: str | None, name: str, *, direct: bool = False) -> str:
        """Read a section: at `CALL_RESULT` 0 or 1 (err), at +4 whether there is one, at +8 its address and length; err has its at +4."""
        rest = f"{self.text(name)} (i32.const {int(direct)}) (i32.const {CALL_RESULT})"
        return f"(call $read-section {self._target(target)} {rest})"

    def _target(self, name: str | None) -> str:
        return "(i32.const 0) (i32.const 0) (i32.const 0)" if name is None else f"(i32.const 1) {self.text(name)}"
