"""Modules that are damaged, absurd or made to exhaust the host: refused or contained, and the machine goes on."""

import contextlib
import gzip
import random
import subprocess
import sys

import pytest
import wasmtime

from orchestrator.replica.vm.binary import HEADER, encode_section, encode_unsigned
from orchestrator.replica.vm.interface import Callback, InvalidModuleError, MessageKind, Reply
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import module, send

GOOD = module(
    ["msg_reply_data_append", "msg_reply", "stable64_grow", "time"],
    """(table 3 funcref) (elem (i32.const 0) $f) (global $g (mut i32) (i32.const 1)) (global i64 (i64.const 2)) (data (i32.const 9) "data")
    (func $f (param i32) (global.set $g (local.get 0))) (func $s (drop (call $stable64_grow (i64.const 1)))) (start $s)
    (func (export "canister_query q") (call $msg_reply_data_append (i32.const 9) (i32.const 4)) (call $msg_reply))""",
)
MUTANTS = 1_500


def wat(text: str) -> bytes:
    """Return a module in binary form."""
    return bytes(wasmtime.wat2wasm(f"(module {text})"))


def test_damaged_modules_are_refused_or_run() -> None:
    """1,500 modules with flipped, lost or doubled bytes are refused with `InvalidModuleError` or behave; afterwards a good one still runs."""
    machine = WasmMachine(rollback="copying")
    chance = random.Random(7)  # noqa: S311 - repeatable, not secret
    refused = 0
    for _ in range(MUTANTS):
        raw = bytearray(GOOD)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(raw))
            match chance.randrange(3):
                case 0:
                    raw[at] = chance.randrange(256)
                case 1:
                    del raw[at]
                case _:
                    raw.insert(at, raw[at])
        try:
            instance = machine.instantiate(machine.load(bytes(raw)))
        except InvalidModuleError:
            refused += 1
            continue
        entries: list[str | Callback] = [*instance.module.info.exports, Callback(chance.randrange(5), 1)]
        for entry in entries:
            with contextlib.suppress(wasmtime.WasmtimeError):
                send(instance, entry, kind=MessageKind.INSPECT_MESSAGE)
            instance.rollback()
        instance.close()
    assert refused > MUTANTS // 4
    assert send(machine.instantiate(machine.load(GOOD)), "canister_query q", kind=MessageKind.QUERY).response == Reply(b"data")


@pytest.mark.parametrize(
    "text",
    [
        '(func (export "canister_init") (param v128))',
        '(func (export "canister_init") (result externref) (ref.null extern))',
        '(func (export "canister_update f") (param funcref))',
        '(import "ic0" "time" (func (param v128) (result i64)))',
        '(import "ic0" "time" (func (result externref)))',
    ],
)
def test_types_that_the_engine_cannot_name_are_refused(text: str) -> None:
    """Vectors and references where numbers belong are refused; asking the engine about them would end the process."""
    with pytest.raises(InvalidModuleError, match=r"type|signature"):
        WasmMachine().load(wat(text))


@pytest.mark.parametrize("kind", ["v128", "externref", "funcref", "f64"])
def test_callbacks_of_any_type_trap(kind: str) -> None:
    """A table function with a parameter that no callback has traps as one of another signature."""
    machine = WasmMachine()
    instance = machine.instantiate(machine.load(wat(f"(memory 1) (table 1 funcref) (elem (i32.const 0) $f) (func $f (param {kind}))")))
    trap = send(instance, Callback(0, 0), kind=MessageKind.REPLY_CALLBACK).trap
    assert trap is not None
    assert "unexpected signature" in trap.message


@pytest.mark.parametrize("kind", ["v128", "externref", "funcref", "f32"])
def test_exports_of_any_kind_are_harmless(kind: str) -> None:
    """Globals, tables and functions of every type may be exported under other names, and the module runs."""
    zero = {"v128": "v128.const i64x2 0 0", "f32": "f32.const 0"}.get(kind, f"ref.null {kind.removesuffix('ref')}")
    shown = "" if "ref" in zero else f'(global (export "g") {kind} ({zero}))'
    machine = WasmMachine()
    raw = wat(
        f'(import "ic0" "msg_reply" (func $r)) (table (export "t") 1 externref) {shown} (func (export "f") (param {kind})) (func (export "canister_query q") (call $r))'
    )
    assert send(machine.instantiate(machine.load(raw)), "canister_query q", kind=MessageKind.QUERY).response == Reply(b"")


@pytest.mark.parametrize(
    "raw",
    [
        HEADER + encode_section(1, encode_unsigned(2**32 - 1)),
        HEADER + encode_section(3, encode_unsigned(2**60)),
        HEADER + encode_section(6, encode_unsigned(2**32)),
        HEADER + encode_section(7, encode_unsigned(1) + encode_unsigned(2**40)),
        HEADER + bytes([1]) + encode_unsigned(2**62),
        HEADER + encode_section(3, encode_unsigned(1) + b"\0") + encode_section(1, b"\0"),
        HEADER + encode_section(1, b"\0") * 2,
        HEADER + encode_section(99, b""),
        HEADER + encode_section(8, b"\x05"),
        HEADER + encode_section(7, b"\x01\x01f\x00\x63"),
        HEADER + encode_section(5, b"\x01\x00" + encode_unsigned(65_537)),
        HEADER + encode_section(5, b"\x01\x04" + encode_unsigned(2**48)),
    ],
)
def test_absurd_numbers_are_refused_at_once(raw: bytes) -> None:
    """Counts, lengths and indices that nothing backs are refused without allocating for them."""
    with pytest.raises(InvalidModuleError):
        WasmMachine().load(raw)


def test_decompression_is_capped() -> None:
    """A gzip bomb of 200 MB is refused after 100 MiB."""
    bomb = gzip.compress(HEADER + bytes(200_000_000), compresslevel=1)
    assert len(bomb) < 2_000_000
    with pytest.raises(InvalidModuleError, match="exceeds the maximum allowed size"):
        WasmMachine().load(bomb)


@pytest.mark.parametrize(
    ("names", "body", "code"),
    [
        ([], "(loop $l (br $l))", "IC0522"),
        (["time"], "(loop $l (drop (call $time)) (br $l))", "IC0522"),
        (
            ["stable64_grow", "stable64_write"],
            "(drop (call $stable64_grow (i64.const 1))) (loop $l (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 65536)) (br $l))",
            "IC0522",
        ),
        (["msg_caller_copy"], "(loop $l (call $msg_caller_copy (i32.const 0) (i32.const 0) (i32.const 1)) (br $l))", "IC0522"),
        (["debug_print"], "(loop $l (call $debug_print (i32.const 0) (i32.const 65536)) (br $l))", "IC0522"),
        ([], "(call 0)", "IC0502"),
    ],
    ids=["loop", "host calls", "stable writes", "copies", "logs", "recursion"],
)
def test_messages_without_end_are_stopped(names: list[str], body: str, code: str) -> None:
    """Endless work of every sort ends in a trap at the limit of inspecting a message (200 million instructions)."""
    machine = WasmMachine()
    function = f'(func $endless (export "f") {body.replace("call 0", "call $endless")})'
    instance = machine.instantiate(machine.load(module(names, function)))
    trap = send(instance, "f", kind=MessageKind.INSPECT_MESSAGE).trap
    assert trap is not None
    assert trap.error_code == code
    instance.rollback()


def test_growth_stops_at_the_limits() -> None:
    """Main memory ends at 4 GiB, that of 64 bits at 6 GiB; a canister that asks for more gets -1, and may ask for less."""
    machine = WasmMachine()
    for wide, pages in ((False, 65_536), (True, 98_304)):
        kind = "i64" if wide else "i32"
        body = f"""(func (export "f") ({kind}.store ({kind}.const 0) (memory.grow ({kind}.const {pages})))
          ({kind}.store ({kind}.const 8) (memory.grow ({kind}.const -1))) ({kind}.store ({kind}.const 16) (memory.grow ({kind}.const {pages - 1})))
          (call $debug_print ({kind}.const 0) ({kind}.const 24)))"""
        instance = machine.instantiate(machine.load(module(["debug_print"], body, wide=wide)))
        (line,) = send(instance, "f").logs
        size = 8 if wide else 4
        assert [line[at : at + size] for at in (0, 8, 16)] == [b"\xff" * size, b"\xff" * size, (1).to_bytes(size, "little")]
        assert instance.memory_bytes == pages * 65_536
        instance.rollback()
        assert instance.memory_bytes == 65_536
        instance.close()


def test_tables_are_as_large_as_the_limit_at_most() -> None:
    """A module that declares a table beyond a million elements cannot be instantiated."""
    machine = WasmMachine()
    machine.instantiate(machine.load(wat("(table 1000000 funcref)"))).close()
    with pytest.raises(InvalidModuleError, match="table"):
        machine.instantiate(machine.load(wat("(table 1000001 funcref)")))


def test_engine_settings_do_not_end_the_process() -> None:
    """Making every kind of machine in a process of its own succeeds: a wrong setting would abort it."""
    script = "from orchestrator.replica.vm.machine import WasmMachine\nfor b in ('native', 'portable'):\n    WasmMachine(bindings=b, compiler='cranelift').load(b'\\0asm\\1\\0\\0\\0')\nWasmMachine().load(b'\\0asm\\1\\0\\0\\0')"
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
