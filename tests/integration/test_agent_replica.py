"""The client against the embedded network over real HTTP: every identity, every endpoint, every check on."""

import hashlib

import anyio
import pytest

from orchestrator.agent.chunks import CHUNK_BYTES, needs_chunks
from orchestrator.agent.client import Client, fetch_network_status
from orchestrator.agent.management import Management
from orchestrator.agent.transport import HttpTransport
from orchestrator.agent.values import CanisterSettings
from orchestrator.candid import decode, encode, types
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, RejectError
from orchestrator.protocol import bls
from orchestrator.protocol.envelope import sign_delegation
from orchestrator.protocol.keys import DelegatedIdentity, Ed25519Identity, Identity, Prime256v1Identity, Secp256k1Identity
from tests.support.replica_modules import INTERFACE, SECRET, counter
from tests.support.replica_process import RunningReplica

pytestmark = pytest.mark.anyio
EMPTY = b"DIDL\x00\x00"
OWNER = Secp256k1Identity.from_seed(b"\x11" * 32)
SESSION = Prime256v1Identity.from_seed(b"\x12" * 32)
DELEGATION = sign_delegation(OWNER, SESSION.public_key_der, expiration_ns=1 << 62)
IDENTITIES: list[Identity] = [
    Ed25519Identity.generate(),
    Secp256k1Identity.generate(),
    Prime256v1Identity.generate(),
    DelegatedIdentity(public_key_der=OWNER.public_key_der, session=SESSION, delegations=(DELEGATION,)),
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Run coroutines on asyncio, as the command does."""
    return "asyncio"


def number(reply: bytes) -> object:
    """Return the nat32 of a reply."""
    return decode(reply, [types.NAT32])[0]


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: type(identity).__name__)
async def test_create_install_update_query(replica: RunningReplica, identity: Identity) -> None:
    """Each scheme, and a delegated session, makes a canister of its own and uses it."""
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, identity, replica.root_key)
        management = Management(client, client)
        canister = await management.provisional_create_canister(cycles=10**13)
        await management.install_code(canister, counter(), EMPTY, "install")
        assert number(await client.query(canister, "get", EMPTY)) == 100
        assert number(await client.update(canister, "inc", EMPTY)) == 101
        assert number(await client.query(canister, "get", EMPTY)) == 101
        assert await client.query(canister, "caller", EMPTY) == identity.principal.raw
        info = await client.read_canister_info(canister)
        assert info is not None
        assert info.module_hash == hashlib.sha256(counter()).digest()
        assert info.controllers == (identity.principal,)
        assert await client.read_metadata(canister, "candid:service") == INTERFACE.encode()
        assert await client.read_metadata(canister, "secret") == SECRET.encode()
        assert await client.read_metadata(canister, "nothing") is None


async def test_the_whole_life_of_a_canister(replica: RunningReplica) -> None:
    """Settings, status, upgrade, stop, start, snapshot, delete: everything that deploying needs works over HTTP."""
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, OWNER, replica.root_key)
        management = Management(client, client)
        settings = CanisterSettings(freezing_threshold=1000, environment_variables={"A": "b"})
        canister = await management.provisional_create_canister(cycles=10**13, settings=settings)
        await management.update_settings(
            canister, CanisterSettings(controllers=(OWNER.principal, SESSION.principal), log_visibility="public")
        )
        await management.install_code(canister, counter(), EMPTY, "install")
        await client.update(canister, "inc", EMPTY)
        await management.install_code(canister, counter(), EMPTY, "upgrade")
        assert number(await client.query(canister, "get", EMPTY)) == 101
        await management.stop_canister(canister)
        for status in (await management.canister_status(canister), await management.query_canister_status(canister)):
            assert (status.state, status.module_hash) == ("stopped", hashlib.sha256(counter()).digest())
            assert status.settings.controllers == {OWNER.principal, SESSION.principal}
            assert (status.settings.freezing_threshold, status.settings.log_visibility) == (1000, "public")
            assert status.settings.environment_variables == {"A": "b"}
            assert status.cycles > 0
        await management.start_canister(canister)
        await management.provisional_top_up_canister(canister, 10**12)
        assert (await management.query_canister_status(canister)).state == "running"
        await management.stop_canister(canister)
        await management.uninstall_code(canister)
        await management.delete_canister(canister)
        assert await client.read_canister_info(canister) is None


async def test_a_large_module_goes_in_chunks(replica: RunningReplica) -> None:
    """A module of 3 MiB is uploaded in chunks and installed."""
    padding = b"\x07padding" + bytes(3 * CHUNK_BYTES)
    size = len(padding)
    section = b"\x00" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21]) + padding
    module = counter() + section
    assert needs_chunks(module, EMPTY)
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, OWNER, replica.root_key)
        management = Management(client, client)
        canister = await management.provisional_create_canister(cycles=10**14)
        await management.install_code(canister, module, EMPTY, "install")
        assert number(await client.query(canister, "get", EMPTY)) == 100
        assert (await management.query_canister_status(canister)).module_hash == hashlib.sha256(module).digest()


@pytest.mark.parametrize(
    ("method", "error_code"), [("refuse", "IC0406"), ("inc_and_trap", "IC0503"), ("silence", "IC0506"), ("nothing", "IC0536")]
)
async def test_rejects_carry_their_codes(replica: RunningReplica, method: str, error_code: str) -> None:
    """What a canister refuses, traps on, or does not have arrives as a reject with its code and a hint."""
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, OWNER, replica.root_key)
        management = Management(client, client)
        canister = await management.provisional_create_canister(cycles=10**13)
        await management.install_code(canister, counter(), EMPTY, "install")
        with pytest.raises(RejectError) as caught:
            await client.update(canister, method, EMPTY)
        assert caught.value.error_code == error_code
        assert number(await client.query(canister, "get", EMPTY)) == 100


async def test_others_are_kept_out(replica: RunningReplica) -> None:
    """Somebody who is not a controller is told so, for calls and for the status as a query."""
    async with HttpTransport(replica.url) as transport:
        owner = Client(transport, OWNER, replica.root_key)
        canister = await Management(owner, owner).provisional_create_canister(cycles=10**13)
        stranger = Client(transport, SESSION, replica.root_key)
        management = Management(stranger, stranger)
        for refused, code in (
            (management.install_code(canister, counter(), EMPTY, "install"), "IC0512"),
            (management.query_canister_status(canister), "IC0542"),
            (management.delete_canister(canister), "IC0512"),
        ):
            with pytest.raises(RejectError) as caught:
                await refused
            assert caught.value.error_code == code
            assert "--identity" in str(caught.value.hint)


async def test_many_calls_at_once(replica: RunningReplica) -> None:
    """A hundred concurrent updates are a hundred executions over a few connections."""
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, OWNER, replica.root_key)
        management = Management(client, client)
        canister = await management.provisional_create_canister(cycles=10**13)
        await management.install_code(canister, counter(), EMPTY, "install")
        replies: list[object] = []

        async def increment() -> None:
            replies.append(number(await client.update(canister, "inc", EMPTY)))

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(increment)
    assert sorted(replies, key=str) == sorted(range(101, 201), key=str)


async def test_a_call_is_executed_once_however_often_it_is_sent(replica: RunningReplica) -> None:
    """The same signed call, submitted three times, is one execution with one reply."""
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, OWNER, replica.root_key)
        management = Management(client, client)
        canister = await management.provisional_create_canister(cycles=10**13)
        await management.install_code(canister, counter(), EMPTY, "install")
        signed = client.prepare_update(canister, "inc", EMPTY)
        assert [number(await client.submit(signed, canister)) for _ in range(3)] == [101, 101, 101]
        status = await client.fetch_request_status(signed.request_id, canister)
        assert status.reply is not None
        assert number(status.reply) == 101


async def test_the_root_key_of_another_network_is_refused(replica: RunningReplica) -> None:
    """With a wrong root key nothing is believed: neither reads nor queries."""
    wrong = bls.der_encode(bls.SecretKey.from_seed(b"wrong" * 8).public_key)
    async with HttpTransport(replica.url) as transport:
        status = await fetch_network_status(transport)
        assert status.root_key == replica.root_key
        assert status.healthy
        client = Client(transport, OWNER, wrong)
        with pytest.raises(CertificateError) as caught:
            await client.read_canister_info(Principal.from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai"))
        assert "root key" in str(caught.value.hint)
        right = Client(transport, OWNER, replica.root_key)
        management = Management(right, right)
        canister = await management.provisional_create_canister(cycles=10**13)
        await management.install_code(canister, counter(), encode([], []), "install")
        with pytest.raises(CertificateError):
            await client.query(canister, "get", EMPTY)
