"""The component around a plugin."""

import pytest
import wasmtime
from wasmtime.component import Component

from orchestrator.sandbox.binary import NotUnderstoodError, read_outline
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_BATCH_BYTES, MAX_METHOD_BYTES
from orchestrator.sandbox.wrapping import can_wrap, shim_texts, wrap
from tests.support.components import OK, Guest, assemble, component_that_returns_ok


@pytest.mark.parametrize("groups", [(), ("stdio",), ("files", "environment"), ("stdio", "sockets", "sleep")])
def test_wasmtime_accepts_it(groups: tuple[str, ...]) -> None:
    """The wrapping component is valid, imports what the plugin imports and two functions more, and exports exec."""
    plugin = Guest().plugin(OK, wasi=groups)
    engine = wasmtime.Engine()

    wrapped = Component(engine, wrap(plugin, read_outline(plugin), assemble))

    plain = Component(engine, plugin)
    assert set(wrapped.type.imports(engine)) == {*plain.type.imports(engine), "orchestrator-call", "orchestrator-call-batch"}
    assert set(wrapped.type.exports(engine)) == {"exec"}


def test_plugin_is_inside_verbatim() -> None:
    """The plugin's own bytes are not touched."""
    plugin = component_that_returns_ok()

    assert plugin in wrap(plugin, read_outline(plugin), assemble)


def test_type_imports_are_passed_on() -> None:
    """A world that uses the interface's types imports them once more by name, as binding generators write it."""
    plugin = Guest().plugin(OK, after_types='(import "sync-exec-input" (type (eq $sync-exec-input)))')

    wrapped = wrap(plugin, read_outline(plugin), assemble)

    assert Component(wasmtime.Engine(), wrapped) is not None


def test_many_types() -> None:
    """Type indices above 63 need two bytes where a value type may stand: they are signed numbers there."""
    filler = "".join(f'(type (record (field "f{number}" u8)))' for number in range(100))
    plugin = Guest().plugin(OK, extra_imports=filler)

    assert Component(wasmtime.Engine(), wrap(plugin, read_outline(plugin), assemble)) is not None


def test_without_calls_there_is_no_use() -> None:
    """A component without canister-call is not wrapped."""
    outline = read_outline(assemble('(component (import "icp:sync-plugin/types@0.1.0" (instance)))'))

    assert not can_wrap(outline)
    with pytest.raises(NotUnderstoodError):
        wrap(b"", outline, assemble)


def test_caps_are_in_the_shim() -> None:
    """The shim passes on what is within the host's caps."""
    text = "".join(shim_texts())

    for cap in (MAX_ARGUMENT_BYTES, MAX_METHOD_BYTES, MAX_BATCH_BYTES):
        assert f"(i32.const {cap})" in text
    assert "{" not in text


def test_world_of_the_extension() -> None:
    """A plugin that imports batches and options keeps these imports, and has its batches from the shim."""
    plugin = Guest().plugin(OK, extension=True)
    engine = wasmtime.Engine()

    wrapped = Component(engine, wrap(plugin, read_outline(plugin), assemble))

    assert {"canister-call", "canister-call-batch", "options", "orchestrator-call-batch"} <= set(wrapped.type.imports(engine))


SECOND_TYPES = """
  (import "icp:sync-plugin/types@0.2.0" (instance $types
    (type $target-shape (variant (case "host") (case "name" string))) (export "call-target" (type $target (eq $target-shape)))
    {request}))
  (alias export $types "{name}" (type $request))
  (import "{function}" (func (param "req" $request) (result {result})))
  (core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m))
  (alias core export $i "f" (core func $f)) (func (export "exec") (result u32) (canon lift (core func $f)))"""
CALL = SECOND_TYPES.format(
    request="""(type $call-type-shape (enum "update" "query")) (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $shape (record (field "target" $target) (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type)
      (field "direct" bool) (field "cycles" u64))) (export "canister-call-request" (type (eq $shape)))""",
    name="canister-call-request",
    function="canister-call",
    result="(result (list u8) (error string))",
)
SECTION = SECOND_TYPES.format(
    request="""(type $shape (record (field "target" $target) (field "name" string) (field "direct" bool)))
    (export "metadata-section-request" (type (eq $shape)))""",
    name="metadata-section-request",
    function="canister-metadata-section",
    result="(result (option (list u8)) (error string))",
)


@pytest.mark.parametrize(
    ("text", "ours"), [(CALL, "orchestrator-targeted-call"), (SECTION, "orchestrator-section")], ids=["calls", "sections"]
)
def test_a_part_of_the_second_interface(text: str, ours: str) -> None:
    """A component that imports one function of 0.2, and no types but that function's, gets that function's shim alone."""
    plugin = assemble(f"(component {text})")
    engine = wasmtime.Engine()

    wrapped = Component(engine, wrap(plugin, read_outline(plugin), assemble))

    assert set(wrapped.type.imports(engine)) - set(Component(engine, plugin).type.imports(engine)) == {ours}
