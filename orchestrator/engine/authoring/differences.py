"""Says how a call that was asked for differs from the one that was recorded."""

from collections.abc import Callable, Sequence
from difflib import unified_diff
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from orchestrator.engine.authoring.methods import Methods
from orchestrator.sandbox.reports import message_text
from orchestrator.sandbox.request import CanisterCallRequest

if TYPE_CHECKING:
    from orchestrator.candid.types import Type
    from orchestrator.engine.authoring.recording import RecordedCall

__all__ = ["describe_difference"]

MAX_LINES: Final = 40
"""Lines of a difference that are shown."""
MAX_COLUMNS: Final = 200
"""Characters of a line that are shown, around the first that differs."""
MAX_TEXT_BYTES: Final = 64 << 10
"""Bytes of a message that is compared as Candid text; longer ones are compared as hex, around the first difference."""
_AROUND_BYTES: Final = 16
_NO_METHODS: Final[Methods] = MappingProxyType({})


def describe_difference(asked: CanisterCallRequest | None, recorded: "RecordedCall | None", methods: Methods = _NO_METHODS) -> str:
    """Return lines with `-` for what was recorded and `+` for what was asked; what is the same is said once."""
    old = None if recorded is None else recorded.arg
    new = None if asked is None else asked.arg
    method = recorded.method if recorded is not None else asked.method if asked is not None else ""
    function = methods.get(method)
    show = _choose_form(old, new, None if function is None else function.arguments)
    before = [] if recorded is None else [_head(recorded.method, recorded.type, recorded.cycles, recorded.target, direct=recorded.direct)]
    after = [] if asked is None else [_head(asked.method, asked.call_type, asked.cycles, asked.target, direct=asked.direct)]
    before += [] if old is None else show(old)
    after += [] if new is None else show(new)
    lines = list(unified_diff(before, after, n=MAX_LINES, lineterm=""))[3:]
    shown = _windowed(lines[:MAX_LINES])
    return "\n".join([*shown, *([f"… {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else [])])


def _head(method: str, kind: str, cycles: int, target: str | None, *, direct: bool) -> str:
    return ", ".join(
        [
            f"{kind} {method}",
            *([f"of {target}"] if target is not None else []),
            *(["direct"] if direct else []),
            *([f"with {cycles} cycles"] if cycles else []),
        ]
    )


def _choose_form(old: bytes | None, new: bytes | None, types: "Sequence[Type] | None") -> Callable[[bytes], list[str]]:
    """Return how to write both arguments so that their difference can be seen: as Candid text, else as hex."""
    present = [data for data in (old, new) if data is not None]
    if len(present) == 2 and max(len(data) for data in present) > MAX_TEXT_BYTES:
        start = max(0, _first_difference(*present) - _AROUND_BYTES)
        return lambda data: [f"{len(data)} bytes, from byte {start}: {data[start : start + 2 * _AROUND_BYTES].hex()}…"]
    texts = {data: message_text(data, types) if len(data) <= MAX_TEXT_BYTES else None for data in present}
    if None not in texts.values() and len(set(texts.values())) == len(texts):
        return lambda data: (texts[data] or "").splitlines()
    return lambda data: [f"hex {data.hex()}"]


def _first_difference(old: bytes | str, new: bytes | str) -> int:
    return next((index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new)))


def _windowed(lines: list[str]) -> list[str]:
    """Cut long lines to where the first `-` line and the first `+` line differ."""
    removed = next((line[1:] for line in lines if line.startswith("-")), "")
    added = next((line[1:] for line in lines if line.startswith("+")), "")
    longest = max((len(line) for line in lines), default=0)
    start = max(0, _first_difference(removed, added) - MAX_COLUMNS // 4) if removed and added and longest > MAX_COLUMNS else 0
    return [_cut(line, start if line[:1] in {"-", "+"} else 0) for line in lines]


def _cut(line: str, start: int) -> str:
    mark, text = line[:1], line[1:]
    before = "…" if start else ""
    after = "…" if len(text) - start > MAX_COLUMNS else ""
    return f"{mark}{before}{text[start : start + MAX_COLUMNS]}{after}"
