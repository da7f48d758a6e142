"""The state tree: what it certifies, when it changes, and who may be a canister."""

from orchestrator.core.principal import Principal
from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import Certificate, decode_leb128, verify_certificate
from orchestrator.protocol.hash_tree import Absent, Found, Unknown
from orchestrator.replica import limits
from orchestrator.replica.certified_state import CANISTER_RANGES, CERTIFICATE_REUSE_NS, encode_natural, is_in_ranges
from orchestrator.replica.requests import RequestStore
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.vm.interface import Section
from tests.support.scripted_machine import Run
from tests.support.scripted_network import OWNER, SECOND, STRANGER, ScriptedNetwork


def certified(network: ScriptedNetwork, *paths: tuple[bytes, ...]) -> Certificate:
    """Return a verified certificate of these paths."""
    keys = network.replica.keys
    return verify_certificate(
        network.replica.certificate(paths), root_key_der=keys.root_key, now_ns=network.time.now, subnet_id=Principal(keys.subnet_id)
    )


def test_a_certificate_shows_the_time_and_what_was_asked() -> None:
    """Time is always there; what was not asked for is not shown."""
    network = ScriptedNetwork()
    canister = network.create()
    seen = certified(network, (b"canister", canister.raw, b"controllers"))
    controllers = seen.lookup([b"canister", canister.raw, b"controllers"])
    assert isinstance(controllers, Found)
    assert cbor.loads(controllers.value) == [OWNER.raw]
    assert seen.lookup([b"canister", canister.raw, b"certified_data"]) == Unknown()
    assert seen.time_ns >= network.time.now


def test_the_tree_follows_the_canisters() -> None:
    """Controllers, module, metadata and certified data are current in the next certificate, and end with the canister."""
    network = ScriptedNetwork()

    def certify(run: Run) -> None:
        run.outcome.certified_data = run.message.arg
        run.reply()

    canister = network.deploy(
        network.machine.module(
            {"canister_update certify": certify}, metadata={"candid:service": Section(public=True, content=b"service : {}")}
        )
    )
    network.call(canister, "certify", b"fresh")
    network.managed("update_settings", {"canister_id": canister, "settings": {"controllers": [STRANGER, OWNER]}})
    base = (b"canister", canister.raw)
    seen = certified(network, (*base, b"certified_data"), (*base, b"metadata", b"candid:service"), (*base, b"controllers"))
    assert seen.lookup([*base, b"certified_data"]) == Found(b"fresh")
    assert seen.lookup([*base, b"metadata", b"candid:service"]) == Found(b"service : {}")
    controllers = seen.lookup([*base, b"controllers"])
    assert isinstance(controllers, Found)
    assert cbor.loads(controllers.value) == sorted([OWNER.raw, STRANGER.raw])
    network.managed("stop_canister", {"canister_id": canister})
    network.managed("delete_canister", {"canister_id": canister})
    assert certified(network, (*base, b"controllers")).lookup([*base, b"controllers"]) == Absent()


def test_both_layouts_of_ranges_cover_the_canisters() -> None:
    """The subnet's blob and the shards say the same ranges, and a new canister is in them."""
    network = ScriptedNetwork()
    subnet = network.replica.keys.subnet_id
    first = CANISTER_RANGES[0][0]
    seen = certified(network, (b"subnet", subnet, b"canister_ranges"), (b"canister_ranges", subnet))
    blob = seen.lookup([b"subnet", subnet, b"canister_ranges"])
    assert isinstance(blob, Found)
    assert blob == seen.lookup([b"canister_ranges", subnet, first])
    assert cbor.loads(blob.value) == [list(pair) for pair in CANISTER_RANGES]
    assert is_in_ranges(network.create().raw)
    assert not is_in_ranges(OWNER.raw)


def test_requests_are_forgotten_some_time_after_their_expiry() -> None:
    """A status stays for five minutes past the expiry and is certified absent afterwards."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": lambda run: run.reply(b"done")}))
    request = network.submit(canister, "go")
    assert isinstance(request, bytes)
    network.run()
    path = (b"request_status", request, b"reply")
    network.time.now += 400 * SECOND
    network.replica.tick()
    assert certified(network, path).lookup(path) == Found(b"done")
    network.time.now += limits.REQUEST_STATUS_RETENTION_NS
    network.replica.tick()
    assert certified(network, path).lookup(path) == Absent()


def test_a_request_whose_response_is_forgotten_is_done() -> None:
    """Only its status is left: nobody can run it again, and nobody takes it for unknown."""
    network = ScriptedNetwork(state=ReplicaState(requests=RequestStore(max_response_bytes=0)))
    canister = network.deploy(network.machine.module({"canister_update go": lambda run: run.reply(b"done")}))
    first, second = network.submit(canister, "go"), network.submit(canister, "go")
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    network.run()
    assert certified(network, (b"request_status", second)).lookup([b"request_status", second, b"status"]) == Found(b"replied")
    seen = certified(network, (b"request_status", first))
    assert seen.lookup([b"request_status", first, b"status"]) == Found(b"done")
    assert seen.lookup([b"request_status", first, b"reply"]) == Absent()


def test_readers_of_one_moment_share_a_signature() -> None:
    """A state that has not changed is signed once in a while, a changed one at once."""
    network = ScriptedNetwork()
    first, again = certified(network, (b"time",)), certified(network, (b"subnet",))
    assert first.signature == again.signature
    network.create()
    changed = certified(network, (b"time",))
    assert changed.signature != first.signature
    network.time.now += 2 * CERTIFICATE_REUSE_NS
    later = certified(network, (b"time",))
    assert later.time_ns > changed.time_ns


def test_a_rejected_request_shows_code_text_and_error_code() -> None:
    """The three leaves of a reject are there, and no reply."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": lambda run: run.reject("no")}))
    request = network.submit(canister, "go")
    assert isinstance(request, bytes)
    network.run()
    seen = certified(network, (b"request_status", request))
    leaves = {
        name: seen.lookup([b"request_status", request, name]) for name in (b"status", b"reject_code", b"reject_message", b"error_code")
    }
    assert leaves == {
        b"status": Found(b"rejected"),
        b"reject_code": Found(b"\x04"),
        b"reject_message": Found(b"no"),
        b"error_code": Found(b"IC0406"),
    }
    assert seen.lookup([b"request_status", request, b"reply"]) == Absent()


def test_naturals_are_leb128() -> None:
    """The specification's example, and the smallest number."""
    assert encode_natural(624485) == bytes.fromhex("e58e26")
    assert encode_natural(0) == b"\x00"
    assert decode_leb128(encode_natural(2**60)) == 2**60
