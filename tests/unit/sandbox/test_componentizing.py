"""Core modules that become plugins without any other tool."""

from pathlib import Path

import pytest
from wasmtime import wat2wasm

from orchestrator.errors import BuildError
from orchestrator.sandbox.component import inspect_component
from orchestrator.sandbox.componentizing import componentize
from orchestrator.sandbox.core_imports import INTERFACES, ROOT, canonical_module
from tests.support.core_modules import EXEC_TYPE, SILENT, core_module
from tests.support.plugin_runs import run_now

CALL = """
  (import "$root" "canister-call" (func $call (param i32 i32 i32 i32 i32 i32 i64 i32)))
  (data (i32.const 128) "put") (data (i32.const 256) "DIDL\\00\\00")
"""
CALLS = f"""
  (func (export "exec") {EXEC_TYPE}
    (call $call (i32.const 128) (i32.const 3) (i32.const 256) (i32.const 6) (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 80))
    (i32.const 64))
"""


def all_imports() -> str:
    """Write an import of everything that a core module may import."""
    return "\n".join(
        f'(import "{interface.name}" "{name}" (func (param {" ".join(function.parameters)}) (result {" ".join(function.results)})))'
        for interface in INTERFACES
        for name, function in interface.functions.items()
    )


def refusal(core: bytes) -> BuildError:
    """Return the error of a module that cannot become a plugin."""
    with pytest.raises(BuildError) as caught:
        componentize(core)
    return caught.value


def test_a_module_without_imports_is_a_plugin(component_cache: Path) -> None:
    """Such a plugin runs, does nothing, and asks for nothing but the interface's types."""
    component = componentize(core_module())

    assert inspect_component(component).imports == ("icp:sync-plugin/types@0.1.0",)
    assert run_now(component, component_cache).result.outcome == "ok"


def test_a_call_reaches_the_host_by_the_fast_path(component_cache: Path) -> None:
    """The lowered function gets the memory and the allocator of the module, and the component can be wrapped."""
    component = componentize(core_module(CALL, CALLS))
    run = run_now(component, component_cache)

    assert inspect_component(component).wrappable
    assert run.result.outcome == "ok"
    assert [(call.method, call.arg, call.call_type) for call in run.calls] == [("put", b"DIDL\0\0", "query")]


def test_all_that_is_offered_can_be_imported_together(component_cache: Path) -> None:
    """Every function of the table links against the host, as the types there say."""
    component = componentize(core_module(all_imports()))

    assert inspect_component(component).extension == "0.1.0"
    assert run_now(component, component_cache).result.outcome == "ok"


def test_each_import_stands_alone() -> None:
    """Whatever one function needs of other interfaces comes with it."""
    pairs = [(interface, name) for interface in INTERFACES for name in interface.functions]
    for interface, name in pairs:
        function = interface.functions[name]
        line = f'(import "{interface.name}" "{name}" (func (param {" ".join(function.parameters)}) (result {" ".join(function.results)})))'
        facts = inspect_component(componentize(core_module(line)))
        assert facts.understood, name
        assert (interface.name if interface.name != ROOT else name) in facts.imports
    assert len(pairs) > 10


def test_only_the_extension_makes_a_plugin_of_this_host_alone() -> None:
    """A plugin that makes single calls stays one that any host runs."""
    assert inspect_component(componentize(core_module(CALL, CALLS))).extension is None


def test_a_library_is_set_up_before_the_plugin_runs(component_cache: Path) -> None:
    """`_initialize` runs once the host's functions are there, and may call them."""
    sets_up = """
      (global $ready (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $ready (i32.const 1)))
    """
    fails_unless_ready = f'(func (export "exec") {EXEC_TYPE} (if (i32.eqz (global.get $ready)) (then (unreachable))) (i32.const 64))'

    run = run_now(componentize(core_module(after=sets_up + fails_unless_ready)), component_cache)

    assert run.result.outcome == "ok"


def test_memory_is_given_back_after_the_result_was_read(component_cache: Path) -> None:
    """`cabi_post_exec` is called with what `exec` answered: this one traps on just that."""
    gives_back = '(func (export "cabi_post_exec") (param i32) (if (i32.eq (local.get 0) (i32.const 64)) (then (unreachable))))'

    run = run_now(componentize(core_module(after=SILENT + gives_back)), component_cache)

    assert run.result.outcome == "trap"


def test_the_same_module_gives_the_same_plugin() -> None:
    """Nothing of the moment or the machine gets into a component."""
    core = core_module(all_imports())

    assert componentize(core) == componentize(core)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.2.0", "wasi:cli/stdout@0.2.0"), ("0.2.12", "wasi:cli/stdout@0.2.0"), ("0.3.0", "wasi:cli/stdout@0.3.0")],
)
def test_patches_of_wasi_are_alike(version: str, expected: str) -> None:
    """A module may name any patch of WASI 0.2, and no other version."""
    assert canonical_module(f"wasi:cli/stdout@{version}") == expected


@pytest.mark.parametrize(
    ("core", "slug", "text"),
    [
        pytest.param(b"", "componentize/not-a-module", "does not start", id="empty"),
        pytest.param(b"\0asm\x0d\0\x01\0", "componentize/not-a-module", "a component already", id="component"),
        pytest.param(b"\0asm\x01\0\0\0\xff", "componentize/not-a-module", "", id="broken"),
        pytest.param(bytes(wat2wasm("(module)")), "componentize/export", "it exports nothing", id="nothing-exported"),
        pytest.param(
            core_module().replace(b"\x05\x03\x01\x00\x01", b"\x05\x03\x01\x04\x01"),
            "componentize/export",
            "it exports `memory`",
            id="memory64",
        ),
        pytest.param(core_module(after=""), "componentize/export", "it exports `memory`, `cabi_realloc`", id="no-exec"),
        pytest.param(
            core_module(after='(func (export "exec") (result i32) (i32.const 0))'),
            "componentize/export",
            "it is () -> (i32)",
            id="exec-type",
        ),
        pytest.param(
            core_module(after='(global (export "exec") i32 (i32.const 0))'), "componentize/export", "it is not a function", id="exec-global"
        ),
        pytest.param(
            core_module('(import "$root" "canister-call" (func (param i32)))'), "componentize/import", "it is (i32) -> ()", id="call-type"
        ),
        pytest.param(
            core_module('(import "wasi:http/outgoing-handler@0.2.0" "handle" (func))'),
            "componentize/import",
            "offered are $root",
            id="http",
        ),
    ],
)
def test_what_cannot_be_a_plugin_is_refused(core: bytes, slug: str, text: str) -> None:
    """The error says what is wrong and what would be right."""
    error = refusal(core)

    assert error.slug == slug
    assert text in (error.detail or "")
    assert error.hint


@pytest.mark.parametrize(
    ("module", "hint"), [("wasi_snapshot_preview1", "printf"), ("env", "define the function"), ("wasi:http/types@0.2.0", "wasm-tools")]
)
def test_the_hint_fits_the_import(module: str, hint: str) -> None:
    """A C library's input and output, a forgotten object and a foreign interface need different advice."""
    assert hint in (refusal(core_module(f'(import "{module}" "f" (func))')).hint or "")
