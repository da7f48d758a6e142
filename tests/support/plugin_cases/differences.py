"""Where this tool and icp-cli differ on purpose; the reference page on sync plugins says why."""

from tests.support.components import OK, Guest
from tests.support.plugin_cases.case import PluginCase

__all__ = ["DIFFERENCES"]


def _growing() -> bytes:
    """Grow memory to the 4 GiB that an address reaches; fail if that is refused."""
    guest = Guest()
    return guest.plugin(f"(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then {guest.error('refused')} return)) {OK}")


DIFFERENCES = (
    PluginCase(name="grow-to-4-gib", component=_growing(), slug="plugin/err", summary="plugin returned error: refused"),
    PluginCase(name="start-with-2-gib", component=Guest().plugin(OK, pages=32_768), slug="plugin/limit-memory"),
    PluginCase(
        name="text-format",
        component=b'(component (import "icp:sync-plugin/types@0.1.0" (instance)))',
        slug="plugin/not-a-component",
        theirs="no export `exec` found",
    ),
)
