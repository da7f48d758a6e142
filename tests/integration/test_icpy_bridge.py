"""Scripts written with ic-py, run against the embedded network with every check on."""

from typing import Any

import anyio
import pytest

pytest.importorskip("ic", reason="ic-py is not installed: it is the extra `ic-py`")

from ic.candid import Types, encode
from ic.canister import Canister
from ic.certificate import lookup
from ic.identity import Identity as IcpyIdentity
from ic.principal import Principal as IcpyPrincipal

from orchestrator.agent.client import Client
from orchestrator.agent.icpy import VerifiedAgent, open_icpy_agent
from orchestrator.agent.management import Management
from orchestrator.agent.transport import HttpTransport
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, RejectError
from orchestrator.protocol import bls
from orchestrator.protocol.keys import Ed25519Identity
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica

EMPTY = b"DIDL\x00\x00"
INTERFACE = "service : { inc : () -> (nat32); get : () -> (nat32) query; refuse : () -> () ; missing : () -> () query; }"
KEY = "11" * 32


@pytest.fixture
def canister(replica: RunningReplica) -> str:
    """Install a counter and return its id."""

    async def install() -> Principal:
        async with HttpTransport(replica.url) as transport:
            client = Client(transport, Ed25519Identity.generate(), replica.root_key)
            management = Management(client, client)
            made = await management.provisional_create_canister(cycles=10**13)
            await management.install_code(made, counter(), EMPTY, "install")
            return made

    return str(anyio.run(install))


@pytest.mark.parametrize("identity", [None, IcpyIdentity(anonymous=True), IcpyIdentity(KEY), IcpyIdentity(KEY, type="secp256k1")], ids=type)
def test_a_canister_object_works_as_before(replica: RunningReplica, canister: str, identity: Any) -> None:
    """ic-py's `Canister` calls and queries through the verified agent, whatever identity ic-py made."""
    with open_icpy_agent(replica.url, identity=identity, root_key=replica.root_key) as agent:
        actor = Canister(agent, canister, INTERFACE)
        assert actor.get() == [100]
        assert actor.inc() == [101]
        assert actor.get() == [101]
        caller = Principal(identity.sender().bytes) if identity else Principal(b"\x04")
        assert agent._portal.call(agent._orchestrator_client.query, Principal.from_text(canister), "caller", EMPTY) == caller.raw


def test_the_interface_is_found_without_a_did_file(replica: RunningReplica, canister: str) -> None:
    """`Canister(agent, id)` alone reads the interface from the canister's metadata."""
    with open_icpy_agent(replica.url, root_key=None) as agent:
        actor = Canister(agent, canister)
        assert actor.inc() == [101]


def test_coroutines_work_and_do_not_block(replica: RunningReplica, canister: str) -> None:
    """The `_async` twins run side by side in an event loop of the script's own."""

    async def main(agent: VerifiedAgent) -> list[Any]:
        actor, answers = Canister(agent, canister, INTERFACE), []

        async def increment() -> None:
            answers.extend(await actor.inc_async())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(increment)
        answers.extend(await actor.get_async())
        return answers

    with open_icpy_agent(replica.url, root_key=replica.root_key) as agent:
        assert sorted(anyio.run(main, agent)) == [101, 102, 103, 104, 105, 105]


def test_rejects_are_errors(replica: RunningReplica, canister: str) -> None:
    """A rejected call, and a rejected query too, raise with code and text instead of looking like data."""
    with open_icpy_agent(replica.url, root_key=replica.root_key) as agent:
        actor = Canister(agent, canister, INTERFACE)
        with pytest.raises(RejectError, match="no, thank you"):
            actor.refuse()
        with pytest.raises(RejectError) as caught:
            actor.missing()
        assert caught.value.error_code == "IC0536"


def test_raw_calls_and_reads(replica: RunningReplica, canister: str) -> None:
    """The raw methods take texts and principals, return ic-py's lists, and read state that verified."""
    with open_icpy_agent(replica.url, root_key=replica.root_key) as agent:
        assert agent.update_raw(canister, "inc", encode([]), [Types.Nat32], timeout=5) == [{"type": "nat32", "value": 101}]
        assert agent.query_raw(IcpyPrincipal.from_str(canister), "get", encode([]), Types.Nat32) == [{"type": "nat32", "value": 101}]
        path = [b"canister", Principal.from_text(canister).raw, b"metadata", b"candid:service"]
        certificate = agent.read_state_raw(canister, [path])
        assert b"service" in lookup(path, certificate)


def test_a_wrong_root_key_is_refused(replica: RunningReplica, canister: str) -> None:
    """Unlike ic-py's own agent this one does not believe a network that it does not know."""
    wrong = bls.der_encode(bls.SecretKey.from_seed(b"wrong" * 8).public_key)
    with open_icpy_agent(replica.url, root_key=wrong) as agent, pytest.raises(CertificateError):
        agent.query_raw(canister, "get", encode([]), Types.Nat32)
