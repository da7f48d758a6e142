"""The sandbox's readers on anything at all."""

import functools
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sandbox import frames
from orchestrator.sandbox.binary import NotUnderstoodError, read_outline
from orchestrator.sandbox.frames import FrameError
from orchestrator.sandbox.output import LineCapture
from tests.support.components import OK, Guest

LIMIT_64 = 2**64 - 1


@functools.cache
def plugin() -> bytes:
    """Return one plugin with many kinds of imports."""
    return Guest().plugin(OK, wasi=("stdio", "files", "sockets"))


@given(st.binary(max_size=200), st.integers(0, 255))
def test_any_body_is_a_frame_or_an_error(body: bytes, kind: int) -> None:
    """Decoding answers a frame or a FrameError, and what it accepts encodes to the same bytes."""
    try:
        frame = frames.decode(kind, body)
    except FrameError:
        return
    assert frames.encode(frame)[frames.HEADER_BYTES :] == body


@given(method=st.text(), argument=st.binary(), query=st.booleans(), direct=st.booleans(), cycles=st.integers(0, LIMIT_64))
def test_calls_cross_the_wire(method: str, argument: bytes, query: bool, direct: bool, cycles: int) -> None:  # noqa: FBT001 - hypothesis passes them by name
    """Every call comes out as it went in."""
    call = frames.Call(method=method, argument=argument, query=query, direct=direct, cycles=cycles)
    data = frames.encode(call)

    assert frames.decode(data[0], data[frames.HEADER_BYTES :]) == call


@given(position=st.integers(0, 10**9), replacement=st.binary(min_size=1, max_size=8), cut=st.integers(0, 10**9))
@settings(max_examples=300)
def test_damaged_components_are_read_or_refused(position: int, replacement: bytes, cut: int) -> None:
    """The reader of components answers an outline or says that it does not understand; nothing else comes out."""
    data = bytearray(plugin())
    start = position % len(data)
    data[start : start + len(replacement)] = replacement
    del data[8 + cut % len(data) :]
    try:
        outline = read_outline(bytes(data))
    except NotUnderstoodError:
        return
    assert len(outline.prefix) <= len(data)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6), st.integers(0, 300))
def test_lines_do_not_depend_on_the_chunks(data: bytes, cuts: list[int], cap: int) -> None:
    """However the bytes come apart, the lines are the same, and the cap falls on the same byte."""
    whole, pieces = LineCapture("stdout", cap=cap), LineCapture("stdout", cap=cap)
    whole.feed(data)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        pieces.feed(data[start:end])

    whole.finish()
    pieces.finish()

    assert whole.lines == pieces.lines
