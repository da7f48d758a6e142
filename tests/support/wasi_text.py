"""The parts of WASI 0.2 that the test plugins import, as component text, and how their functions look in core wasm."""

from dataclasses import dataclass

__all__ = ["WASI_GROUPS", "CoreFunction", "WasiGroup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreFunction:
    """A host function in core terms: `function` is the component function it lowers (or its alias's target)."""

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

_FILE_ERRORS = """
  access would-block already bad-descriptor busy deadlock quota exist file-too-large illegal-byte-sequence in-progress interrupted
  invalid io is-directory loop too-many-links message-size name-too-long no-device no-entry no-lock insufficient-memory
  insufficient-space not-directory not-empty not-recoverable unsupported no-tty no-such-device overflow not-permitted pipe read-only
  invalid-seek text-file-busy cross-device"""
_SOCKET_ERRORS = """
  unknown access-denied not-supported invalid-argument out-of-memory timeout concurrency-conflict not-in-progress would-block
  invalid-state new-socket-limit address-not-bindable address-in-use remote-unreachable connection-refused connection-reset
  connection-aborted datagram-too-large name-unresolvable temporary-resolver-failure permanent-resolver-failure"""


def _enum(names: str) -> str:
    return "(enum " + " ".join(f'"{name}"' for name in names.split()) + ")"


_FILES = WasiGroup(
    imports=f"""
  (import "wasi:filesystem/types@0.2.0" (instance $filesystem
    (export "descriptor" (type $descriptor (sub resource)))
    (type $error-shape {_enum(_FILE_ERRORS)}) (export "error-code" (type $error (eq $error-shape)))
    (type $path-shape (flags "symlink-follow")) (export "path-flags" (type $path-flags (eq $path-shape)))
    (type $open-shape (flags "create" "directory" "exclusive" "truncate")) (export "open-flags" (type $open-flags (eq $open-shape)))
    (type $flags-shape (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $flags-shape)))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $descriptor)) (param "path-flags" $path-flags)
      (param "path" string) (param "open-flags" $open-flags) (param "flags" $descriptor-flags)
      (result (result (own $descriptor) (error $error)))))
    (export "[method]descriptor.read" (func (param "self" (borrow $descriptor)) (param "length" u64) (param "offset" u64)
      (result (result (tuple (list u8) bool) (error $error)))))
    (export "[method]descriptor.write" (func (param "self" (borrow $descriptor)) (param "buffer" (list u8)) (param "offset" u64)
      (result (result u64 (error $error)))))
    (export "[method]descriptor.set-size" (func (param "self" (borrow $descriptor)) (param "size" u64) (result (result (error $error)))))
    (export "[method]descriptor.create-directory-at" (func (param "self" (borrow $descriptor)) (param "path" string)
      (result (result (error $error)))))
    (export "[method]descriptor.unlink-file-at" (func (param "self" (borrow $descriptor)) (param "path" string)
      (result (result (error $error)))))
    (export "[method]descriptor.remove-directory-at" (func (param "self" (borrow $descriptor)) (param "path" string)
      (result (result (error $error)))))
    (export "[method]descriptor.symlink-at" (func (param "self" (borrow $descriptor)) (param "old-path" string) (param "new-path" string)
      (result (result (error $error)))))
    (export "[method]descriptor.rename-at" (func (param "self" (borrow $descriptor)) (param "old-path" string)
      (param "new-descriptor" (borrow $descriptor)) (param "new-path" string) (result (result (error $error)))))))
  (alias export $filesystem "descriptor" (type $descriptor-type))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor-type (type $outer-descriptor)) (export "descriptor" (type $descriptor (eq $outer-descriptor)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
""",
    functions=(
        CoreFunction(name="get-directories", function='$preopens "get-directories"', parameters="i32"),
        CoreFunction(name="open-at", function='$filesystem "[method]descriptor.open-at"', parameters="i32 i32 i32 i32 i32 i32 i32"),
        CoreFunction(name="read-file", function='$filesystem "[method]descriptor.read"', parameters="i32 i64 i64 i32"),
        CoreFunction(name="write-file", function='$filesystem "[method]descriptor.write"', parameters="i32 i32 i32 i64 i32"),
        CoreFunction(name="set-size", function='$filesystem "[method]descriptor.set-size"', parameters="i32 i64 i32"),
        CoreFunction(
            name="create-directory", function='$filesystem "[method]descriptor.create-directory-at"', parameters="i32 i32 i32 i32"
        ),
        CoreFunction(name="unlink", function='$filesystem "[method]descriptor.unlink-file-at"', parameters="i32 i32 i32 i32"),
        CoreFunction(
            name="remove-directory", function='$filesystem "[method]descriptor.remove-directory-at"', parameters="i32 i32 i32 i32"
        ),
        CoreFunction(name="symlink", function='$filesystem "[method]descriptor.symlink-at"', parameters="i32 i32 i32 i32 i32 i32"),
        CoreFunction(name="rename", function='$filesystem "[method]descriptor.rename-at"', parameters="i32 i32 i32 i32 i32 i32 i32"),
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

_NETWORK_TYPES = """
    (alias outer 1 $network-type (type $outer-network)) (export "network" (type $network (eq $outer-network)))
    (alias outer 1 $socket-error-type (type $outer-error)) (export "error-code" (type $error (eq $outer-error)))
    (alias outer 1 $family-type (type $outer-family)) (export "ip-address-family" (type $family (eq $outer-family)))
    (alias outer 1 $address-type (type $outer-address)) (export "ip-socket-address" (type $address (eq $outer-address)))"""
_ADDRESS_PARAMETERS = "i32 " * 12


def _socket(kind: str, methods: str) -> str:
    exports = "".join(
        f"""
    (export "[method]{kind}-socket.{method}" (func (param "self" (borrow $socket)) (param "network" (borrow $network))
      (param "{parameter}" $address) (result (result (error $error)))))"""
        for method, parameter in (item.split(":") for item in methods.split())
    )
    return f"""
  (import "wasi:sockets/{kind}@0.2.0" (instance ${kind} {_NETWORK_TYPES}
    (export "{kind}-socket" (type $socket (sub resource))){exports}))
  (alias export ${kind} "{kind}-socket" (type ${kind}-socket-type))
  (import "wasi:sockets/{kind}-create-socket@0.2.0" (instance ${kind}-create {_NETWORK_TYPES}
    (alias outer 1 ${kind}-socket-type (type $outer-socket)) (export "{kind}-socket" (type $socket (eq $outer-socket)))
    (export "create-{kind}-socket" (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))"""


_SOCKETS = WasiGroup(
    imports=f"""
  (import "wasi:sockets/network@0.2.0" (instance $network-types
    (export "network" (type $network (sub resource)))
    (type $error-shape {_enum(_SOCKET_ERRORS)}) (export "error-code" (type $error (eq $error-shape)))
    (type $family-shape (enum "ipv4" "ipv6")) (export "ip-address-family" (type $family (eq $family-shape)))
    (type $v4-shape (tuple u8 u8 u8 u8)) (export "ipv4-address" (type $v4 (eq $v4-shape)))
    (type $v6-shape (tuple u16 u16 u16 u16 u16 u16 u16 u16)) (export "ipv6-address" (type $v6 (eq $v6-shape)))
    (type $v4-socket-shape (record (field "port" u16) (field "address" $v4)))
    (export "ipv4-socket-address" (type $v4-socket (eq $v4-socket-shape)))
    (type $v6-socket-shape (record (field "port" u16) (field "flow-info" u32) (field "address" $v6) (field "scope-id" u32)))
    (export "ipv6-socket-address" (type $v6-socket (eq $v6-socket-shape)))
    (type $address-shape (variant (case "ipv4" $v4-socket) (case "ipv6" $v6-socket)))
    (export "ip-socket-address" (type $address (eq $address-shape)))))
  (alias export $network-types "network" (type $network-type))
  (alias export $network-types "error-code" (type $socket-error-type))
  (alias export $network-types "ip-address-family" (type $family-type))
  (alias export $network-types "ip-socket-address" (type $address-type))
  (import "wasi:sockets/instance-network@0.2.0" (instance $instance-network
    (alias outer 1 $network-type (type $outer-network)) (export "network" (type $network (eq $outer-network)))
    (export "instance-network" (func (result (own $network))))))
  {_socket("tcp", "start-connect:remote-address start-bind:local-address")}
  {_socket("udp", "start-bind:local-address")}
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup {_NETWORK_TYPES}
    (export "resolve-address-stream" (type $stream (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $network)) (param "name" string)
      (result (result (own $stream) (error $error)))))))
""",
    functions=(
        CoreFunction(name="instance-network", function='$instance-network "instance-network"', result="i32", memory=False),
        CoreFunction(name="create-tcp", function='$tcp-create "create-tcp-socket"', parameters="i32 i32"),
        CoreFunction(name="create-udp", function='$udp-create "create-udp-socket"', parameters="i32 i32"),
        CoreFunction(
            name="tcp-connect", function='$tcp "[method]tcp-socket.start-connect"', parameters=f"i32 i32 {_ADDRESS_PARAMETERS} i32"
        ),
        CoreFunction(name="tcp-bind", function='$tcp "[method]tcp-socket.start-bind"', parameters=f"i32 i32 {_ADDRESS_PARAMETERS} i32"),
        CoreFunction(name="udp-bind", function='$udp "[method]udp-socket.start-bind"', parameters=f"i32 i32 {_ADDRESS_PARAMETERS} i32"),
        CoreFunction(name="resolve", function='$lookup "resolve-addresses"', parameters="i32 i32 i32 i32"),
    ),
)

WASI_GROUPS = {"stdio": _STDIO, "files": _FILES, "environment": _ENVIRONMENT, "sleep": _SLEEP, "sockets": _SOCKETS}
"""Groups by name; their texts use distinct identifiers, so that a plugin may have several."""
