"""The parts of WASI 0.2 that the test plugins import, as component text, and how their functions look in core wasm.

Files and sockets have modules of their own: `wasi_files_text`, `wasi_sockets_text`.
"""

from dataclasses import dataclass

__all__ = ["WASI_GROUPS", "CoreFunction", "WasiGroup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreFunction:
    """A host function in core terms: `function` is the component function it lowers (or its alias's target), or `resource.drop $type`."""

    name: str
    function: str
    parameters: str = ""
    result: str = ""
    memory: bool = True

    @property
    def type(self) -> str:
        """Write the core function type."""
        return (f"(param {self.parameters})" if self.parameters else "") + (f"(result {self.result})" if self.result else "")

    def lowered(self) -> str:
        """Define the core function `$name-lowered`."""
        options = " (memory $memory) (realloc $realloc)" if self.memory else ""
        if self.function.startswith("resource.drop "):
            return f"  (core func ${self.name}-lowered (canon {self.function}))\n"
        if " " not in self.function:
            return f"  (core func ${self.name}-lowered (canon lower (func {self.function}){options}))\n"
        return (
            f"  (alias export {self.function} (func ${self.name}-host))\n"
            f"  (core func ${self.name}-lowered (canon lower (func ${self.name}-host){options}))\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WasiGroup:
    """Component imports and the core functions they give."""

    imports: str
    functions: tuple[CoreFunction, ...]


_STDIO = WasiGroup(
    imports="""
  (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $io-error-type))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $io-error-type (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (export "output-stream" (type $output-stream (sub resource)))
    (export "input-stream" (type $input-stream (sub resource)))
    (type $stream-error-shape (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error-shape)))
    (export "[method]output-stream.check-write"
      (func (param "self" (borrow $output-stream)) (result (result u64 (error $stream-error)))))
    (export "[method]output-stream.write"
      (func (param "self" (borrow $output-stream)) (param "contents" (list u8)) (result (result (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $output-stream)) (param "contents" (list u8)) (result (result (error $stream-error)))))
    (export "[method]input-stream.blocking-read"
      (func (param "self" (borrow $input-stream)) (param "len" u64) (result (result (list u8) (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream-type))
  (alias export $streams "input-stream" (type $input-stream-type))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream-type (type $outer-stream)) (export "output-stream" (type $stream (eq $outer-stream)))
    (export "get-stdout" (func (result (own $stream))))))
  (import "wasi:cli/stderr@0.2.0" (instance $stderr
    (alias outer 1 $output-stream-type (type $outer-stream)) (export "output-stream" (type $stream (eq $outer-stream)))
    (export "get-stderr" (func (result (own $stream))))))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $input-stream-type (type $outer-stream)) (export "input-stream" (type $stream (eq $outer-stream)))
    (export "get-stdin" (func (result (own $stream))))))
""",
    functions=(
        CoreFunction(name="get-stdout", function='$stdout "get-stdout"', result="i32", memory=False),
        CoreFunction(name="get-stderr", function='$stderr "get-stderr"', result="i32", memory=False),
        CoreFunction(name="get-stdin", function='$stdin "get-stdin"', result="i32", memory=False),
        CoreFunction(name="check-write", function='$streams "[method]output-stream.check-write"', parameters="i32 i32"),
        CoreFunction(name="write-later", function='$streams "[method]output-stream.write"', parameters="i32 i32 i32 i32"),
        CoreFunction(name="write", function='$streams "[method]output-stream.blocking-write-and-flush"', parameters="i32 i32 i32 i32"),
        CoreFunction(name="read-stdin", function='$streams "[method]input-stream.blocking-read"', parameters="i32 i64 i32"),
    ),
)

_ENVIRONMENT = WasiGroup(
    imports="""
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
""",
    functions=(
        CoreFunction(name="get-environment", function='$environment "get-environment"', parameters="i32"),
        CoreFunction(name="get-arguments", function='$environment "get-arguments"', parameters="i32"),
        CoreFunction(name="exit", function='$exit "exit"', parameters="i32", memory=False),
    ),
)

_SLEEP = WasiGroup(
    imports="""
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable-type))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable-type (type $outer-pollable)) (export "pollable" (type $pollable (eq $outer-pollable)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
""",
    functions=(
        CoreFunction(name="block", function='$poll "[method]pollable.block"', parameters="i32", memory=False),
        CoreFunction(name="after-nanoseconds", function='$clock "subscribe-duration"', parameters="i64", result="i32", memory=False),
    ),
)

_CLOCKS = WasiGroup(
    imports="""
  (import "wasi:clocks/monotonic-clock@0.2.1" (instance $steady (export "now" (func (result u64)))))
  (import "wasi:clocks/wall-clock@0.2.1" (instance $wall-clock
    (type $datetime-shape (record (field "seconds" u64) (field "nanoseconds" u32))) (export "datetime" (type $datetime (eq $datetime-shape)))
    (export "now" (func (result $datetime)))))
""",
    functions=(
        CoreFunction(name="steady-now", function='$steady "now"', result="i64", memory=False),
        CoreFunction(name="wall-now", function='$wall-clock "now"', parameters="i32"),
    ),
)

_RANDOM = WasiGroup(
    imports="""
  (import "wasi:random/random@0.2.1" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))
    (export "get-random-u64" (func (result u64)))))
  (import "wasi:random/insecure-seed@0.2.1" (instance $seed (export "insecure-seed" (func (result (tuple u64 u64))))))
""",
    functions=(
        CoreFunction(name="random-bytes", function='$random "get-random-bytes"', parameters="i64 i32"),
        CoreFunction(name="random-number", function='$random "get-random-u64"', result="i64", memory=False),
        CoreFunction(name="random-seed", function='$seed "insecure-seed"', parameters="i32"),
    ),
)


def _terminal(name: str, kind: str) -> str:
    return f"""
  (import "wasi:cli/terminal-{name}@0.2.0" (instance $terminal-{name}
    (alias outer 1 $terminal-{kind}-type (type $outer-terminal)) (export "terminal-{kind}" (type $terminal (eq $outer-terminal)))
    (export "get-terminal-{name}" (func (result (option (own $terminal)))))))"""


_TERMINAL = WasiGroup(
    imports="""
  (import "wasi:cli/terminal-input@0.2.0" (instance $terminal-input (export "terminal-input" (type (sub resource)))))
  (alias export $terminal-input "terminal-input" (type $terminal-input-type))
  (import "wasi:cli/terminal-output@0.2.0" (instance $terminal-output (export "terminal-output" (type (sub resource)))))
  (alias export $terminal-output "terminal-output" (type $terminal-output-type))"""
    + _terminal("stdin", "input")
    + _terminal("stdout", "output")
    + _terminal("stderr", "output"),
    functions=tuple(
        CoreFunction(name=f"terminal-{name}", function=f'$terminal-{name} "get-terminal-{name}"', parameters="i32")
        for name in ("stdin", "stdout", "stderr")
    ),
)

WASI_GROUPS = {
    "clocks": _CLOCKS,
    "random": _RANDOM,
    "terminal": _TERMINAL,
    "stdio": _STDIO,
    "environment": _ENVIRONMENT,
    "sleep": _SLEEP,
}
"""Groups by name; their texts use distinct identifiers, so that a plugin may have several."""
