"""Small canisters as text, and a short way to send them messages."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import wasmtime

from orchestrator.replica.vm.api import SYSTEM_CALLS
from orchestrator.replica.vm.interface import Callback, CanisterView, Instance, Message, MessageKind, Outcome

CONTROLLER = b"\x01controller"
VIEW = CanisterView(
    id=b"\x00\x00\x00\x07", controllers=frozenset({CONTROLLER}), cycles=1_000_000, subnet_id=b"subnet", root_key=b"root key"
)
NOW = 1_700_000_000_000_000_000
COMPILE_LIMIT_SECONDS = 100


def imports(names: Iterable[str], *, wide: bool = False) -> str:
    """Return import declarations, each function under its own name as `$name`."""
    lines = []
    for name in names:
        call = SYSTEM_CALLS[name]
        parameters = " ".join(f"(param {_type(letter, wide=wide)})" for letter in call.parameters)
        results = " ".join(f"(result {_type(letter, wide=wide)})" for letter in call.result)
        lines.append(f'(import "ic0" "{name}" (func ${name} {parameters} {results}))')
    return "\n".join(lines)


def module(names: Iterable[str], body: str, *, wide: bool = False, pages: int = 1) -> bytes:
    """Return a module that imports functions of the system API, with a memory (`$memory`) and the given fields."""
    memory = f"(memory $memory {'i64 ' if wide else ''}{pages})"
    return bytes(wasmtime.wat2wasm(f"(module {imports(names, wide=wide)} {memory} {body})"))


def send(
    instance: Instance,
    entry: str | Callback,
    arg: bytes = b"",
    *,
    kind: MessageKind = MessageKind.UPDATE,
    message: Message | None = None,
    view: CanisterView = VIEW,
) -> Outcome:
    """Run one message and leave its effects uncommitted."""
    base = message or Message(kind=kind, now=NOW, caller=CONTROLLER)
    return instance.run(entry, replace(base, kind=kind, arg=arg or base.arg), view)


def compile_motoko(source: str, npm_modules: Path, kept: Path) -> bytes:
    """Compile a Motoko text with the compiler from npm and return the module; `kept` is a folder of earlier results."""
    script = Path(__file__).parent / "compile_motoko.mjs"
    compiler = (npm_modules / "motoko" / "package.json").read_bytes()
    key = hashlib.sha256(b"\0".join((source.encode(), script.read_bytes(), compiler))).hexdigest()
    output = kept / f"{key}.wasm"
    if not output.exists():
        with tempfile.TemporaryDirectory(dir=kept) as folder:
            _run_compiler(script, Path(folder), source, npm_modules).replace(output)
    return output.read_bytes()


def _run_compiler(script: Path, folder: Path, source: str, npm_modules: Path) -> Path:
    text, output = folder / "Main.mo", folder / "main.wasm"
    text.write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["node", str(script), str(text), str(output)],
        env={**os.environ, "NPM_MODULES": str(npm_modules)},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMPILE_LIMIT_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"the actor does not compile:\n{done.stderr}")
    return output


def _type(letter: str, *, wide: bool) -> str:
    return "i64" if letter == "l" or (letter == "I" and wide) else "i32"
