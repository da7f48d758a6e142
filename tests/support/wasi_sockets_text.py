"""All of WASI 0.2's sockets that a test plugin may try, as component text.

An address takes 12 core parameters: its family (0 is IPv4, 1 is IPv6), then its fields, then zeros.
"""

from tests.support.wasi_text import CoreFunction, WasiGroup

__all__ = ["SOCKETS", "SOCKET_ERRORS"]

_SOCKET_ERROR_NAMES = """
  unknown access-denied not-supported invalid-argument out-of-memory timeout concurrency-conflict not-in-progress would-block
  invalid-state new-socket-limit address-not-bindable address-in-use remote-unreachable connection-refused connection-reset
  connection-aborted datagram-too-large name-unresolvable temporary-resolver-failure permanent-resolver-failure"""
SOCKET_ERRORS = tuple(_SOCKET_ERROR_NAMES.split())
"""The names of `error-code`, in the order of the enumeration."""

_NETWORK_TYPES = """
    (alias outer 1 $network-type (type $outer-network)) (export "network" (type $network (eq $outer-network)))
    (alias outer 1 $socket-error-type (type $outer-error)) (export "error-code" (type $error (eq $outer-error)))
    (alias outer 1 $family-type (type $outer-family)) (export "ip-address-family" (type $family (eq $outer-family)))
    (alias outer 1 $address-type (type $outer-address)) (export "ip-socket-address" (type $address (eq $outer-address)))"""
_ADDRESS = "i32 " * 12
_NOTHING = "(result (result (error $error)))"
_AT_NETWORK = '(param "network" (borrow $network))'
_SELF = '(param "self" (borrow $socket))'


def _methods(kind: str, *methods: tuple[str, str, str]) -> str:
    return "".join(
        f'\n    (export "[method]{kind}-socket.{name}" (func {_SELF} {parameters} {result}))' for name, parameters, result in methods
    )


def _creating(kind: str) -> str:
    return f"""
  (alias export ${kind} "{kind}-socket" (type ${kind}-socket-type))
  (import "wasi:sockets/{kind}-create-socket@0.2.0" (instance ${kind}-create {_NETWORK_TYPES}
    (alias outer 1 ${kind}-socket-type (type $outer-socket)) (export "{kind}-socket" (type $socket (eq $outer-socket)))
    (export "create-{kind}-socket" (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))"""


_STREAMS = """
  (import "wasi:io/streams@0.2.2" (instance $socket-streams
    (export "input-stream" (type (sub resource))) (export "output-stream" (type (sub resource)))))
  (alias export $socket-streams "input-stream" (type $socket-input))
  (alias export $socket-streams "output-stream" (type $socket-output))"""
_TCP = f"""
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp {_NETWORK_TYPES}
    (alias outer 1 $socket-input (type $outer-input)) (export "input-stream" (type $input (eq $outer-input)))
    (alias outer 1 $socket-output (type $outer-output)) (export "output-stream" (type $output (eq $outer-output)))
    (export "tcp-socket" (type $socket (sub resource)))""" + _methods(
    "tcp",
    ("start-bind", f'{_AT_NETWORK} (param "local-address" $address)', _NOTHING),
    ("start-connect", f'{_AT_NETWORK} (param "remote-address" $address)', _NOTHING),
    ("finish-connect", "", "(result (result (tuple (own $input) (own $output)) (error $error)))"),
    ("start-listen", "", _NOTHING),
    ("accept", "", "(result (result (tuple (own $socket) (own $input) (own $output)) (error $error)))"),
)
_UDP = f"""
  (import "wasi:sockets/udp@0.2.0" (instance $udp {_NETWORK_TYPES}
    (export "udp-socket" (type $socket (sub resource)))
    (export "incoming-datagram-stream" (type $incoming (sub resource)))
    (export "outgoing-datagram-stream" (type $outgoing (sub resource)))
    (type $datagram-shape (record (field "data" (list u8)) (field "remote-address" (option $address))))
    (export "outgoing-datagram" (type $datagram (eq $datagram-shape)))
    (export "[method]outgoing-datagram-stream.check-send" (func (param "self" (borrow $outgoing)) (result (result u64 (error $error)))))
    (export "[method]outgoing-datagram-stream.send" (func (param "self" (borrow $outgoing)) (param "datagrams" (list $datagram))
      (result (result u64 (error $error)))))""" + _methods(
    "udp",
    ("start-bind", f'{_AT_NETWORK} (param "local-address" $address)', _NOTHING),
    ("stream", '(param "remote-address" (option $address))', "(result (result (tuple (own $incoming) (own $outgoing)) (error $error)))"),
)

SOCKETS = WasiGroup(
    imports=_STREAMS
    + f"""
  (import "wasi:sockets/network@0.2.0" (instance $network-types
    (export "network" (type $network (sub resource)))
    (type $error-shape (enum {" ".join(f'"{name}"' for name in SOCKET_ERRORS)})) (export "error-code" (type $error (eq $error-shape)))
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
  {_TCP}))
  {_creating("tcp")}
  {_UDP}))
  {_creating("udp")}
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup {_NETWORK_TYPES}
    (export "resolve-address-stream" (type $stream (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $network)) (param "name" string)
      (result (result (own $stream) (error $error)))))))
""",
    functions=(
        CoreFunction(name="instance-network", function='$instance-network "instance-network"', result="i32", memory=False),
        CoreFunction(name="create-tcp", function='$tcp-create "create-tcp-socket"', parameters="i32 i32"),
        CoreFunction(name="create-udp", function='$udp-create "create-udp-socket"', parameters="i32 i32"),
        CoreFunction(name="tcp-bind", function='$tcp "[method]tcp-socket.start-bind"', parameters=f"i32 i32 {_ADDRESS} i32"),
        CoreFunction(name="tcp-connect", function='$tcp "[method]tcp-socket.start-connect"', parameters=f"i32 i32 {_ADDRESS} i32"),
        CoreFunction(name="tcp-connected", function='$tcp "[method]tcp-socket.finish-connect"', parameters="i32 i32"),
        CoreFunction(name="tcp-listen", function='$tcp "[method]tcp-socket.start-listen"', parameters="i32 i32"),
        CoreFunction(name="tcp-accept", function='$tcp "[method]tcp-socket.accept"', parameters="i32 i32"),
        CoreFunction(name="udp-bind", function='$udp "[method]udp-socket.start-bind"', parameters=f"i32 i32 {_ADDRESS} i32"),
        CoreFunction(name="udp-stream", function='$udp "[method]udp-socket.stream"', parameters=f"i32 i32 {_ADDRESS} i32"),
        CoreFunction(name="udp-check-send", function='$udp "[method]outgoing-datagram-stream.check-send"', parameters="i32 i32"),
        CoreFunction(name="udp-send", function='$udp "[method]outgoing-datagram-stream.send"', parameters="i32 i32 i32 i32"),
        CoreFunction(name="resolve", function='$lookup "resolve-addresses"', parameters="i32 i32 i32 i32"),
    ),
)
