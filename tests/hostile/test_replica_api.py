"""What strangers may send to the network: nothing but answers comes back, whatever it is."""

import time
from functools import partial

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.candid import load_interface
from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.protocol import cbor
from orchestrator.replica.driver import Driver
from orchestrator.replica.http.api import Api
from orchestrator.replica.http.exchange import HttpError, HttpRequest, HttpResponse
from orchestrator.replica.http.gateway import Gateway
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Reply
from tests.support.scripted_machine import answer
from tests.support.scripted_network import OWNER, STRANGER, ScriptedNetwork

EXAMPLES = 60
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.binary(max_size=40) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
OPERATIONS = st.sampled_from(["call", "query", "read_state"])


class NoPersistence:
    """Keeps nothing."""

    def save_created(self) -> None:
        """Do nothing."""

    def checkpoint(self) -> float:
        """Do nothing."""
        return 0.0


async def ask(network: ScriptedNetwork, request: HttpRequest, *, gateway: bool = False) -> HttpResponse:
    """Send a request to a network that runs in this process."""
    driver = Driver(network.replica, NoPersistence(), limiter=anyio.CapacityLimiter(1))
    handler = Gateway(driver).answer if gateway else Api(driver, implementation="test").answer
    try:
        return await handler(request)
    except HttpError as error:
        return error.response


def post(network: ScriptedNetwork, path: str, body: bytes) -> HttpResponse:
    """Send a body to the API."""
    return anyio.run(ask, network, HttpRequest(method="POST", path=path, target=path, query="", headers=(), body=body))


@pytest.fixture(scope="module")
def network() -> ScriptedNetwork:
    """Return a network with one canister at the present time."""
    made = ScriptedNetwork()
    made.deploy(made.machine.module({"canister_query ask": answer(b"yes"), "canister_update ask": answer(b"yes")}))
    made.time.now = time.time_ns()
    return made


@settings(max_examples=EXAMPLES)
@given(operation=OPERATIONS, body=st.binary(max_size=200))
def test_bytes_that_are_no_envelope_are_client_errors(network: ScriptedNetwork, operation: str, body: bytes) -> None:
    """Random bytes get a 4xx."""
    assert 400 <= post(network, f"/api/v3/canister/aaaaa-aa/{operation}", body).status < 500


@settings(max_examples=EXAMPLES)
@given(operation=OPERATIONS, name=st.sampled_from(["content", "sender_pubkey", "sender_sig", "sender_delegation"]), value=VALUES)
def test_envelopes_with_one_odd_part_are_answered(network: ScriptedNetwork, operation: str, name: str, value: object) -> None:
    """Whatever stands in an envelope's field, the answer is a 200, a 202 or a 4xx."""
    body = cbor.dumps({**envelope(network, operation), name: value})
    status = post(network, f"/api/v3/canister/{canister_of(network)}/{operation}", body).status
    assert status in {200, 202} or 400 <= status < 500


@settings(max_examples=EXAMPLES * 2)
@given(
    operation=OPERATIONS,
    name=st.sampled_from(["request_type", "sender", "nonce", "ingress_expiry", "canister_id", "method_name", "arg", "paths", "other"]),
    value=VALUES,
)
def test_contents_with_one_odd_field_are_answered(network: ScriptedNetwork, operation: str, name: str, value: object) -> None:
    """Whatever stands in a content's field, the answer is a 200, a 202 or a 4xx."""
    whole = envelope(network, operation)
    content = whole["content"]
    assert isinstance(content, dict)
    body = cbor.dumps({"content": {**content, name: value}})
    status = post(network, f"/api/v3/canister/{canister_of(network)}/{operation}", body).status
    assert status in {200, 202} or 400 <= status < 500


@settings(max_examples=EXAMPLES)
@given(
    paths=st.lists(
        st.lists(st.binary(max_size=33) | st.sampled_from([b"canister", b"time", b"subnet", b"request_status"]), max_size=5), max_size=5
    )
)
def test_any_paths_are_certified_or_refused(network: ScriptedNetwork, paths: list[list[bytes]]) -> None:
    """Odd paths never break the tree."""
    content = {"request_type": "read_state", "sender": ANONYMOUS.raw, "ingress_expiry": network.time.now, "paths": paths}
    status = post(network, f"/api/v3/canister/{canister_of(network)}/read_state", cbor.dumps({"content": content})).status
    assert status in {200, 400, 403, 404}


def management_methods() -> list[str]:
    """Return the names of all methods of the interface."""
    service = load_interface("management").service
    assert service is not None
    return sorted(service.methods)


@settings(max_examples=EXAMPLES * 2)
@given(
    method=st.sampled_from(management_methods()),
    arg=st.binary(max_size=80),
    prefix=st.sampled_from([b"", b"DIDL", b"DIDL\x00", b"DIDL\x01\x6c"]),
)
def test_the_management_canister_survives_any_argument(network: ScriptedNetwork, method: str, arg: bytes, prefix: bytes) -> None:
    """Every method answers every argument with a reply or a rejection, as call and as query."""
    called = network.call(Principal(b""), method, prefix + arg, caller=STRANGER)
    asked = network.replica.query(b"", method, prefix + arg, OWNER.raw)
    assert isinstance(called, Reply | Rejection)
    assert isinstance(asked, Reply | Rejection)


@settings(max_examples=EXAMPLES)
@given(reply=st.binary(max_size=120), prefix=st.sampled_from([b"", b"DIDL", b"DIDL\x01\x6c"]))
def test_the_gateway_survives_any_answer(reply: bytes, prefix: bytes) -> None:
    """A canister that answers rubbish gets its page, not a failure."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_query http_request": answer(prefix + reply)}))
    request = HttpRequest(method="GET", path="/", target="/", query=f"canisterId={canister}", headers=())
    found = anyio.run(partial(ask, network, request, gateway=True))
    assert found.status == 502


def canister_of(network: ScriptedNetwork) -> Principal:
    """Return the network's first canister."""
    return Principal(next(iter(network.state.canisters)))


def envelope(network: ScriptedNetwork, operation: str) -> dict[str, object]:
    """Return an anonymous request that would be accepted."""
    content: dict[str, object] = {
        "request_type": operation,
        "sender": ANONYMOUS.raw,
        "ingress_expiry": network.time.now + 60_000_000_000,
        "canister_id": canister_of(network).raw,
        "method_name": "ask",
        "arg": b"",
        "paths": [[b"time"]],
    }
    return {"content": content}
