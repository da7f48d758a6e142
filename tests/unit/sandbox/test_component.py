"""What is refused before anything of a component is compiled."""

import pytest

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.component import MAX_COMPONENT_BYTES, inspect_component
from tests.support.components import OK, Guest, assemble, component_that_returns_ok


def refusal_of(data: bytes) -> PluginRefusedError:
    """Inspect what must be refused."""
    with pytest.raises(PluginRefusedError) as caught:
        inspect_component(data)
    return caught.value


def test_a_plugin() -> None:
    """A plugin's interface, imports and exports are read."""
    facts = inspect_component(component_that_returns_ok())

    assert facts.understood
    assert facts.wrappable
    assert facts.interface == "0.1.0"
    assert facts.imports == ("icp:sync-plugin/types@0.1.0", "canister-call")
    assert facts.exports == ("exec",)
    assert facts.extension is None


def test_a_plugin_of_the_extension() -> None:
    """A plugin that uses the extension has two versions."""
    facts = inspect_component(Guest().plugin(OK, extension=True))

    assert (facts.interface, facts.extension) == ("0.1.0", "0.1.0")
    assert facts.wrappable


def test_core_module() -> None:
    """A core module is told apart from garbage, with the way to a component."""
    refusal = refusal_of(assemble('(module (func (export "exec")))'))

    assert refusal.slug == "plugin/core-module"
    assert refusal.hint is not None
    assert "wasm32-wasip2" in refusal.hint


@pytest.mark.parametrize("data", [b"", b"\0asm", b"#!/bin/sh\n", b"\0asm\x0e\0\x01\0"])
def test_no_component(data: bytes) -> None:
    """Other bytes are refused, showing how they start."""
    assert refusal_of(data).slug == "plugin/not-a-component"


def test_too_large() -> None:
    """A file of a size that no plugin has is not even read."""
    assert refusal_of(bytes(MAX_COMPONENT_BYTES + 1)).slug == "plugin/too-large"


def test_no_exec() -> None:
    """A component of the right interface without `exec` is told so."""
    text = '(component (import "icp:sync-plugin/types@0.1.0" (instance)))'

    refusal = refusal_of(assemble(text))

    assert refusal.slug == "plugin/no-exec"
    assert refusal.detail == "it exports nothing"


def test_unknown_import() -> None:
    """What the host does not offer is named."""
    refusal = refusal_of(Guest().plugin(OK, extra_imports='(import "open-door" (func (param "x" u32)))'))

    assert refusal.slug == "plugin/unknown-import"
    assert "`open-door`" in refusal.summary


def test_other_version() -> None:
    """A plugin of a later interface is named by its version."""
    assert refusal_of(Guest().plugin(OK, version="0.3.0")).slug == "plugin/interface-version"


def test_not_understood_is_no_refusal() -> None:
    """What the reader does not know is left to wasmtime: no facts, no refusal."""
    damaged = bytearray(component_that_returns_ok())
    damaged[8] = 0x7A

    assert not inspect_component(bytes(damaged)).understood
