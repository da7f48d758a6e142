"""The sandbox's readers on anything at all."""

import functools
import itertools
from pathlib import Path

import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasmtime.component import Component, ValType

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox import frames
from orchestrator.sandbox.binary import NotUnderstoodError, read_outline
from orchestrator.sandbox.compiler import compile_component
from orchestrator.sandbox.component import inspect_component
from orchestrator.sandbox.frames import Compile, Compiled, FrameError, Refused
from orchestrator.sandbox.interface import check_imports
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


@functools.cache
def plugins() -> tuple[bytes, ...]:
    """Return small plugins of different worlds, one of them with an import after a definition."""
    late = '(core module) (import "wasi:cli/stdin@0.2.0" (instance))'
    return (
        Guest().plugin(OK),
        Guest().plugin(OK, extension=True),
        Guest().plugin(OK, wasi=("stdio",), extension=True),
        Guest().plugin(OK, extra_imports=late),
    )


NAMES = (b"canister-call", b"options", b"exec", b"wasi:io/error@0.2.0", b"icp:sync-plugin/types@0.1.0", b"canister-call-batch")
OTHERS = (
    *(b"canister-cell", b"optiens", b"exek", b"wasi:io/errer@0.2.0", b"wasi:io/error@0.3.0", b"wasi:http/its@0.2.0"),
    *(b"icp:sync-plugin/types@0.2.0", b"icp:sync-plugin/types@0.3.0", b"icp:sync-plugin/typos@0.1.0", b"orchestrator-call"),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a plugin in which some bytes or names were replaced."""
    data = bytearray(draw(st.sampled_from(plugins())))
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(8, len(data) - 1))
        replacement = draw(st.binary(min_size=1, max_size=4))
        data[start : start + len(replacement)] = replacement
    name = draw(st.sampled_from(NAMES))
    other = draw(st.sampled_from([name, *(other for other in OTHERS if len(other) == len(name))]))
    return bytes(data).replace(name, other, draw(st.integers(0, 3)))


@given(damaged())
@settings(max_examples=200)
def test_the_reader_and_wasmtime_see_the_same(data: bytes) -> None:
    """What the reader understands of a valid component is what wasmtime reads: the same imports and the same exports."""
    engine = wasmtime.Engine()
    try:
        component = Component(engine, data)
        outline = read_outline(data)
    except (wasmtime.WasmtimeError, NotUnderstoodError):
        return  # nothing to compare
    assert {item.name for item in outline.imports} == set(component.type.imports(engine))
    assert set(outline.exports) == set(component.type.exports(engine))


@given(data=damaged())
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_gets_past_the_import_check(data: bytes, tmp_path: Path) -> None:
    """A component that is compiled imports what is offered and exports exec, by wasmtime's reading, whatever ours was."""
    answer = compile_component(Compile(component=data, directory=str(tmp_path), stem=f"{hash(data) & LIMIT_64:x}", wrap=True))

    assert isinstance(answer, (Compiled, Refused))
    if isinstance(answer, Refused):
        assert answer.slug.startswith("plugin/")
        return
    engine = wasmtime.Engine()
    seen = Component(engine, data).type
    assert check_imports(name for name, item in seen.imports(engine).items() if not isinstance(item.ty, ValType))
    assert "exec" in seen.exports(engine)


@given(damaged())
def test_any_component_is_inspected_or_refused(data: bytes) -> None:
    """Inspecting answers facts or a refusal of a plugin; nothing else comes out."""
    try:
        facts = inspect_component(data)
    except PluginRefusedError:
        return
    assert facts.understood == (facts.interface is not None)


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
