"""Where this tool and icp-cli differ on purpose; `docs/reference/sync-plugins.md` says why, row by row."""

from tests.support.components import OK, BatchCall, Guest, component_that_prints, component_that_returns_ok
from tests.support.plugin_cases.case import PluginCase

__all__ = ["DIFFERENCES", "LARGE_FILE"]

LARGE_FILE = {"large.txt": bytes(17 << 20)}


def _growing() -> bytes:
    """Grow memory to the 4 GiB that an address reaches; fail if that is refused."""
    guest = Guest()
    return guest.plugin(f"(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then {guest.error('refused')} return)) {OK}")


def _opening_socket() -> bytes:
    """Create a TCP socket for IPv4; fail with the number of the error's code."""
    guest = Guest()
    return guest.plugin(
        f"(call $create-tcp (i32.const 0) (i32.const 64)) (if (result i32) (i32.load8_u (i32.const 64)) (then {guest.error('no socket')}) (else {OK}))",
        wasi=("sockets",),
    )


def _batching() -> bytes:
    guest = Guest()
    return guest.plugin(guest.batch([BatchCall()]) + OK, extension=True)


_IN_WORDS = "is not a safe relative path (no absolute paths or '..' allowed)"

DIFFERENCES = (
    PluginCase(name="grow-to-4-gib", component=_growing(), slug="plugin/err", summary="plugin returned error: refused"),
    PluginCase(name="start-with-2-gib", component=Guest().plugin(OK, pages=32_768), slug="plugin/limit-memory"),
    PluginCase(name="socket", component=_opening_socket(), slug="plugin/err", summary="plugin returned error: no socket"),
    PluginCase(name="extension", component=_batching(), theirs="component imports function `canister-call-batch`"),
    PluginCase(
        name="text-format",
        component=b'(component (import "icp:sync-plugin/types@0.1.0" (instance)))',
        slug="plugin/not-a-component",
        theirs="no export `exec` found",
    ),
    PluginCase(
        name="title",
        component=component_that_prints(stderr=b"a\x1b]0;title\x07b\n"),
        lines=("ab",),
        their_lines=("a\x1b]0;title\x07b",),
    ),
    PluginCase(
        name="large-file",
        component=component_that_returns_ok(),
        step={"files": ["large.txt"]},
        slug="plugin/file-too-large",
        summary="plugin file 'large.txt' is larger than 16 MiB",
    ),
    PluginCase(
        name="up-and-down",
        component=component_that_returns_ok(),
        step={"files": ["data/../notes.txt"]},
        slug="plugin/unsafe-path",
        summary=f"plugin file 'data/../notes.txt' {_IN_WORDS}",
    ),
)
