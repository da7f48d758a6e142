"""Files that are no plugin for this host: refused before anything of them runs."""

import os
from pathlib import Path

import pytest

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.outcomes import failure_of
from tests.support.components import OK, Guest, assemble, component_that_returns_ok
from tests.support.plugin_runs import run_now

TYPES = '(import "icp:sync-plugin/types@0.1.0" (instance))'
EXEC_OF_U32 = """
  (core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m))
  (alias core export $i "f" (core func $f)) (func (export "exec") (result u32) (canon lift (core func $f)))"""


@pytest.mark.parametrize(
    ("component", "slug"),
    [
        pytest.param(b"", "plugin/not-a-component", id="empty"),
        pytest.param(os.urandom(4096), "plugin/not-a-component", id="noise"),
        pytest.param(assemble('(module (func (export "exec")))'), "plugin/core-module", id="core module"),
        pytest.param(assemble("(component)"), "plugin/no-interface", id="empty component"),
        pytest.param(assemble(f"(component {EXEC_OF_U32})"), "plugin/no-interface", id="another world"),
        pytest.param(assemble(f"(component {TYPES})"), "plugin/no-exec", id="no exec"),
        pytest.param(assemble(f"(component {TYPES} {EXEC_OF_U32})"), "plugin/interface-type", id="another exec"),
        pytest.param(assemble(f'(component {TYPES} (type $t u8) (export "exec" (type $t)))'), "plugin/interface-type", id="exec is a type"),
        pytest.param(
            assemble(f'(component {TYPES} (import "canister-call" (func (param "x" u32))) {EXEC_OF_U32})'),
            "plugin/interface-type",
            id="another canister-call",
        ),
        pytest.param(
            assemble(f'(component {TYPES} (import "canister-call-batch" (func (result (list u8)))) {EXEC_OF_U32})'),
            "plugin/interface-type",
            id="another batch",
        ),
        pytest.param(
            assemble(f'(component {TYPES} (import "options" (func (param "x" u32))) {EXEC_OF_U32})'),
            "plugin/interface-type",
            id="other options",
        ),
        pytest.param(
            assemble(f'(component {TYPES} (import "orchestrator-call" (func)) {EXEC_OF_U32})'),
            "plugin/unknown-import",
            id="the host's own function",
        ),
        pytest.param(
            assemble(f'(component {TYPES} (import "r" (type (sub resource))) {EXEC_OF_U32})'), "plugin/unknown-import", id="resource"
        ),
        pytest.param(Guest().plugin(OK, version="0.3.0"), "plugin/interface-version", id="later version"),
        pytest.param(
            Guest().plugin(OK, extra_imports='(import "wasi:http/types@0.2.0" (instance))'), "plugin/unknown-import", id="unknown import"
        ),
        pytest.param(component_that_returns_ok()[:-10], "plugin/invalid-component", id="truncated"),
        pytest.param(component_that_returns_ok() + b"\0", "plugin/invalid-component", id="longer"),
        pytest.param(
            component_that_returns_ok()[:8] + b"\x63\x00" + component_that_returns_ok()[8:],
            "plugin/invalid-component",
            id="unknown section",
        ),
    ],
)
def test_refused(component_cache: Path, component: bytes, slug: str) -> None:
    """Each kind of wrong file has its own name, an explanation and a way out; nothing was called or written."""
    run = run_now(component, component_cache)
    failure = failure_of(run.result)

    assert (run.result.outcome, run.result.slug) == ("refused", slug)
    assert isinstance(failure, PluginRefusedError)
    assert failure.hint
    assert (run.calls, run.lines) == ([], [])


def test_a_wasi_function_that_does_not_exist(component_cache: Path) -> None:
    """An interface that the host offers, with a function that it does not have, is named by wasmtime itself."""
    plugin = Guest().plugin(OK, extra_imports='(import "wasi:cli/stdin@0.2.0" (instance (export "get-future" (func))))')

    result = run_now(plugin, component_cache).result

    assert (result.outcome, result.slug) == ("refused", "plugin/unknown-import")
    assert result.detail is not None
    assert "wasi:cli/stdin@0.2.0" in result.detail


@pytest.mark.parametrize("position", range(0, 160, 16))
def test_damaged_bytes(component_cache: Path, position: int) -> None:
    """A flipped byte anywhere ends in some answer; it never hangs the tool or takes it down."""
    damaged = bytearray(component_that_returns_ok())
    damaged[position * len(damaged) // 160] ^= 0x41

    assert run_now(bytes(damaged), component_cache).result.outcome in {"ok", "err", "trap", "refused"}
