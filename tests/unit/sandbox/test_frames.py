"""The wire between the tool and its processes."""

import os
import struct
import threading
import tracemalloc

import pytest

from orchestrator.sandbox import frames
from orchestrator.sandbox.frames import Batch, Call, Compile, Compiled, Done, Frame, FrameError, Output, ReadSection, Refused, Reply, Start

EVERY_FRAME: tuple[Frame, ...] = (
    Compile(component=b"\0asm", directory="/cache", stem="ab", wrap=True),
    Start(
        artifact="/a",
        wrapped=False,
        parent_pid=7,
        canister_id="aaaaa-aa",
        environment="local",
        identity_principal="2vxsx-fae",
        proxy_canister_id=None,
        directories=(("dist", "/p/dist", "2049:7"), ("ü", "/p/ü", "")),
        files=(("a.txt", "text\n"),),
        options=(("level", "9"),),
        compute_ns=2**63,
        memory_bytes=1 << 30,
        api_url="http://127.0.0.1:8000/",
        gateway_url="http://localhost/",
        directory_keys=("a", "b"),
        file_keys=("ü",),
        fields=(("n", "1"),),
        canister_ids=(("backend", "aaaaa-aa"),),
    ),
    Reply(accepted=True, payload=b"\xff\0"),
    Compiled(artifact="/cache/x", wrapped=True),
    Refused(slug="plugin/x", summary="no", detail="", hint="h"),
    Output(stderr=True, data=b"\xfe"),
    Call(method="store", argument=b"DIDL\0\0", query=False, direct=True, cycles=2**64 - 1),
    Batch(count=3),
    ReadSection(target="backend", name="candid:service", direct=False),
    Done(ending="ok", text="", compute_ns=1, peak_bytes=2, linear_bytes=3, dropped_stdout=4, dropped_stderr=5),
)


def parts(frame: Frame) -> tuple[int, bytes]:
    """Encode a frame and take its header off."""
    data = frames.encode(frame)
    kind, length = frames.parse_header(data[: frames.HEADER_BYTES], len(data))
    assert length == len(data) - frames.HEADER_BYTES
    return kind, data[frames.HEADER_BYTES :]


@pytest.mark.parametrize("frame", EVERY_FRAME, ids=lambda frame: type(frame).__name__)
def test_round_trip(frame: Frame) -> None:
    """What is encoded comes back equal."""
    assert frames.decode(*parts(frame)) == frame


def test_proxy_round_trip() -> None:
    """An optional text that is there comes back too."""
    with_proxy = Start(
        artifact="",
        wrapped=True,
        parent_pid=0,
        canister_id="",
        environment="",
        identity_principal="",
        proxy_canister_id="",
        directories=(),
        files=(),
        options=(),
        compute_ns=0,
        memory_bytes=0,
    )

    assert frames.decode(*parts(with_proxy)) == with_proxy


@pytest.mark.parametrize("frame", EVERY_FRAME, ids=lambda frame: type(frame).__name__)
def test_every_cut_is_refused(frame: Frame) -> None:
    """A body with bytes missing at its end, or one too many, is no frame."""
    kind, body = parts(frame)

    for length in range(len(body)):
        with pytest.raises(FrameError):
            frames.decode(kind, body[:length])
    with pytest.raises(FrameError, match="after its last field"):
        frames.decode(kind, body + b"\0")


def test_unknown_kind() -> None:
    """A kind that nobody defined is refused by its number."""
    with pytest.raises(FrameError, match="unknown kind 99"):
        frames.decode(99, b"")


def test_bool_is_zero_or_one() -> None:
    """Other bytes than 0 and 1 are no bool."""
    with pytest.raises(FrameError, match="2 where a bool belongs"):
        frames.decode(Output.kind, b"\2\0\0\0\0")


def test_text_is_utf8() -> None:
    """A text that is not UTF-8 is refused, and not replaced."""
    with pytest.raises(FrameError, match="not UTF-8"):
        frames.decode(Compiled.kind, b"\1\0\0\0\xff\1")


def test_a_count_of_more_rows_than_there_are() -> None:
    """Four billion rows in a frame of thirty bytes end where the bytes do, and take no memory before that."""
    before_rows = b"\0" * (4 + 1 + 8 + 3 * 4 + 1)
    tracemalloc.start()
    try:
        with pytest.raises(FrameError, match="in the middle of a field"):
            frames.decode(Start.kind, before_rows + b"\xff" * 4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


def test_oversize_header() -> None:
    """A length above the receiver's cap is refused before anything is read."""
    with pytest.raises(FrameError, match="at most 10"):
        frames.parse_header(struct.pack("<BI", Output.kind, 11), 10)


def test_descriptors() -> None:
    """Frames larger than a pipe's buffer cross it, in order, and its end is an EOFError."""
    read_end, write_end = os.pipe()
    large = Output(stderr=False, data=os.urandom(1 << 20))

    def write() -> None:
        frames.write_frame(write_end, large)
        frames.write_frame(write_end, EVERY_FRAME[-1])
        os.close(write_end)

    writer = threading.Thread(target=write)
    writer.start()
    received = [frames.read_frame(read_end), frames.read_frame(read_end)]
    writer.join()

    assert received == [large, EVERY_FRAME[-1]]
    with pytest.raises(EOFError):
        frames.read_frame(read_end)
    os.close(read_end)
