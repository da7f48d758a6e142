"""Plugins that try to reach a network: no socket comes into being, and who listens on the loopback sees nobody."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.outcomes import failure_of
from tests.support.components import OK, Guest
from tests.support.plugin_probes import RESULT, Probe
from tests.support.plugin_runs import run_now
from tests.support.wasi_sockets_text import SOCKET_ERRORS

FAMILIES = {"IPv4": 0, "IPv6": 1}
NETWORK = "(call $instance-network)"


class Listeners:
    """Sockets of every kind on the loopback: those of streams listen, those of datagrams are bound."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        """Take the sockets, none of which blocks."""
        self.sockets = sockets

    @property
    def port(self) -> int:
        """The port of the first one, by IPv4 and TCP."""
        return int(self.sockets[0].getsockname()[1])

    def insist_on_silence(self) -> None:
        """Fail if anybody connected or sent anything."""
        for each in self.sockets:
            with pytest.raises(BlockingIOError):
                each.accept() if each.type == socket.SOCK_STREAM else each.recvfrom(1)


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    """Listen on one port of the loopback by TCP and UDP, and by IPv6 where the machine has it."""
    with ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(first.getsockname())
        sockets = [first, datagrams]
        if socket.has_dualstack_ipv6():
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                sixth = stack.enter_context(socket.socket(socket.AF_INET6, kind))
                sixth.bind(("::1", first.getsockname()[1]))
                if kind == socket.SOCK_STREAM:
                    sixth.listen()
                sockets.append(sixth)
        for each in sockets:
            each.setblocking(False)
        yield Listeners(sockets)


def test_no_socket_comes_into_being(component_cache: Path, listeners: Listeners) -> None:
    """TCP and UDP sockets of both families are denied before they could be bound or connected; no name is resolved."""
    probe = Probe(SOCKET_ERRORS, wasi=("sockets",))
    for kind in ("tcp", "udp"):
        for name, family in FAMILIES.items():
            probe.attempt(f"{kind} {name}", f"(call $create-{kind} (i32.const {family}) {RESULT})", codes_at=4)
    for name in ("localhost", "127.0.0.1", "::1", "icp0.io", "icp0.io.", "", "a" * 300):
        probe.attempt(f"resolve {name}", f"(call $resolve {NETWORK} {probe.text(name)} {RESULT})", codes_at=4)

    outcomes = probe.outcomes(run_now(probe.probing_plugin(), component_cache).result)

    assert outcomes == {name: "permanent-resolver-failure" if name.startswith("resolve") else "access-denied" for name in outcomes}
    listeners.insist_on_silence()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("(call $tcp-connect {handle} {network} {address} {result})", id="connect"),
        pytest.param("(call $tcp-bind {handle} {network} {address} {result})", id="bind"),
        pytest.param("(call $tcp-listen {handle} {result})", id="listen"),
        pytest.param("(call $tcp-accept {handle} {result})", id="accept"),
        pytest.param("(call $tcp-connected {handle} {result})", id="finish connecting"),
        pytest.param("(call $udp-bind {handle} {network} {address} {result})", id="bind for datagrams"),
        pytest.param("(call $udp-stream {handle} (i32.const 1) {address} {result})", id="datagrams"),
        pytest.param("(call $udp-send {handle} (i32.const 512) (i32.const 1) {result})", id="send"),
    ],
)
def test_a_made_up_socket(component_cache: Path, listeners: Listeners, call: str) -> None:
    """A plugin that uses a handle of another kind, or a number, in place of a socket that it was never given traps."""
    address = f"(i32.const 0) (i32.const {listeners.port}) (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)" + " (i32.const 0)" * 6
    body = call.format(handle=NETWORK, network=NETWORK, address=address, result=RESULT)

    result = run_now(Guest().plugin(f"{body} {OK}", wasi=("sockets",)), component_cache).result

    assert (result.outcome, result.slug) == ("trap", "plugin/trap")
    listeners.insist_on_silence()


@pytest.mark.parametrize(
    "name", ["wasi:http/types@0.2.0", "wasi:http/outgoing-handler@0.2.3", "wasi:sockets/tcp@0.3.0", "wasi:tls/types@0.2.0-draft"]
)
def test_other_ways_to_a_network(component_cache: Path, name: str) -> None:
    """HTTP and what else might lead to a network is refused by name before anything runs."""
    result = run_now(Guest().plugin(OK, extra_imports=f'(import "{name}" (instance))'), component_cache).result

    assert (result.outcome, result.slug) == ("refused", "plugin/unknown-import")
    assert isinstance(failure_of(result), PluginRefusedError)
    assert f"`{name}`" in str(result.error)
