"""Instrumenting modules: what is added, what is taken out, what is refused."""

import gzip

import pytest
import wasmtime

from orchestrator.replica.vm.binary import HEADER, encode_name, encode_section, encode_unsigned
from orchestrator.replica.vm.interface import InvalidModuleError
from orchestrator.replica.vm.limits import MAX_CUSTOM_SECTIONS, MAX_WASM_BYTES
from orchestrator.replica.vm.wasm import instrument, unpack


def wat(text: str) -> bytes:
    """Return a module in binary form."""
    return bytes(wasmtime.wat2wasm(f"(module {text})"))


def custom(name: str, content: bytes) -> bytes:
    """Return a custom section."""
    return encode_section(0, encode_name(name) + content)


def exports(code: bytes) -> dict[str, str]:
    """Return names and kinds of the exports as the engine sees them."""
    return {export.name: type(export.type).__name__ for export in wasmtime.Module(wasmtime.Engine(), code).exports}


def test_memory_table_and_mutable_globals_are_exported() -> None:
    """What a rollback must reach gets an export; immutable globals do not, and the module's own exports stay."""
    result = instrument(
        wat(
            '(memory 1) (table 1 funcref) (global (mut i32) (i32.const 1)) (global i32 (i32.const 2)) (global (mut f64) (f64.const 0)) (func (export "f"))'
        )
    )
    found = exports(result.code)
    assert (result.memory, result.callback, result.start) == ("orchestrator:memory", "orchestrator:callback", None)
    assert result.globals == ("orchestrator:global0", "orchestrator:global2")
    assert found == {
        "f": "FuncType",
        "orchestrator:memory": "MemoryType",
        "orchestrator:callback": "FuncType",
        "orchestrator:global0": "GlobalType",
        "orchestrator:global2": "GlobalType",
    }
    assert result.info.exports == {"f"}


def test_start_function_becomes_an_export() -> None:
    """Making an instance does not run the start function; it can be called by its export."""
    result = instrument(wat("(func $s unreachable) (start $s)"))
    store = wasmtime.Store(wasmtime.Engine())
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, result.code), [])
    assert result.info.has_start
    assert result.start in instance.exports(store)


def test_module_without_anything_gets_an_export_section() -> None:
    """An empty module stays valid."""
    assert exports(instrument(HEADER).code) == {}


def test_names_that_are_taken_are_avoided() -> None:
    """A module that exports our names already gets others."""
    result = instrument(wat('(memory (export "orchestrator:memory") 1)'))
    assert result.memory == ":orchestrator:memory"
    assert set(exports(result.code)) == {"orchestrator:memory", ":orchestrator:memory"}


def test_constant_expressions_of_every_kind_are_passed_over() -> None:
    """Globals are found behind initializers of every type and extended constants."""
    text = """(import "ic0" "time" (func (result i64))) (func $f)
        (global i64 (i64.const -1)) (global f32 (f32.const nan)) (global v128 (v128.const i64x2 1 2))
        (global i32 (i32.add (i32.const 1) (i32.const 300)))
        (global (mut i64) (i64.const 5)) (func (export "g") (drop (global.get 4)))"""
    assert instrument(wat(text)).globals == ("orchestrator:global4",)


def test_metadata_is_collected_and_custom_sections_are_dropped() -> None:
    """`icp:` sections become metadata; neither they nor others reach the engine."""
    raw = wat("") + custom("icp:public candid:service", b"service : {}") + custom("icp:private notes", b"secret") + custom("name", b"\0")
    result = instrument(raw)
    assert {name: (section.public, section.content) for name, section in result.info.metadata.items()} == {
        "candid:service": (True, b"service : {}"),
        "notes": (False, b"secret"),
    }
    assert b"secret" not in result.code


def test_memory_width_is_reported() -> None:
    """A 64-bit memory makes a 64-bit canister; none or a 32-bit memory a 32-bit one."""
    assert instrument(wat("(memory i64 1)")).info.memory64
    assert not instrument(wat("(memory 1)")).info.memory64
    assert not instrument(wat("")).info.memory64


def test_gzip_is_unpacked() -> None:
    """A compressed module is the module, in one gzip member or several."""
    raw = wat("(memory 1)")
    assert unpack(gzip.compress(raw)) == raw
    assert unpack(gzip.compress(raw[:10]) + gzip.compress(raw[10:])) == raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "unsupported canister module format"),
        (b"(module)", "unsupported canister module format"),
        (b"\0asm", "version"),
        (b"\0asm\x02\0\0\0", "version"),
        (HEADER + b"\x01\x7f", "unexpected end"),
        (HEADER + b"\x01" + b"\xff" * 11, "too long"),
        (gzip.compress(HEADER, mtime=0)[:-4], "ends early"),
        (b"\x1f\x8b\x08 not gzip at all", "failed to decode compressed Wasm module"),
        (gzip.compress(bytes(MAX_WASM_BYTES + 1), compresslevel=1, mtime=0), "exceeds"),
        (wat('(import "env" "m" (memory 1))'), "not a function"),
        (wat("(memory 1) (memory 1)"), "2 memories"),
        (wat("(memory 1 1 shared)"), "shared"),
        (wat("(global (mut funcref) (ref.null func))"), "Unsupported global type"),
        (wat("(global externref (ref.null extern))"), "Unsupported global type"),
        (wat("(memory 1) (data (i32.add (i32.const 1) (i32.const 2)) (i8 1))"), "offset expression in data segment for 32bit memory"),
        (wat("(memory i64 1) (global i64 (i64.const 1)) (data (global.get 0) (i8 1))"), "data segment for 64bit memory"),
        (wat("(memory i64 1 98305)"), "98305 pages"),
        (HEADER + encode_section(10, encode_unsigned(0) + bytes(12 * 1024 * 1024)), "code section size of 12582913 exceeds"),
        (wat('(func (export "canister_update a")) (func (export "canister_query a"))'), "Duplicate function 'a' exported multiple times"),
        (wat('(func (export "canister_foo"))'), "canister_foo"),
        (wat('(func (export "canister_init") (param i64))'), r"Expected input params \[\] for 'canister_init', got \[I64\]"),
        (wat('(import "ic0" "time" (func (result i32)))'), r"Expected return type \[I64\] for 'time', got \[I32\]"),
        (wat('(import "env" "time" (func (result i64)))'), r'imports function "time" from "env", expected to be imported from one of'),
        (wat('(import "ic0" "tyme" (func))'), "Module imports function 'tyme' from 'ic0' that is not exported by the runtime"),
        (wat('(func (export "canister_update ' + "n" * 20_001 + '"))'), "is 20001 which exceeds the allowed limit of 20000"),
        (wat("".join(f'(func (export "canister_query {index}"))' for index in range(1_001))), "is 1001 which exceeds 1000"),
        (wat("(global i32 (i32.const 0))" * 1_001), "defined 1001 globals"),
        (wat("(func)" * 50_001), "defined 50001 functions"),
        (HEADER + custom("icp:secret x", b""), "no public/private scope"),
        (HEADER + custom("icp:public", b""), "must have a space"),
        (HEADER + custom("icp:public x", b"") + custom("icp:private x", b""), "name x already exists"),
        (HEADER + b"".join(custom(f"icp:public {index}", b"") for index in range(MAX_CUSTOM_SECTIONS + 1)), "defined 17 custom sections"),
        (HEADER + custom("icp:public x", bytes(1024 * 1024)), "total size of the custom sections exceeds"),
        (HEADER + encode_section(0, encode_unsigned(2) + b"\xff\xfe"), "UTF-8"),
    ],
)
def test_what_no_canister_can_be_is_refused(raw: bytes, reason: str) -> None:
    """Each breach of the specification's requirements is refused with its reason."""
    with pytest.raises(InvalidModuleError, match=reason):
        instrument(raw)
